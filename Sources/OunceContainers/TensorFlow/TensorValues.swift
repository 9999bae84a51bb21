internal import OunceCore
internal import OunceEncoding

/// Where the elements of a `TensorProto` are.
///
/// | field | what |
/// |---|---|
/// | 1, 2 | dtype, shape |
/// | 4 | the elements as they lie in memory |
/// | 5–7, 9–13, 16–18 | or single values, in a field that goes by the dtype (`TensorFlowType`) |
///
/// Of single values there may be fewer than elements: the last one stands for the rest, and zero where there is none.
struct TensorValues {
  enum Result {
    case tensor(Tensor)
    /// Why it cannot be read.
    case remark(String)
  }

  private let file: InputFile
  /// Bytes of tensors that have more of them than they have in the file, at most.
  private var expandedByteCount = 0
  /// Bytes of those that are held in memory.
  private var heldByteCount = 0

  /// Tensors of single values up to this size are held in memory: they are sizes and axes, nearly all of them.
  private static let heldTensorByteCount = 64 << 10
  private static let heldLimit = 16 << 20

  init(_ file: InputFile) { self.file = file }

  /// - Parameter range: where `message` is.
  mutating func tensor(
    _ name: String, _ message: ProtobufReader, _ range: Range<Int>
  ) throws(OunceError) -> Result {
    let start = message.offset
    let (type, shape, content) = try header(message)
    guard let encoding = type.encoding else { return .remark(type.remark) }
    guard let shape else { throw message.malformed("the shape is not known", at: start) }
    let info: TensorInfo
    do { info = try TensorInfo(name: name, shape: shape, encoding: encoding) } catch {
      var error = error.located(file: file.path)
      error.offset = start
      throw error
    }
    let data: any TensorData
    if let content, !content.isEmpty {
      guard content.count == info.byteCount else {
        throw message.malformed(
          "\(encoding.name) of shape \(shape) takes \(info.byteCount) bytes, but there are \(content.count)",
          at: content.lowerBound)
      }
      data = FileRegion(file: file, offset: content.lowerBound, rowByteCount: info.rowByteCount)
    } else if let packed = try packed(message, type, info) {
      data = FileRegion(file: file, offset: packed, rowByteCount: info.rowByteCount)
    } else {
      data = try expanded(type, info, range)
    }
    return .tensor(Tensor(info: info, data: type.elements(data)))
  }

  private func header(
    _ message: ProtobufReader
  ) throws(OunceError) -> (type: TensorFlowType, shape: [Int]?, content: Range<Int>?) {
    let start = message.offset
    var message = message
    var dtype: UInt64 = 0
    var shape: [Int]? = []
    var content: Range<Int>?
    while let (field, value) = try message.next() {
      switch (field, value) {
      case (1, .integer(let number)): dtype = number
      case (2, .bytes(let range)): shape = try message.tensorFlowShape(range)
      case (4, .bytes(let range)): content = range
      default: break
      }
    }
    return (try TensorFlowType.number(dtype, file: file.path, offset: start), shape, content)
  }

  /// Where the elements are when single values are all there, one after the other, as they lie in memory.
  private func packed(
    _ message: ProtobufReader, _ type: TensorFlowType, _ info: TensorInfo
  ) throws(OunceError) -> Int? {
    let wanted: Int
    switch type.values {
    case .words(let field, _, _), .bytes(let field): wanted = field
    case .integers, .none: return nil
    }
    var message = message
    var found: Range<Int>?
    while let (field, value) = try message.next() {
      guard field == wanted else { continue }
      guard found == nil, case .bytes(let range) = value, range.count == info.byteCount else { return nil }
      found = range
    }
    return found.flatMap { $0.isEmpty ? nil : $0.lowerBound }
  }

  /// Values that are not as they lie in memory, or too few.
  private mutating func expanded(
    _ type: TensorFlowType, _ info: TensorInfo, _ range: Range<Int>
  ) throws(OunceError) -> any TensorData {
    let (total, overflow) = expandedByteCount.addingReportingOverflow(info.byteCount)
    expandedByteCount = overflow ? .max : total
    do { try Unpacking.check(expandedByteCount, from: file) } catch {
      var error = error
      error.offset = range.lowerBound
      throw error
    }
    let stream = ValueStream(file, range, type.values, info)
    if info.byteCount <= Self.heldTensorByteCount, heldByteCount + info.byteCount <= Self.heldLimit {
      heldByteCount += info.byteCount
      return Memory(bytes: try stream.next(atMost: info.byteCount), rowByteCount: info.rowByteCount)
    }
    // Made when it is first read, in a file without a name.
    let values = InputFile(
      path: file.path, unpacking: ValueStream(file, range, type.values, info), byteCount: info.byteCount, from: file)
    return FileRegion(file: values, offset: 0, rowByteCount: info.rowByteCount)
  }
}

