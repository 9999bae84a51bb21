internal import OunceCore

/// The wire format of protocol buffers: fields of numbers, bytes and nested messages, in one pass over bytes in memory.
///
/// Every length is checked against the message that holds it. https://protobuf.dev/programming-guides/encoding/
struct ProtobufReader {
  enum Value {
    case integer(UInt64)
    /// Four or eight bytes, little endian.
    case fixed(UInt64)
    /// The range of the bytes of a string, a message or packed numbers.
    case bytes(Range<Int>)
  }

  private let bytes: [UInt8]
  private let file: String
  private var position: Int
  private let end: Int

  init(_ bytes: [UInt8], file: String) {
    self.bytes = bytes
    self.file = file
    position = 0
    end = bytes.count
  }

  /// A reader of a nested message.
  func nested(_ range: Range<Int>) -> ProtobufReader { ProtobufReader(bytes, file, range) }

  private init(_ bytes: [UInt8], _ file: String, _ range: Range<Int>) {
    self.bytes = bytes
    self.file = file
    position = range.lowerBound
    end = range.upperBound
  }

  /// The content of a `bytes` value.
  func content(_ range: Range<Int>) -> ArraySlice<UInt8> { bytes[range] }

  /// The next field; nil at the end of the message.
  mutating func next() throws(OunceError) -> (field: Int, value: Value)? {
    guard position < end else { return nil }
    let start = position
    let tag = try variableInteger()
    guard let field = Int(exactly: tag >> 3), field > 0, field < 1 << 29 else {
      throw malformed("a field has the number \(tag >> 3)", at: start)
    }
    switch tag & 7 {
    case 0: return (field, .integer(try variableInteger()))
    case 1: return (field, .fixed(try fixedInteger(8)))
    case 2:
      let count = try variableInteger()
      guard count <= UInt64(end - position) else {
        throw malformed("expected \(count) bytes, but the message ends after \(end - position)", at: start)
      }
      defer { position += Int(count) }
      return (field, .bytes(position..<position + Int(count)))
    case 5: return (field, .fixed(try fixedInteger(4)))
    default: throw malformed("a field has the wire type \(tag & 7)", at: start)
    }
  }

  private mutating func variableInteger() throws(OunceError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 7) {
      guard position < end else { throw malformed("the file ends inside a number", at: position) }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    throw malformed("a number has more than ten bytes", at: position)
  }

  private mutating func fixedInteger(_ count: Int) throws(OunceError) -> UInt64 {
    guard end - position >= count else { throw malformed("the file ends inside a number", at: position) }
    defer { position += count }
    return (0..<count).reduce(0) { $0 | UInt64(bytes[position + $1]) << UInt64($1 * 8) }
  }

  private func malformed(_ problem: String, at offset: Int) -> OunceError {
    OunceError(
      .malformed, problem, file: file, offset: offset,
      remedy: "the file is damaged or is no SentencePiece model; fetch it again")
  }
}
