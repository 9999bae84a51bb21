internal import OunceCore

/// Numbers, strings and bytes.
extension PickleMachine {
  mutating func pushContent(_ opcode: PickleOpcode) throws(OunceError) -> Bool {
    switch opcode {
    case .binaryFloat: try push(.float(Double(bitPattern: (try reader.integer(UInt64.self)).byteSwapped)))
    case .long1: try pushLong(Int(try reader.integer(UInt8.self)))
    case .long4: try pushLong(try length(UInt64(try reader.integer(UInt32.self))))
    case .int, .long, .float: try pushNumber(opcode, try line())
    case .shortBinaryUnicode: try pushText(Int(try reader.integer(UInt8.self)))
    case .binaryUnicode: try pushText(try length(UInt64(try reader.integer(UInt32.self))))
    case .binaryUnicode8: try pushText(try length(try reader.integer(UInt64.self)))
    case .shortBinaryString: try pushBytes(Int(try reader.integer(UInt8.self)))
    case .binaryString: try pushBytes(try length(UInt64(try reader.integer(UInt32.self))))
    case .shortBinaryBytes: try pushBytes(Int(try reader.integer(UInt8.self)))
    case .binaryBytes: try pushBytes(try length(UInt64(try reader.integer(UInt32.self))))
    case .binaryBytes8, .byteArray8: try pushBytes(try length(try reader.integer(UInt64.self)))
    case .string: try push(.memory(try unescaped(try lineBytes())))
    case .unicode: try push(text: try unescapedUnicode(try lineBytes()))
    default: return false
    }
    return true
  }

  /// A length that the rest of the file can hold.
  private func length(_ value: UInt64) throws(OunceError) -> Int {
    try reader.check(value, atMost: 1 << 60, of: "bytes", elementByteCount: 1, at: start)
  }

  /// Short texts become strings; what is longer, or no UTF-8, stays where it is.
  private mutating func pushText(_ byteCount: Int) throws(OunceError) {
    let offset = reader.offset
    guard byteCount <= Limits.pickleTextByteCount else {
      try reader.skip(byteCount)
      return try push(.file(offset..<offset + byteCount))
    }
    if let text = try reader.string(byteCount) {
      try push(text: text)
    } else {
      try push(.file(offset..<offset + byteCount))
    }
  }

  /// Short ones are kept: byte strings of Python 2 are names, too.
  private mutating func pushBytes(_ byteCount: Int) throws(OunceError) {
    let offset = reader.offset
    if byteCount <= Self.shortByteCount {
      try push(.memory(try reader.bytes(byteCount)))
    } else {
      try reader.skip(byteCount)
      try push(.file(offset..<offset + byteCount))
    }
  }

  private static let shortByteCount = 256

  /// Two's complement, little endian.
  private mutating func pushLong(_ byteCount: Int) throws(OunceError) {
    guard byteCount <= 8 else { return try pushBytes(byteCount) }
    var value = 0
    var last: UInt8 = 0
    for index in 0..<byteCount {
      last = try reader.integer(UInt8.self)
      value |= Int(last) << (8 * index)
    }
    if byteCount < 8, last >= 0x80 { value |= -1 << (8 * byteCount) }
    try push(.int(value))
  }

  // MARK: Protocol 0, which is text

  private mutating func pushNumber(_ opcode: PickleOpcode, _ text: String) throws(OunceError) {
    if opcode == .float {
      guard let value = Double(text) else { throw malformed("\"\(text.prefix(40))\" is no float") }
      return try push(.float(value))
    }
    if opcode == .int, text == "00" || text == "01" { return try push(.bool(text == "01")) }
    let digits = text.hasSuffix("L") ? text.dropLast() : text[...]
    if let value = Int(digits) { return try push(.int(value)) }
    let isLarge = digits.utf8.count > 18 && digits.drop { $0 == "-" }.allSatisfy { ("0"..."9").contains($0) }
    guard isLarge else { throw malformed("\"\(text.prefix(40))\" is no integer") }
    try push(.memory(Array(digits.utf8)))
  }

  mutating func lineNumber() throws(OunceError) -> Int {
    let text = try line()
    guard let value = Int(text) else { throw malformed("\"\(text.prefix(40))\" is no number of a kept value") }
    return value
  }

  /// The text up to the next line feed.
  mutating func line() throws(OunceError) -> String {
    guard let text = String(validating: try lineBytes(), as: UTF8.self) else {
      throw malformed("the pickle has a line that is not UTF-8")
    }
    return text
  }

  private mutating func lineBytes() throws(OunceError) -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      let byte = try reader.integer(UInt8.self)
      if byte == UInt8(ascii: "\n") { return bytes }
      guard bytes.count < Limits.pickleTextByteCount else {
        throw malformed("the pickle has a line of more than the limit of \(Limits.pickleTextByteCount) bytes")
      }
      bytes.append(byte)
    }
  }

  /// A byte string as Python 2 prints it, in quotes.
  private func unescaped(_ line: [UInt8]) throws(OunceError) -> [UInt8] {
    let quotes = [UInt8(ascii: "'"), UInt8(ascii: "\"")]
    guard line.count >= 2, let quote = line.first, quotes.contains(quote), line.last == quote else {
      throw malformed("the pickle has a string without quotes")
    }
    var bytes: [UInt8] = []
    var index = 1
    while index < line.count - 1 {
      let byte = line[index]
      index += 1
      guard byte == UInt8(ascii: "\\"), index < line.count - 1 else {
        bytes.append(byte)
        continue
      }
      let escape = line[index]
      index += 1
      switch escape {
      case UInt8(ascii: "n"): bytes.append(0x0A)
      case UInt8(ascii: "t"): bytes.append(0x09)
      case UInt8(ascii: "r"): bytes.append(0x0D)
      case UInt8(ascii: "x"):
        let (value, count) = hexadecimal(line[index..<min(index + 2, line.count - 1)])
        guard count == 2 else { throw malformed("the pickle has a string with a broken escape") }
        bytes.append(UInt8(truncatingIfNeeded: value))
        index += 2
      default: bytes.append(escape)
      }
    }
    return bytes
  }

  /// Latin 1 with escapes for what is beyond.
  private func unescapedUnicode(_ line: [UInt8]) throws(OunceError) -> String {
    var text = String.UnicodeScalarView()
    var index = 0
    while index < line.count {
      let byte = line[index]
      index += 1
      let next = index < line.count ? line[index] : 0
      let width = next == UInt8(ascii: "u") ? 4 : next == UInt8(ascii: "U") ? 8 : 0
      guard byte == UInt8(ascii: "\\"), width > 0 else {
        text.append(Unicode.Scalar(byte))
        continue
      }
      let (value, count) = hexadecimal(line[(index + 1)..<min(index + 1 + width, line.count)])
      guard count == width, let scalar = Unicode.Scalar(value) else {
        throw malformed("the pickle has a string with a broken escape")
      }
      text.append(scalar)
      index += 1 + width
    }
    return String(text)
  }

  /// The number that these digits say, and how many of them are digits.
  private func hexadecimal(_ digits: ArraySlice<UInt8>) -> (value: UInt32, count: Int) {
    var value: UInt32 = 0
    for (count, digit) in digits.enumerated() {
      guard let nibble = Character(Unicode.Scalar(digit)).hexDigitValue else { return (value, count) }
      value = value << 4 | UInt32(nibble)
    }
    return (value, digits.count)
  }
}
