/// The wire format of protocol buffers: fields of numbers, bytes and nested messages, in one pass over a file.
///
/// Every length is checked against the message that holds it; bytes are only fetched when they are asked for, so that a
/// message of many gigabytes takes no memory. https://protobuf.dev/programming-guides/encoding/
public struct ProtobufReader {
  public enum Value {
    case integer(UInt64)
    /// Four or eight bytes, little endian.
    case fixed(UInt64)
    /// Where in the file the bytes of a string, a message or packed numbers are.
    case bytes(Range<Int>)
  }

  private var reader: ByteReader
  private let end: Int
  private let remedy: String?
  private let mayBeCut: Bool
  /// How the last field lay: 0 a varint, 1 eight bytes, 2 with a length, 5 four bytes.
  public private(set) var wireType = 0

  /// A reader of one message.
  ///
  /// - Parameters:
  ///   - range: where the message is in the file; nil: it is the whole file.
  ///   - remedy: what to do about a message that breaks a rule.
  ///   - mayBeCut: whether what reaches beyond the end is taken as far as it is there: to recognize a cut file.
  public init(_ file: InputFile, _ range: Range<Int>? = nil, remedy: String? = nil, mayBeCut: Bool = false) {
    reader = ByteReader(file, at: range?.lowerBound ?? 0)
    end = range?.upperBound ?? file.byteCount
    self.remedy = remedy
    self.mayBeCut = mayBeCut
  }

  private init(_ reader: ByteReader, end: Int, _ remedy: String?, _ mayBeCut: Bool) {
    (self.reader, self.end, self.remedy, self.mayBeCut) = (reader, end, remedy, mayBeCut)
  }

  /// A reader of a nested message.
  public func nested(_ range: Range<Int>) -> ProtobufReader {
    // What was fetched already is shared; else no more is fetched than the message, since a small one is not worth
    // more.
    var reader = reader.holds(range) ? reader : ByteReader(reader.file, limit: range.upperBound)
    reader.seek(to: range.lowerBound)
    return ProtobufReader(reader, end: range.upperBound, remedy, mayBeCut)
  }

  /// The byte of the file that is read next.
  public var offset: Int { reader.offset }
  /// The file that is read, and where its message ends.
  public var file: InputFile { reader.file }
  public var endOffset: Int { end }

  /// The content of a `bytes` value. The caller has checked that it is small.
  public mutating func content(_ range: Range<Int>) throws(OunceError) -> [UInt8] {
    guard reader.holds(range) else { return try reader.file.bytes(range) }
    let place = reader.offset
    defer { reader.seek(to: place) }
    reader.seek(to: range.lowerBound)
    return try reader.bytes(range.count)
  }

  /// The content of a `bytes` value as text; what is no UTF-8 becomes U+FFFD.
  ///
  /// - Throws: `OunceError` when it is longer than `limit`.
  public mutating func text(_ range: Range<Int>, atMost limit: Int = Limits.tensorNameByteCount) throws(OunceError)
    -> String
  {
    guard range.count <= limit else {
      throw malformed("a text of \(range.count) bytes is beyond the limit of \(limit)", at: range.lowerBound)
    }
    return String(decoding: try content(range), as: UTF8.self)
  }

  /// The next field; nil at the end of the message.
  public mutating func next() throws(OunceError) -> (field: Int, value: Value)? {
    guard reader.offset < end else { return nil }
    let start = reader.offset
    let tag = try variableInteger()
    guard let field = Int(exactly: tag >> 3), field > 0, field < 1 << 29 else {
      throw malformed("a field has the number \(tag >> 3)", at: start)
    }
    wireType = Int(tag & 7)
    switch wireType {
    case 0: return (field, .integer(try variableInteger()))
    case 1: return (field, .fixed(try fixedInteger(8)))
    case 2:
      let count = try variableInteger()
      let rest = end - reader.offset
      guard count <= UInt64(rest) || mayBeCut else {
        throw malformed("expected \(count) bytes, but the message ends after \(rest)", at: start)
      }
      let range = reader.offset..<reader.offset + Int(min(count, UInt64(rest)))
      reader.seek(to: range.upperBound)
      return (field, .bytes(range))
    case 5: return (field, .fixed(try fixedInteger(4)))
    default: throw malformed("a field has the wire type \(wireType)", at: start)
    }
  }

  /// The next number of a packed field; nil at its end.
  ///
  /// - Parameter width: 4 or 8 bytes; nil: a varint.
  public mutating func packedNumber(width: Int?) throws(OunceError) -> UInt64? {
    guard reader.offset < end else { return nil }
    guard let width else { return try variableInteger() }
    return try fixedInteger(width)
  }

  /// The numbers of a packed field of varints.
  ///
  /// - Throws: `OunceError` when there are more than `limit`.
  public func packedIntegers(_ range: Range<Int>, atMost limit: Int) throws(OunceError) -> [UInt64] {
    var packed = nested(range)
    var numbers: [UInt64] = []
    while packed.reader.offset < packed.end {
      guard numbers.count < limit else {
        throw malformed("more than the limit of \(limit) numbers", at: range.lowerBound)
      }
      numbers.append(try packed.variableInteger())
    }
    return numbers
  }

  private mutating func variableInteger() throws(OunceError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 7) {
      guard reader.offset < end else { throw malformed("the file ends inside a number", at: reader.offset) }
      let byte = try reader.integer(UInt8.self)
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    throw malformed("a number has more than ten bytes", at: reader.offset)
  }

  private mutating func fixedInteger(_ count: Int) throws(OunceError) -> UInt64 {
    guard end - reader.offset >= count else { throw malformed("the file ends inside a number", at: reader.offset) }
    return count == 4 ? UInt64(try reader.integer(UInt32.self)) : try reader.integer(UInt64.self)
  }

  /// An error at a byte of the file.
  public func malformed(_ problem: String, at offset: Int) -> OunceError {
    OunceError(.malformed, problem, file: reader.file.path, offset: offset, remedy: remedy)
  }
}