/// The elements of a tensor, made from its single values from front to back.
final class ValueStream: ByteStream {
  private let values: TensorFlowType.Values
  private let isBoolean: Bool
  private let elementByteCount: Int
  private var remainingCount: Int
  private var message: ProtobufReader
  /// What is left of a field that holds many values.
  private var packed: ByteReader
  private var packedEnd: Int
  /// The last element, zero before the first.
  private var element: [UInt8]
  private var isAtEnd = false

  init(_ file: InputFile, _ range: Range<Int>, _ values: TensorFlowType.Values, _ info: TensorInfo) {
    self.values = values
    isBoolean = info.encoding.name == "BOOL"
    elementByteCount = info.encoding.bytesPerBlock
    remainingCount = info.elementCount
    message = ProtobufReader(file, range)
    packed = ByteReader(file)
    packedEnd = 0
    element = [UInt8](repeating: 0, count: info.encoding.bytesPerBlock)
  }

  private static let stepByteCount = 64 << 10

  func next(into bytes: inout MutableRawSpan) throws(OunceError) -> Int {
    let made = try next(atMost: min(bytes.byteCount, Self.stepByteCount))
    made.withRawSpan { bytes.copy($0) }
    return made.count
  }

  /// The next elements, of at most so many bytes together.
  func next(atMost byteCount: Int) throws(OunceError) -> [UInt8] {
    let count = min(remainingCount, byteCount / elementByteCount)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count * elementByteCount)
    for _ in 0..<count {
      if !isAtEnd { isAtEnd = try !advance() }
      bytes += element
    }
    remainingCount -= count
    return bytes
  }

  /// Takes the next element; false when there are no more, and the last one stays.
  private func advance() throws(OunceError) -> Bool {
    switch values {
    case .none: return false
    case .bytes(let field):
      guard let byte = try value(field, { (reader) throws(OunceError) in UInt64(try reader.integer(UInt8.self)) })
      else { return false }
      element = [UInt8(truncatingIfNeeded: byte)]
    case .integers(let field):
      guard let number = try value(field, { (reader) throws(OunceError) in try reader.variableInteger() }) else {
        return false
      }
      let word = isBoolean ? (number == 0 ? 0 : 1) : number
      for index in element.indices { element[index] = UInt8(truncatingIfNeeded: word >> UInt64(8 * index)) }
    case .words(let field, let width, let perElement):
      var bytes: [UInt8] = []
      for _ in 0..<perElement {
        let word = try value(field) { (reader) throws(OunceError) in
          width == 4 ? UInt64(try reader.integer(UInt32.self)) : try reader.integer(UInt64.self)
        }
        guard let word else { return false }
        for index in 0..<width { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * index))) }
      }
      element = bytes
    }
    return true
  }

  /// The next value of a field, which may stand alone or in a field of many.
  private func value(
    _ wanted: Int, _ read: (inout ByteReader) throws(OunceError) -> UInt64
  ) throws(OunceError) -> UInt64? {
    while packed.offset >= packedEnd {
      guard let (field, value) = try message.next() else { return nil }
      guard field == wanted else { continue }
      switch value {
      case .integer(let number), .fixed(let number): return number
      case .bytes(let range):
        packed.seek(to: range.lowerBound)
        packedEnd = range.upperBound
      }
    }
    let start = packed.offset
    let number = try read(&packed)
    guard packed.offset <= packedEnd else {
      throw packed.malformed("a value reaches beyond its field", at: start)
    }
    return number
  }
}

extension ByteReader {
  /// Seven bits a byte, the lowest first.
  fileprivate mutating func variableInteger() throws(OunceError) -> UInt64 {
    let start = offset
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 7) {
      let byte = try integer(UInt8.self)
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    throw malformed("a number has more than ten bytes", at: start)
  }
}
