internal import OunceCore

/// A checkpoint from before 0.2: a tar archive.
///
/// | member | what |
/// |---|---|
/// | `sys_info` | a pickle about the machine |
/// | `pickle` | what was saved; its persistent identifiers are keys of tensors and storages, as texts |
/// | `tensors` | a count; for each: a pickle `(key, storage, class)`, number of dimensions, sizes, strides, offset |
/// | `storages` | a count; for each: a pickle `(key, device, class)`, number of elements, the elements; then views |
///
/// Numbers between pickles are little endian, of 8 bytes. Source: `legacy_load` in torch/serialization.py
struct TorchTarFile {
  private let file: InputFile
  private static let blockByteCount = 512

  init(_ file: InputFile) { self.file = file }

  static func isTar(_ candidate: Candidate) -> Bool {
    candidate.has("sys_info\0") && candidate.has("ustar", at: 257)
  }

  func model() throws(OunceError) -> Model {
    let members = try members()
    guard let storagesFile = members["storages"], let tensorsFile = members["tensors"],
      let pickleFile = members["pickle"]
    else {
      throw OunceError(.malformed, "lacks one of the members storages, tensors, pickle", file: file.path, offset: 0)
    }
    var storages = TarStorages()
    var remarks: [Remark] = []
    try storages.read(storages: storagesFile, &remarks)
    try storages.read(tensors: tensorsFile, &remarks)
    let pickle = try PickleMachine.run(pickleFile)
    var tensors = PickleTensors(pickle, storages)
    try tensors.collect()
    remarks = PickleGlobals.remarks(pickle) + remarks + tensors.remarks
    return Model(
      path: file.path, container: PyTorchContainer().name, tensors: tensors.tensors, files: [file], remarks: remarks)
  }

  /// The members by name, as far as the archive goes.
  private func members() throws(OunceError) -> [String: InputFile] {
    var members: [String: InputFile] = [:]
    var reader = ByteReader(file)
    while reader.remainingByteCount >= Self.blockByteCount, members.count < Limits.tarMembers {
      let start = reader.offset
      let header = try reader.bytes(Self.blockByteCount)
      let name = String(decoding: header.prefix(100).prefix { $0 != 0 }, as: UTF8.self)
      if name.isEmpty { break }
      let digits = header[124..<136].drop { $0 == 0x20 }.prefix { (0x30..<0x38).contains($0) }
      let byteCount = digits.reduce(0) { $0 << 3 | Int($1 - 0x30) }
      guard byteCount <= reader.remainingByteCount else {
        throw reader.malformed(
          "the member \(name) has \(byteCount) bytes, but only \(reader.remainingByteCount) follow", at: start,
          remedy: "the download was cut short; fetch it again")
      }
      let range = reader.offset..<reader.offset + byteCount
      members[name] = InputFile(path: "\(file.path)/\(name)", part: range, of: file)
      let padded = (byteCount + Self.blockByteCount - 1) / Self.blockByteCount * Self.blockByteCount
      try reader.skip(min(padded, reader.remainingByteCount))
    }
    return members
  }
}

/// Storages and the tensors on them, by the texts of their keys.
private struct TarStorages: TorchStorages {
  private var storages: [ExactString: TorchStorage] = [:]
  private var references: [ExactString: TorchStorageReference] = [:]
  private var tensors: [ExactString: TorchTensorReference] = [:]

  func storage(_ key: String) -> TorchStorage? { storages[ExactString(key)] }

  func tensor(_ key: String) -> TorchTensorReference? {
    tensors[ExactString(key)]
      ?? references[ExactString(key)].map {
        TorchTensorReference(storage: $0, offset: 0, shape: [$0.elementCount], strides: [1])
      }
  }

  mutating func read(storages file: InputFile, _ remarks: inout [Remark]) throws(OunceError) {
    var (count, end) = try Self.count(file)
    while count > 0 {
      let pickle = try Self.run(file, at: end, &remarks)
      guard let items = pickle.items(pickle.root), items.count == 3, let key = Self.key(pickle, items[0]),
        let type = pickle.path(items[2]).flatMap(TorchType.storage)
      else { throw Self.malformed("a storage is described in a way that is not known", file, end) }
      var reader = ByteReader(file, at: pickle.end)
      let elementCount = try reader.count(
        atMost: 1 << 58, of: "elements of a storage", elementByteCount: type.byteCount)
      let byteCount = elementCount * type.byteCount
      storages[ExactString(key)] = TorchStorage(file: file, offset: reader.offset, byteCount: byteCount)
      references[ExactString(key)] = TorchStorageReference(key: key, type: type, elementCount: elementCount)
      try reader.skip(byteCount)
      (count, end) = (count - 1, reader.offset)
    }
    let views = try Self.run(file, at: end, &remarks)
    for view in views.items(views.root) ?? [] {
      guard let parts = views.items(view), parts.count == 4, let key = Self.key(views, parts[0]),
        let root = Self.key(views, parts[1]).flatMap({ references[ExactString($0)] }),
        let offset = views.integer(parts[2]), let elementCount = views.integer(parts[3])
      else { throw Self.malformed("a view of a storage is described in a way that is not known", file, end) }
      var reference = root
      reference.view = (key, offset, elementCount)
      references[ExactString(key)] = reference
    }
  }

  mutating func read(tensors file: InputFile, _ remarks: inout [Remark]) throws(OunceError) {
    var (count, end) = try Self.count(file)
    while count > 0 {
      let pickle = try Self.run(file, at: end, &remarks)
      guard let items = pickle.items(pickle.root), items.count == 3, let key = Self.key(pickle, items[0]),
        let storage = Self.key(pickle, items[1]).flatMap({ references[ExactString($0)] })
      else { throw Self.malformed("a tensor is described in a way that is not known", file, end) }
      var reader = ByteReader(file, at: pickle.end)
      let start = reader.offset
      let dimensionCount = try reader.check(
        UInt64(try reader.integer(UInt32.self)), atMost: Limits.dimensions, of: "dimensions", at: start)
      try reader.skip(4)
      let shape = try reader.integers(dimensionCount, Int64.self).map(Int.init)
      let strides = try reader.integers(dimensionCount, Int64.self).map(Int.init)
      let offset = Int(try reader.integer(Int64.self))
      tensors[ExactString(key)] = TorchTensorReference(
        storage: storage, offset: offset, shape: shape, strides: strides)
      (count, end) = (count - 1, reader.offset)
    }
  }

  /// How many things follow, and where.
  private static func count(_ file: InputFile) throws(OunceError) -> (count: Int, end: Int) {
    let pickle = try PickleMachine.run(file)
    guard let count = pickle.integer(pickle.root), count >= 0, count <= Limits.tensors else {
      throw malformed("does not begin with a count up to the limit of \(Limits.tensors)", file, 0)
    }
    return (count, pickle.end)
  }

  private static func run(
    _ file: InputFile, at offset: Int, _ remarks: inout [Remark]
  ) throws(OunceError) -> Pickle {
    let pickle = try PickleMachine.run(file, at: offset)
    for remark in PickleGlobals.remarks(pickle) where !remarks.contains(remark) && remark.kind == .danger {
      if remarks.count < Limits.listedGlobals { remarks.append(remark) }
    }
    return pickle
  }

  private static func key(_ pickle: Pickle, _ value: PickleValue) -> String? {
    pickle.text(value) ?? pickle.integer(value).map(String.init)
  }

  private static func malformed(_ problem: String, _ file: InputFile, _ offset: Int) -> OunceError {
    OunceError(.malformed, problem, file: file.path, offset: offset)
  }
}
