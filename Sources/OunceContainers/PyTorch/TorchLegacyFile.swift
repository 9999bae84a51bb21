internal import OunceCore

/// A checkpoint from before 1.6: pickles and storages one after the other.
struct TorchLegacyFile {
  private let file: InputFile

  init(_ file: InputFile) { self.file = file }

  /// The magic number, 0x1950A86A20F9469CFC6C, as the bytes of a pickled integer, and as protocol 0 and 1 print it.
  private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
  private static let magicDigits = Array("119547037146038801333356".utf8)

  /// Whether a file begins with a pickle of the magic number, of whatever protocol.
  static func isMagic(_ head: [UInt8]) -> Bool {
    let start = head.prefix(32)
    func contains(_ bytes: [UInt8]) -> Bool { start.indices.contains { start[$0...].starts(with: bytes) } }
    if head.first == PickleOpcode.protocolVersion.rawValue { return contains(magic) }
    return head.first == PickleOpcode.long.rawValue && start.dropFirst().starts(with: magicDigits)
  }

  func model() throws(OunceError) -> Model {
    let magic = try PickleMachine.run(file)
    guard case .bytes(let index) = magic.root, case .memory(let bytes) = magic.runs[index],
      bytes == Self.magic || bytes == Self.magicDigits
    else { throw malformed("the magic number is wrong", at: 0) }
    let version = try PickleMachine.run(file, at: magic.end)
    guard version.integer(version.root) == 1001 else {
      throw malformed("the version of the format is not 1001", at: magic.end)
    }
    let machine = try PickleMachine.run(file, at: version.end)
    let object = try PickleMachine.run(file, at: machine.end)
    let keys = try PickleMachine.run(file, at: object.end)
    let storages = try LegacyStorages(object, keys)
    var tensors = PickleTensors(object, storages)
    try tensors.collect()
    // What hides in the other pickles is looked at, too.
    var remarks = PickleGlobals.remarks(object)
    for pickle in [magic, version, machine, keys] {
      remarks += PickleGlobals.remarks(pickle).filter { !remarks.contains($0) }
    }
    return Model(
      path: file.path, container: PyTorchContainer().name, tensors: tensors.tensors, files: [file],
      remarks: remarks + tensors.remarks)
  }

  private func malformed(_ problem: String, at offset: Int) -> OunceError {
    OunceError(.malformed, problem, file: file.path, offset: offset)
  }
}

/// Storages behind the pickles, in the order of the last one.
private struct LegacyStorages: TorchStorages {
  private var storages: [ExactString: TorchStorage] = [:]

  func storage(_ key: String) -> TorchStorage? { storages[ExactString(key)] }

  init(_ object: Pickle, _ keys: Pickle) throws(OunceError) {
    let file = object.file
    var references: [ExactString: TorchStorageReference] = [:]
    for (index, node) in object.nodes.enumerated() where node.kind == .persistent {
      guard let reference = TorchStorageReference(object, .node(index)) else { continue }
      let key = ExactString(reference.key)
      if references[key] == nil { references[key] = reference }
    }
    guard let items = keys.items(keys.root) else {
      throw OunceError(.malformed, "the keys of the storages are no list", file: file.path, offset: object.end)
    }
    var reader = ByteReader(file, at: keys.end)
    for item in items {
      guard let text = keys.text(item) ?? keys.integer(item).map(String.init),
        let reference = references[ExactString(text)]
      else { throw reader.malformed("the key of a storage is not one that a tensor names") }
      guard storages[ExactString(text)] == nil else { throw reader.malformed("the storage \(text) is there twice") }
      guard let width = reference.type?.byteCount else {
        throw OunceError(
          .unsupported, "the storage \(text) has elements of \(reference.typeName)", file: file.path,
          offset: reader.offset, remedy: "save the tensors with a newer version of PyTorch")
      }
      let start = reader.offset
      let count = try reader.count(atMost: 1 << 58, of: "elements of a storage", elementByteCount: width)
      guard count == reference.elementCount else {
        throw reader.malformed(
          "the storage \(text) has \(count) elements, where the pickle says \(reference.elementCount)", at: start)
      }
      storages[ExactString(text)] = TorchStorage(file: file, offset: reader.offset, byteCount: count * width)
      try reader.skip(count * width)
    }
  }
}
