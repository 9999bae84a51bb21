public import OunceCore

/// From a path to a model: the entry point of everything that reads weights.
public enum Open {
  /// Opens a file, a folder, or an index file as one model. Reads headers only.
  ///
  /// - A **file** is known by its content. Of a sharded model any one shard is enough: its siblings are found by the
  ///   index beside it, by `split.count` in a GGUF, or by names such as `model-00002-of-00005.safetensors`.
  /// - An **index** (`*.index.json`) names the shards of its folder.
  /// - In a **folder** the first of these that is there counts: an index, `model.safetensors`, the shards or the only
  ///   file named `model…safetensors`, the only other safetensors file or set of shards, the only GGUF or split set, a
  ///   format that is a folder, a file of another container (`FolderContents`). What stays ambiguous is an error that
  ///   lists the choices.
  ///
  /// `companions` of the result are the other files of a checkpoint folder (one that was named, or that has a
  /// `config.json` or its like beside the named file), those of its subfolders included.
  ///
  /// - Parameter spillFolder: where compressed members of archives are unpacked when they are read, without a name;
  ///   nil:
  ///   what TMPDIR says.
  /// - Throws: `OunceError`; `.notFound` for shards that are missing, `.unsupported` for weights of another kind.
  public static func model(at path: String, spillFolder: String? = nil) throws(OunceError) -> Model {
    let pool = DescriptorPool(spillSpace: SpillSpace(folder: spillFolder))
    var model: Model
    let folder: String?
    if Paths.isFolder(path) {
      if let error = Probe.unfinished(folder: path) { throw error }
      model = try FolderContents(path, pool).open()
      folder = path
    } else if path.hasSuffix(ShardIndex.ending) {
      model = try ShardIndex(path: path, pool: pool).open()
      folder = Paths.folder(of: path)
    } else {
      model = try file(path, pool)
      let parent = Paths.folder(of: path)
      folder = FolderContents.isCheckpoint(parent) ? parent : nil
    }
    if let folder, model.companions.isEmpty {
      model.companions = try Companions.files(in: folder, except: model.files, pool)
    }
    model.path = path
    model = try MLXPlanes.assembled(model)
    try model.joinQuantizedWeights()
    return model
  }

  /// What of a folder was not finished: downloads of browsers and programs, outputs of ounce. Names relative to it.
  public static func unfinishedNames(in folder: String) -> [String] { Probe.unfinishedNames(in: folder) }

  /// The files beside the weights of a checkpoint folder, as a model without tensors: the weights need not be there.
  public static func settings(of folder: String) throws(OunceError) -> Model {
    guard Paths.isFolder(folder) else {
      throw OunceError(
        Paths.exists(folder) ? .request : .notFound, "is no folder", file: folder,
        remedy: "name the folder of a checkpoint, with its config.json")
    }
    return Model(
      path: folder, container: "safetensors", companions: try Companions.files(in: folder, except: [], DescriptorPool())
    )
  }

  /// Opens one file and the shards that belong to it.
  static func file(_ path: String, _ pool: DescriptorPool) throws(OunceError) -> Model {
    if let index = try CheckpointFiles.index(for: path) { return try file(index, pool) }
    if let error = Probe.unfinished(path), Paths.isFile(path) { throw error }
    let name = Paths.name(of: path)
    if let shard = ShardName(name), ["safetensors", "bin"].contains(shard.ending) {
      let index = Paths.join(Paths.folder(of: path), "\(shard.base).\(shard.ending)\(ShardIndex.ending)")
      if Paths.isFile(index) {
        let set = try ShardIndex(path: index, pool: pool)
        if set.shards.contains(name) { return try set.open() }
      }
      // Tells a wrong path from a missing sibling.
      _ = try InputFile(path: path, pool: pool)
      return try ShardSet(path: path, shard, pool).open()
    }
    let model = try Containers.read(try InputFile(path: path, pool: pool))
    return try GGUFSplitSet(first: model, path: path, pool)?.open() ?? model
  }
}

/// The name of one file of several: `<base>-00002-of-00005.<ending>`.
public struct ShardName: Equatable, Sendable {
  public let base: String
  /// From 1 to `count`.
  public let number: Int
  public let count: Int
  public let ending: String

  /// nil when `name` is no such name.
  public init?(_ name: String) {
    guard let dot = name.lastIndex(of: ".") else { return nil }
    let parts = name[..<dot].split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 4, parts[parts.count - 2] == "of",
      let number = Self.digits(parts[parts.count - 3]), let count = Self.digits(parts[parts.count - 1]),
      number >= 1, number <= count
    else { return nil }
    base = parts.dropLast(3).joined(separator: "-")
    self.number = number
    self.count = count
    ending = String(name[name.index(after: dot)...])
  }

  /// The value of exactly five digits, as all tools write them.
  private static func digits(_ text: Substring) -> Int? {
    guard text.utf8.count == 5, text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else {
      return nil
    }
    return Int(text)
  }

  /// The name of shard `number` of `count`.
  static func name(_ base: String, _ number: Int, of count: Int, ending: String) -> String {
    func digits(_ value: Int) -> String {
      String(repeating: "0", count: max(0, 5 - String(value).count)) + String(value)
    }
    return "\(base)-\(digits(number))-of-\(digits(count)).\(ending)"
  }

  /// The names of the whole set.
  var names: [String] { (1...count).map { Self.name(base, $0, of: count, ending: ending) } }
}

/// Up to `Limits.listedNames` names, and how many more there are.
func listed(_ names: some Collection<String>) -> String {
  let shown = names.prefix(Limits.listedNames).joined(separator: ", ")
  let rest = names.count - min(names.count, Limits.listedNames)
  return rest > 0 ? "\(shown) and \(rest) more" : shown
}

/// What is wrong with a key that is there already. Metadata is found by its text, so that two spellings of one letter
/// are one key: no program writes both.
func repeated(_ key: String, _ known: String) -> String {
  ExactString(key) == ExactString(known)
    ? "the metadata key \"\(key)\" appears twice"
    : "the metadata key \"\(key)\" differs from another one only in its Unicode form"
}
