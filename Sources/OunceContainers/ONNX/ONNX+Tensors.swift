internal import OunceCore
internal import OunceEncoding

/// One `TensorProto`: where its parts are.
struct ONNXTensorProto {
  /// Where the message is in the file.
  let range: Range<Int>
  private(set) var name = ""
  private var type = 0
  private var sizes: [Int] = []
  private var hasSegment = false
  private var raw: Range<Int>?
  /// Of each field with numbers that is there: the bytes of its only packed run; nil when it is in several parts.
  private var fields: [Int: Range<Int>?] = [:]
  private var isExternal = false
  private var externals: [Range<Int>] = []
  private let message: ProtobufReader

  enum Result {
    case tensor(Tensor)
    /// As the end of a sentence about the tensor.
    case unsupported(String)
  }

  /// Sizes that are looked at before they are too many.
  private static let sizeLimit = 4096
  private static let externalLimit = 64

  init(_ message: ProtobufReader, _ range: Range<Int>) throws(OunceError) {
    self.message = message
    self.range = range
    var reader = message
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .integer(let size)): sizes.append(Int(truncatingIfNeeded: size))
      case (1, .bytes(let range)):
        sizes += try reader.packedIntegers(range, atMost: Self.sizeLimit).map { Int(truncatingIfNeeded: $0) }
      case (2, .integer(let number)): type = Int(exactly: number) ?? .max
      case (3, _): hasSegment = true
      case (8, .bytes(let range)): name = try reader.text(range)
      case (9, .bytes(let range)): raw = range
      case (4, .bytes(let range)), (5, .bytes(let range)), (7, .bytes(let range)), (10, .bytes(let range)),
        (11, .bytes(let range)):
        if !range.isEmpty { fields[field] = fields[field] == nil ? .some(range) : .some(nil) }
      case (4, _), (5, _), (7, _), (10, _), (11, _): fields[field] = .some(nil)
      case (13, .bytes(let range)): externals.append(range)
      case (14, .integer(let place)): isExternal = place == 1
      default: break
      }
      guard sizes.count <= Self.sizeLimit, externals.count <= Self.externalLimit else {
        throw reader.malformed("a tensor has more than \(Self.sizeLimit) sizes", at: range.lowerBound)
      }
    }
  }

  /// The tensor under the name `name`.
  ///
  /// - Throws: `OunceError` when its bytes or numbers are not as many as its shape says.
  func tensor(_ name: String, _ files: inout ONNXExternals) throws(OunceError) -> Result {
    do throws(OunceError) { return try described(name, &files) } catch {
      var error = error.located(file: message.file.path, subject: "tensor \(name)")
      error.offset = error.offset ?? range.lowerBound
      error.remedy = error.remedy ?? ONNXReader.remedy
      throw error
    }
  }

  private func described(_ name: String, _ files: inout ONNXExternals) throws(OunceError) -> Result {
    if type == ONNXType.string { return .unsupported("is a tensor of strings") }
    guard let type = ONNXType.all.first(where: { $0.number == type }) else {
      guard type > 0 else { throw malformed("has no element type") }
      return .unsupported("has the element type \(type), which this build does not know")
    }
    guard let encoding = Encodings.named(type.encoding) else {
      return .unsupported("is of \(type.name), which this build cannot hold")
    }
    if hasSegment { return .unsupported("is a segment of a larger tensor") }
    guard sizes.count <= Limits.dimensions else {
      return .unsupported("has \(sizes.count) dimensions, more than the limit of \(Limits.dimensions)")
    }
    if encoding.elementsPerBlock > 1 {
      let count = sizes.reduce(1) { ($0 & 1) * ($1 & 1) }
      guard count % encoding.elementsPerBlock == 0 else { return .unsupported("has an odd number of \(type.name)") }
    }
    let info = try TensorInfo(name: name, shape: sizes, encoding: encoding)
    let byteCount = type.packedBitCount.map { PackedBits.byteCount(of: info.elementCount, bitCount: $0) }
    let rowByteCount = byteCount == nil ? info.rowByteCount : 1
    let (data, fileIndex) = try content(byteCount ?? info.byteCount, rowByteCount, type, &files)
    var tensor = Tensor(info: info, data: data)
    if let bitCount = type.packedBitCount {
      tensor = Tensor(
        info: info,
        data: PackedBits(data, bitCount: bitCount, isSigned: type.isSigned, columnCount: info.columnCount))
    }
    tensor.fileIndex = fileIndex
    return .tensor(tensor)
  }

  /// The bytes of the tensor, in rows, and which file they are in.
  private func content(
    _ byteCount: Int, _ rowByteCount: Int, _ type: ONNXType, _ files: inout ONNXExternals
  ) throws(OunceError) -> (any TensorData, fileIndex: Int) {
    if isExternal {
      guard raw?.isEmpty ?? true, fields.isEmpty else { throw malformed("has values here and in another file") }
      let place = try files.place(try entries(), byteCount)
      return (FileRegion(file: place.file, offset: place.offset, rowByteCount: rowByteCount), place.index)
    }
    guard byteCount > 0 else { return (Memory(bytes: [], rowByteCount: 0), 0) }
    if let raw, !raw.isEmpty {
      guard fields.isEmpty else { throw malformed("has values in two fields") }
      guard raw.count == byteCount else {
        throw malformed("expected \(byteCount) bytes of \(type.name), found \(raw.count)", at: raw.lowerBound)
      }
      return (FileRegion(file: message.file, offset: raw.lowerBound, rowByteCount: rowByteCount), 0)
    }
    guard let run = fields[type.field] else {
      guard let other = fields.keys.min() else { throw malformed("expected \(byteCount) bytes of values, found none") }
      throw malformed("expected values of \(type.name) in field \(type.field), found them in field \(other)")
    }
    guard fields.count == 1 else { throw malformed("has values in two fields") }
    return (try numbers(run, byteCount, rowByteCount, type), 0)
  }

  /// Values that stand one by one.
  private func numbers(
    _ run: Range<Int>?, _ byteCount: Int, _ rowByteCount: Int, _ type: ONNXType
  ) throws(OunceError) -> any TensorData {
    let wire: ProtobufNumbers.Wire =
      switch type.field {
      case 4: .fixed32
      case 10: .fixed64
      default: .varint
      }
    let expected = byteCount / type.wordByteCount
    if wire != .varint, let run {
      // They lie as they do in memory.
      guard run.count == byteCount else {
        throw malformed("expected \(byteCount) bytes of \(type.name), found \(run.count)", at: run.lowerBound)
      }
      return FileRegion(file: message.file, offset: run.lowerBound, rowByteCount: rowByteCount)
    }
    let numbers = try ProtobufNumbers(message, field: type.field, wire: wire)
    guard numbers.count == expected else {
      throw malformed("expected \(expected) numbers of \(type.name), found \(numbers.count)")
    }
    return numbers.rows(
      wordByteCount: type.wordByteCount, rowByteCount: rowByteCount, isTruth: type.encoding == "BOOL")
  }

  /// What the tensor says of the file that holds its bytes.
  private func entries() throws(OunceError) -> [String: String] {
    var entries: [String: String] = [:]
    for range in externals {
      var reader = message.nested(range)
      var (key, text) = ("", "")
      while let (field, value) = try reader.next() {
        switch (field, value) {
        case (1, .bytes(let range)): key = try reader.text(range)
        case (2, .bytes(let range)): text = try reader.text(range)
        default: break
        }
      }
      entries[key] = text
    }
    return entries
  }

  private func malformed(_ problem: String, at offset: Int? = nil) -> OunceError {
    message.malformed(problem, at: offset ?? range.lowerBound)
  }
}
