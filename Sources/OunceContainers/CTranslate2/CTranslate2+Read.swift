internal import OrderedCollections
internal import OunceCore
internal import OunceEncoding

struct CTranslate2Reader {
  private var bytes: ByteReader
  private let version: UInt32
  private var tensors: [Tensor] = []
  /// The index of each name in `tensors`.
  private var indices: [ExactString: Int] = [:]

  init(_ file: InputFile) throws(OunceError) {
    bytes = ByteReader(file)
    version = try bytes.integer(UInt32.self)
    guard (1...CTranslate2Container.newestVersion).contains(version) else {
      throw OunceError(
        .unsupported,
        "has the binary version \(version) of CTranslate2; this build reads 1 to \(CTranslate2Container.newestVersion)",
        file: file.path, offset: 0, remedy: "written by a newer CTranslate2? look for a newer ounce")
    }
  }

  mutating func model() throws(OunceError) -> Model {
    var metadata: Metadata = ["ctranslate2.version": .uint32(version)]
    if version > 1 {
      metadata["ctranslate2.spec"] = .string(try string("the name of the specification"))
      metadata["ctranslate2.revision"] = .uint32(try bytes.integer())
    }
    // The fewest bytes of a variable: an empty name, no dimensions, a type.
    let count = try count(of: "variables", elementByteCount: 9)
    tensors.reserveCapacity(count)
    for _ in 0..<count { try variable() }
    if version > 2 {
      let count = try self.count(of: "aliases", elementByteCount: 6)
      guard tensors.count + count <= Limits.tensors else {
        throw bytes.malformed(
          "\(tensors.count) variables and \(count) aliases are more than the limit of \(Limits.tensors)")
      }
      for _ in 0..<count { try alias() }
    }
    guard bytes.remainingByteCount == 0 else {
      throw bytes.malformed("\(bytes.remainingByteCount) bytes follow the last variable")
    }
    return Model(
      path: bytes.file.path, container: "CTranslate2", metadata: metadata, tensors: tensors, files: [bytes.file])
  }

  private mutating func count(of things: String, elementByteCount: Int) throws(OunceError) -> Int {
    let start = bytes.offset
    return try bytes.check(
      UInt64(try bytes.integer(UInt32.self)), atMost: Limits.tensors, of: things, elementByteCount: elementByteCount,
      at: start)
  }

  private mutating func string(_ what: String) throws(OunceError) -> String {
    let start = bytes.offset
    let count = Int(try bytes.integer(UInt16.self))
    guard count > 0, count <= Limits.tensorNameByteCount else {
      throw bytes.malformed("\(what) has \(count) bytes", at: start)
    }
    guard let text = try bytes.string(count - 1), !text.utf8.contains(0) else {
      throw bytes.malformed("\(what) is no text", at: start)
    }
    guard try bytes.integer(UInt8.self) == 0 else { throw bytes.malformed("\(what) does not end in a zero", at: start) }
    return text
  }

  private static let types = ["F32", "I8", "I16", "I32", "F16", "BF16"]
  private static let typesBySize = [1: "I8", 2: "I16", 4: "F32"]

  private mutating func variable() throws(OunceError) {
    let start = bytes.offset
    let name = try string("the name of a variable")
    do throws(OunceError) {
      let rank = Int(try bytes.integer(UInt8.self))
      guard rank <= Limits.dimensions else {
        throw bytes.malformed("\(rank) dimensions are more than the limit of \(Limits.dimensions)")
      }
      let shape = try bytes.integers(rank, UInt32.self).map { Int($0) }
      let typeStart = bytes.offset
      let type = Int(try bytes.integer(UInt8.self))
      let sizeStart = bytes.offset
      let size = Int(try bytes.integer(UInt32.self))
      let known = version >= 4 ? (type < Self.types.count ? Self.types[type] : nil) : Self.typesBySize[type]
      guard let known else {
        throw bytes.malformed(
          version >= 4 ? "has the unknown type \(type)" : "has elements of \(type) bytes", at: typeStart)
      }
      let info = try TensorInfo(name: name, shape: shape, encoding: try Encodings.require(known))
      let expected = version >= 4 ? info.byteCount : info.elementCount
      guard size == expected else {
        let unit = version >= 4 ? "bytes" : "elements"
        throw bytes.malformed(
          "the shape \(shape) of \(known) takes \(expected) \(unit), but \(size) are given", at: sizeStart)
      }
      let region = FileRegion(file: bytes.file, offset: bytes.offset, rowByteCount: info.rowByteCount)
      try bytes.skip(info.byteCount)
      try add(Tensor(info: info, data: region), start)
    } catch {
      var error = error.located(file: bytes.file.path, subject: "variable \(name)")
      error.offset = error.offset ?? start
      throw error
    }
  }

  private mutating func alias() throws(OunceError) {
    let start = bytes.offset
    let name = try string("the name of an alias")
    let target = try string("the variable of an alias")
    guard let index = indices[ExactString(target)] else {
      throw bytes.malformed("stands for the variable \(target), which is not there", at: start)
        .located(subject: "alias \(name)")
    }
    try add(tensors[index].renamed(name), start)
  }

  private mutating func add(_ tensor: Tensor, _ start: Int) throws(OunceError) {
    guard indices.updateValue(tensors.count, forKey: ExactString(tensor.info.name)) == nil else {
      throw bytes.malformed("the name \(tensor.info.name) appears twice", at: start)
    }
    tensors.append(tensor)
  }
}
