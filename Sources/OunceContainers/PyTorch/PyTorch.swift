public import OunceCore

/// PyTorch checkpoints, TorchScript archives, and pickles that hold arrays.
///
/// Since 1.6 a file is a zip archive, whose members all stand in one folder of any name:
///
/// | member | what |
/// |---|---|
/// | `data.pkl` | a pickle of whatever was saved; its tensors name their storages |
/// | `data/KEY` | a storage: elements without a header |
/// | `byteorder` | `little` or `big`; without it, little |
/// | `version`, `.data/serialization_id`, … | not needed |
/// | `constants.pkl`, `constants/KEY`, `code/…` | TorchScript: constants of the code, and the code, which nobody runs |
///
/// Before, it was five pickles (a magic number, a version, the machine, what was saved, the keys of the storages), and
/// the storages in the order of these keys: 8 bytes with the number of elements, then the elements. These are little
/// endian on every machine. Before 0.2 it was a tar archive: see `TorchTarFile`.
///
/// Source of the format: https://github.com/pytorch/pytorch/blob/main/torch/serialization.py
///
/// Pickles are read as data: see `PickleMachine`. What a pickle imports beyond the parts of tensors is left aside with
/// a remark, and one of danger where it could act.
public struct PyTorchContainer: Container {
  public let name = "PyTorch"
  /// Not `bin`, which says nothing.
  public let fileExtensions = ["pt", "pth", "ckpt"]
  public let sharesBytes = true

  public init() {}

  public func recognizes(_ candidate: Candidate) -> Bool {
    if let archive = candidate.archive { return TorchArchive.prefix(of: archive) != nil }
    return TorchLegacyFile.isMagic(candidate.head) || Self.isPickle(candidate.head) || TorchTarFile.isTar(candidate)
  }

  /// A protocol from 2 to 5, and an instruction that such a pickle begins with. Older protocols begin like text.
  static func isPickle(_ head: [UInt8]) -> Bool {
    guard head.count >= 3, head[0] == PickleOpcode.protocolVersion.rawValue, (2...5).contains(head[1]) else {
      return false
    }
    return PickleOpcode(rawValue: head[2]) != nil
  }

  public func read(_ file: InputFile) throws(OunceError) -> Model {
    let candidate = try Candidate(file)
    if let archive = candidate.archive { return try TorchArchive(archive).model() }
    if TorchLegacyFile.isMagic(candidate.head) { return try TorchLegacyFile(file).model() }
    if TorchTarFile.isTar(candidate) { return try TorchTarFile(file).model() }
    return try pickle(file)
  }

  /// A pickle alone. One without arrays may be anything.
  private func pickle(_ file: InputFile) throws(OunceError) -> Model {
    let pickle = try PickleMachine.run(file)
    var tensors = PickleTensors(pickle, NoStorages())
    try tensors.collect()
    let remarks = PickleGlobals.remarks(pickle)
    guard !tensors.tensors.isEmpty || !tensors.remarks.isEmpty || remarks.contains(where: { $0.kind == .danger }) else {
      throw OunceError(
        .unsupported, "is a pickle that holds no tensor", file: file.path, offset: 0,
        remedy: "name the file that holds the weights")
    }
    return Model(
      path: file.path, container: name, tensors: tensors.tensors, files: [file], remarks: remarks + tensors.remarks)
  }
}
