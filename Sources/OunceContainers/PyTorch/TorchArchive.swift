internal import OunceCore

/// A checkpoint in a zip archive.
struct TorchArchive {
  private let archive: ZipArchive
  /// What the names of all members begin with: `archive/`.
  private let prefix: String

  private static let pickleName = "data.pkl"

  /// The folder of the archive that holds the checkpoint, with its slash; nil when there is none.
  static func prefix(of archive: ZipArchive) -> String? {
    let names = archive.members.lazy.map(\.name).filter { $0 == pickleName || $0.hasSuffix("/" + pickleName) }
    return names.min { $0.utf8.count < $1.utf8.count }.map { String($0.dropLast(pickleName.count)) }
  }

  init(_ archive: ZipArchive) throws(OunceError) {
    guard let prefix = Self.prefix(of: archive) else {
      throw OunceError(.malformed, "the archive has no member data.pkl", file: archive.file.path, offset: 0)
    }
    self.archive = archive
    self.prefix = prefix
  }

  /// The only thing that was saved, as the shards of a distributed checkpoint hold one tensor each.
  func model() throws(OunceError) -> Model {
    if let first = archive.members.map(\.headerOffset).min(), first > 0, try archive.file.head(2) == Array("PK".utf8) {
      throw OunceError(
        .unsupported, "is several archives one after the other, a part of a torch.distributed checkpoint",
        file: archive.file.path, offset: first, remedy: "name the folder that holds it and .metadata")
    }
    let isBigEndian = try isBigEndian()
    guard let file = try member(Self.pickleName) else {
      throw OunceError(.malformed, "the archive has no member data.pkl", file: archive.file.path, offset: 0)
    }
    let pickle = try PickleMachine.run(file)
    var tensors = PickleTensors(
      pickle, ArchivedStorages(archive: archive, prefix: prefix + "data/"), isBigEndian: isBigEndian)
    try tensors.collect()
    var model = Model(
      path: archive.file.path, container: PyTorchContainer().name, tensors: tensors.tensors, files: [archive.file],
      remarks: PickleGlobals.remarks(pickle) + tensors.remarks)
    if let file = try member("constants.pkl") { try addConstants(file, isBigEndian, to: &model) }
    return model
  }

  /// The constants of TorchScript's code, under the names that the code gives them: `CONSTANTS.c0`.
  private func addConstants(_ file: InputFile, _ isBigEndian: Bool, to model: inout Model) throws(OunceError) {
    let pickle = try PickleMachine.run(file)
    let storages = ArchivedStorages(archive: archive, prefix: prefix + "constants/")
    var tensors = PickleTensors(pickle, storages, isBigEndian: isBigEndian)
    try tensors.collect("CONSTANTS")
    let names = Set(model.tensors.map { ExactString($0.info.name) })
    for tensor in tensors.tensors {
      let parts = tensor.info.name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
      let name = parts.count == 2 ? "\(parts[0]).c\(parts[1])" : tensor.info.name
      guard !names.contains(ExactString(name)) else { throw tensors.malformed("two tensors have this name", name) }
      model.tensors.append(tensor.renamed(name))
    }
    model.remarks += PickleGlobals.remarks(pickle).filter { !model.remarks.contains($0) } + tensors.remarks
  }

  private func member(_ name: String) throws(OunceError) -> InputFile? {
    guard let member = archive.member(prefix + name) else { return nil }
    return try archive.open(member)
  }

  private func isBigEndian() throws(OunceError) -> Bool {
    guard let file = try member("byteorder") else { return false }
    let text = String(decoding: try file.wholeContent(atMost: 64), as: UTF8.self)
    guard text == "little" || text == "big" else {
      throw OunceError(
        .malformed, "the member byteorder says \"\(text)\", where \"little\" or \"big\" is expected", file: file.path,
        offset: 0)
    }
    return text == "big"
  }
}
