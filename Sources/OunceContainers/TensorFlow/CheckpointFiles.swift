internal import OunceCore

/// The names of the files of a checkpoint.
enum CheckpointFiles {
  static let ending = ".index"
  /// The file that tells the last checkpoint of a folder: a `CheckpointState` as text.
  static let stateName = "checkpoint"
  private static let stateKey = "model_checkpoint_path:"

  /// The name of a shard, counted from 0.
  static func shard(_ number: Int, of count: Int, index: String) -> String {
    let base = index.hasSuffix(ending) ? String(index.dropLast(ending.count)) : index
    return "\(base).data-\(digits(number))-of-\(digits(count))"
  }

  private static func digits(_ number: Int) -> String {
    String(repeating: "0", count: max(0, 5 - "\(number)".count)) + "\(number)"
  }

  /// The index of the checkpoint that a path belongs to, where it is another file: to a shard, to the graph beside it,
  /// to the file that tells the last one, to a name without any ending, as TensorFlow's functions take it. These have
  /// nothing in them by which they could be known.
  static func index(for path: String) throws(OunceError) -> String? {
    let name = Paths.name(of: path)
    if name == stateName, Paths.isFile(path) {
      let folder = Paths.folder(of: path)
      let state = try InputFile(path: path)
      guard state.byteCount <= Limits.checkpointStateByteCount,
        try state.head(stateKey.utf8.count).elementsEqual(stateKey.utf8)
      else { return nil }
      return Paths.join(folder, try last(state, among: try Paths.names(in: folder)))
    }
    var index = path + ending
    if let base = base(ofShard: path) {
      index = base + ending
    } else if path.hasSuffix(".meta") {
      index = path.dropLast(".meta".count) + ending
    } else if Paths.exists(path) {
      return nil
    }
    return Paths.isFile(index) ? index : nil
  }

  /// `NAME` of `NAME.data-00000-of-00001`.
  private static func base(ofShard path: String) -> String? {
    let count = ".data-00000-of-00001".utf8.count
    guard path.utf8.count > count else { return nil }
    let tail = path.utf8.suffix(count)
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    let pattern = zip(tail, ".data-00000-of-00001".utf8).allSatisfy { byte, expected in
      digits.contains(expected) ? digits.contains(byte) : byte == expected
    }
    return pattern ? String(decoding: path.utf8.dropLast(count), as: UTF8.self) : nil
  }

  /// The index that the file `checkpoint` names, by its last component, since folders move; the only index of the
  /// folder when that is not there.
  ///
  /// - Throws: `OunceError` that lists the choices.
  static func last(_ state: InputFile, among names: [String]) throws(OunceError) -> String {
    let text = String(decoding: try state.wholeContent(atMost: Limits.checkpointStateByteCount), as: UTF8.self)
    let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix(stateKey) }
    let path = line?.dropFirst(stateKey.count).drop { $0 == " " || $0 == "\"" }.prefix { $0 != "\"" }
    let name = path.map { Paths.name(of: String($0)) + ending } ?? ""
    if names.contains(where: { ExactString($0) == ExactString(name) }) { return name }
    let others = names.filter { $0.hasSuffix(ending) && $0 != name }
    if others.count == 1, let only = others.first { return only }
    throw OunceError(
      others.isEmpty ? .notFound : .request,
      others.isEmpty
        ? "names \(name), which is not in the folder"
        : "names \(name), which is not in the folder; others are: \(listed(others))", file: state.path,
      remedy: others.isEmpty ? "download it into the folder" : "name the one to open")
  }
}
