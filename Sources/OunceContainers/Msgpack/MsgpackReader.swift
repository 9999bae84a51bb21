internal import OunceCore

/// One value of msgpack after the other; what is in a dictionary or a list follows it.
struct MsgpackReader {
  enum Value {
    case null
    case boolean(Bool)
    case integer(Int64)
    case float(Double)
    case text(Range<Int>)
    case bytes(Range<Int>)
    case list(Int)
    case dictionary(Int)
    case extended(Int8, Range<Int>)
  }

  private(set) var reader: ByteReader
  private let end: Int

  var offset: Int { reader.offset }
  var file: InputFile { reader.file }
  var isAtEnd: Bool { reader.offset >= end }

  init(_ file: InputFile, _ range: Range<Int>? = nil) {
    reader = ByteReader(file, at: range?.lowerBound ?? 0)
    end = range?.upperBound ?? file.byteCount
  }

  private init(_ reader: ByteReader, end: Int) { (self.reader, self.end) = (reader, end) }

  /// A reader of the bytes of an extension.
  func nested(_ range: Range<Int>) -> MsgpackReader {
    var nested = reader
    nested.seek(to: range.lowerBound)
    return MsgpackReader(nested, end: range.upperBound)
  }

  mutating func next() throws(OunceError) -> Value {
    let start = reader.offset
    let first = try integer(UInt8.self)
    switch first {
    case 0x00...0x7F: return .integer(Int64(first))
    case 0x80...0x8F: return .dictionary(Int(first & 15))
    case 0x90...0x9F: return .list(Int(first & 15))
    case 0xA0...0xBF: return .text(try range(Int(first & 31)))
    case 0xC0: return .null
    case 0xC2, 0xC3: return .boolean(first == 0xC3)
    case 0xC4, 0xC5, 0xC6: return .bytes(try range(try length(first - 0xC4)))
    case 0xC7, 0xC8, 0xC9:
      let count = try length(first - 0xC7)
      return .extended(try integer(), try range(count))
    case 0xCA: return .float(Double(Float(bitPattern: try integer())))
    case 0xCB: return .float(Double(bitPattern: try integer()))
    case 0xCC: return .integer(Int64(try integer(UInt8.self)))
    case 0xCD: return .integer(Int64(try integer(UInt16.self)))
    case 0xCE: return .integer(Int64(try integer(UInt32.self)))
    case 0xCF:
      guard let value = Int64(exactly: try integer(UInt64.self)) else {
        throw reader.malformed("a number does not fit into 63 bits", at: start)
      }
      return .integer(value)
    case 0xD0: return .integer(Int64(try integer(Int8.self)))
    case 0xD1: return .integer(Int64(try integer(Int16.self)))
    case 0xD2: return .integer(Int64(try integer(Int32.self)))
    case 0xD3: return .integer(try integer())
    case 0xD4...0xD8:
      let kind = try integer(Int8.self)
      return .extended(kind, try range(1 << Int(first - 0xD4)))
    case 0xD9, 0xDA, 0xDB: return .text(try range(try length(first - 0xD9)))
    case 0xDC, 0xDD: return .list(try length(first - 0xDC + 1))
    case 0xDE, 0xDF: return .dictionary(try length(first - 0xDE + 1))
    case 0xE0...0xFF: return .integer(Int64(Int8(bitPattern: first)))
    default: throw reader.malformed("the byte 0xc1 begins no value of msgpack", at: start)
    }
  }

  /// Text at a place that was read before; nil when it is no UTF-8 or too long for a name.
  func text(_ range: Range<Int>) throws(OunceError) -> String? {
    guard range.count <= Limits.tensorNameByteCount else { return nil }
    var reader = reader
    reader.seek(to: range.lowerBound)
    return try reader.string(range.count)
  }

  func malformed(_ problem: String, at offset: Int) -> OunceError { reader.malformed(problem, at: offset) }

  /// Big endian, as all of msgpack.
  private mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) throws(OunceError) -> Value {
    try check(Value.bitWidth / 8)
    reader.isBigEndian = true
    return try reader.integer(Value.self)
  }

  /// A length of 1, 2 or 4 bytes.
  private mutating func length(_ power: UInt8) throws(OunceError) -> Int {
    switch power {
    case 0: Int(try integer(UInt8.self))
    case 1: Int(try integer(UInt16.self))
    default: Int(try integer(UInt32.self))
    }
  }

  private mutating func range(_ count: Int) throws(OunceError) -> Range<Int> {
    try check(count)
    defer { reader.seek(to: reader.offset + count) }
    return reader.offset..<reader.offset + count
  }

  private func check(_ count: Int) throws(OunceError) {
    guard count <= end - reader.offset else {
      throw OunceError(
        .malformed, "expected \(count) more bytes, but they end after \(max(0, end - reader.offset))",
        file: reader.file.path, offset: reader.offset, remedy: "the download was cut short; fetch it again")
    }
  }
}
