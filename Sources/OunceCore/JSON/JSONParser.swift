/// A strict, ordered JSON parser (RFC 8259): duplicate keys, trailing bytes and malformed UTF-8 are errors with
/// offsets.
///
/// Depth is bounded by `Limits.jsonNesting`; memory by the size of the input. `parse` builds a tree; a format with very
/// many members walks them with `members` and builds what it needs.
public struct JSONParser {
  /// What a document may hold beyond RFC 8259.
  public struct Options: Sendable, OptionSet {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    /// `NaN`, `Infinity` and `-Infinity`, which Python writes into `config.json`.
    public static let nonFiniteNumbers = Options(rawValue: 1)
  }

  /// What is to be done when a document ends too early.
  package static let cutRemedy = "the download was cut short; fetch it again"

  private let bytes: [UInt8]
  private let file: String?
  private let options: Options
  private let base: Int
  private var position = 0
  private var depth = 0

  /// Parses one document.
  ///
  /// - Parameters:
  ///   - file: the name that errors show.
  ///   - base: where in the file `bytes` begins; errors count from there.
  /// - Throws: `OunceError` of kind `.malformed`.
  public static func parse(
    _ bytes: [UInt8], file: String? = nil, base: Int = 0, options: Options = []
  ) throws(OunceError) -> JSON {
    var parser = JSONParser(bytes, file: file, base: base, options: options)
    let value = try parser.value()
    try parser.finish()
    return value
  }

  /// Parses a file such as `config.json`.
  public static func parse(file: InputFile, options: Options = [.nonFiniteNumbers]) throws(OunceError) -> JSON {
    try parse(try file.wholeContent(atMost: Limits.jsonByteCount), file: file.path, options: options)
  }

  /// Stands before the first value of `bytes`.
  package init(_ bytes: [UInt8], file: String? = nil, base: Int = 0, options: Options = []) {
    self.bytes = bytes
    self.file = file
    self.options = options
    self.base = base
    // Editors on Windows write a byte order mark; it is no part of the document.
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    skipSpace()
  }

  /// Makes sure that nothing but white space follows.
  package mutating func finish() throws(OunceError) {
    skipSpace()
    guard position == bytes.count else { throw unexpected("the end of the JSON document") }
  }

  /// The byte of the file that is read next.
  package var offset: Int { base + position }

  /// The value that stands here, whatever it is.
  package mutating func value() throws(OunceError) -> JSON {
    guard let byte = peek else { throw unexpected("a JSON value") }
    switch byte {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    case UInt8(ascii: "N") where options.contains(.nonFiniteNumbers): return try literal("NaN", .double(.nan))
    case UInt8(ascii: "I") where options.contains(.nonFiniteNumbers):
      return try literal("Infinity", .double(.infinity))
    default: throw unexpected("a JSON value")
    }
  }

  /// Passes over a null where a value is next; says whether there was one.
  package mutating func skipNull() throws(OunceError) -> Bool {
    guard peek == UInt8(ascii: "n") else { return false }
    _ = try literal("null", .null)
    return true
  }

  /// Walks the object that stands here: `body` gets each key and the offset of it, and must read its value. Keys that
  /// appear twice are its affair.
  package mutating func members(
    _ body: (inout JSONParser, _ key: String, _ offset: Int) throws(OunceError) -> Void
  ) throws(OunceError) {
    guard consume("{") else { throw unexpected("an object") }
    try descend()
    defer { depth -= 1 }
    skipSpace()
    if consume("}") { return }
    repeat {
      skipSpace()
      let keyOffset = offset
      guard peek == UInt8(ascii: "\"") else { throw unexpected("a key in quotes") }
      let key = try string()
      skipSpace()
      guard consume(":") else { throw unexpected("\":\" after the key \"\(key)\"") }
      skipSpace()
      try body(&self, key, keyOffset)
      skipSpace()
    } while consume(",")
    guard consume("}") else { throw unexpected("\",\" or \"}\"") }
  }

  /// Walks the array that stands here: `body` must read each element.
  package mutating func elements(_ body: (inout JSONParser) throws(OunceError) -> Void) throws(OunceError) {
    guard consume("[") else { throw unexpected("an array") }
    try descend()
    defer { depth -= 1 }
    skipSpace()
    if consume("]") { return }
    repeat {
      skipSpace()
      try body(&self)
      skipSpace()
    } while consume(",")
    guard consume("]") else { throw unexpected("\",\" or \"]\"") }
  }

  /// The string that stands here.
  package mutating func text() throws(OunceError) -> String {
    guard peek == UInt8(ascii: "\"") else { throw unexpected("a string in quotes") }
    return try string()
  }

  /// The whole number without sign that stands here.
  package mutating func size() throws(OunceError) -> Int {
    guard let byte = peek, isDigit(byte) else { throw unexpected("a whole number") }
    let start = position
    guard case .integer(let value) = try number() else {
      throw malformed("expected a whole number below 2^63", at: start)
    }
    return value
  }

  package func malformed(_ problem: String, atOffset offset: Int, remedy: String? = nil) -> OunceError {
    OunceError(.malformed, problem, file: file, offset: offset, remedy: remedy)
  }

  private mutating func object() throws(OunceError) -> JSON {
    var object = JSONObject()
    try members { (parser, key, offset) throws(OunceError) in
      guard object.updateValue(try parser.value(), forKey: key) == nil else {
        throw parser.malformed("the key \"\(key)\" appears twice in one object", atOffset: offset)
      }
    }
    return .object(object)
  }

  private mutating func array() throws(OunceError) -> JSON {
    var values: [JSON] = []
    try elements { (parser) throws(OunceError) in values.append(try parser.value()) }
    return .array(values)
  }

  private mutating func descend() throws(OunceError) {
    depth += 1
    guard depth <= Limits.jsonNesting else {
      throw malformed("objects and arrays are nested deeper than \(Limits.jsonNesting)", at: position)
    }
  }

  private mutating func literal(_ text: StaticString, _ value: JSON) throws(OunceError) -> JSON {
    let text = Array("\(text)".utf8)
    guard bytes.count - position >= text.count, bytes[position..<position + text.count].elementsEqual(text) else {
      throw unexpected("a JSON value")
    }
    position += text.count
    return value
  }

  private mutating func number() throws(OunceError) -> JSON {
    let start = position
    let isNegative = consume("-")
    if isNegative, peek == UInt8(ascii: "I"), options.contains(.nonFiniteNumbers) {
      return try literal("Infinity", .double(-.infinity))
    }
    guard let first = peek, isDigit(first) else { throw unexpected("a digit") }
    skipDigits()
    if first == UInt8(ascii: "0"), position - start > (isNegative ? 2 : 1) {
      throw malformed("a number begins with a needless 0", at: start)
    }
    var isWhole = true
    if consume(".") {
      isWhole = false
      guard skipDigits() > 0 else { throw unexpected("a digit after the decimal point") }
    }
    if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
      isWhole = false
      position += 1
      if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { position += 1 }
      guard skipDigits() > 0 else { throw unexpected("a digit in the exponent") }
    }
    if isWhole, let value = wholeNumber(start..<position) { return .integer(value) }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard let value = Double(text) else { throw malformed("\"\(text)\" is no number", at: start) }
    return .double(value)
  }

  /// The value of digits with an optional sign; nil when it does not fit.
  private func wholeNumber(_ range: Range<Int>) -> Int? {
    var value = 0
    let isNegative = bytes[range.lowerBound] == UInt8(ascii: "-")
    for byte in bytes[range.dropFirst(isNegative ? 1 : 0)] {
      let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
      // Downwards, because the smallest number has no positive counterpart.
      let (next, wraps) = shifted.subtractingReportingOverflow(Int(byte - UInt8(ascii: "0")))
      if overflow || wraps { return nil }
      value = next
    }
    if isNegative { return value }
    return value == .min ? nil : -value
  }

  @discardableResult private mutating func skipDigits() -> Int {
    let start = position
    while let byte = peek, isDigit(byte) { position += 1 }
    return position - start
  }

  private func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func consume(_ character: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private func unexpected(_ expected: String) -> OunceError {
    guard let byte = peek else {
      return malformed("expected \(expected), but the document ends", at: position, isCut: true)
    }
    let found = byte > 0x20 && byte < 0x7F ? "\"\(Unicode.Scalar(byte))\"" : "byte 0x\(String(byte, radix: 16))"
    return malformed("expected \(expected), found \(found)", at: position)
  }

  private func malformed(_ problem: String, at position: Int, isCut: Bool = false) -> OunceError {
    OunceError(
      .malformed, problem, file: file, offset: base + position,
      remedy: isCut ? Self.cutRemedy : nil)
  }
}

// MARK: - Strings

extension JSONParser {
  private mutating func string() throws(OunceError) -> String {
    position += 1
    let start = position
    var isASCII = true
    while let byte = peek, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
      if byte >= 0x80 { isASCII = false }
      position += 1
    }
    if peek == UInt8(ascii: "\"") {
      defer { position += 1 }
      return try text(bytes[start..<position], isASCII: isASCII, at: start)
    }
    return try escapedString(from: start)
  }

  private func text(_ slice: ArraySlice<UInt8>, isASCII: Bool, at start: Int) throws(OunceError) -> String {
    if isASCII { return String(decoding: slice, as: UTF8.self) }
    guard let text = String(validating: slice, as: UTF8.self) else {
      throw malformed("a string is not UTF-8", at: start)
    }
    return text
  }

  /// The slow path: a string with escapes, of which `start..<position` is plain.
  private mutating func escapedString(from start: Int) throws(OunceError) -> String {
    var content = Array(bytes[start..<position])
    while true {
      guard let byte = peek else { throw unexpected("a closing quote") }
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return try text(content[...], isASCII: false, at: start)
      case UInt8(ascii: "\\"):
        position += 1
        try escape(into: &content)
      case 0..<0x20:
        throw malformed("a control character stands in a string without an escape", at: position)
      default:
        content.append(byte)
        position += 1
      }
    }
  }

  private mutating func escape(into content: inout [UInt8]) throws(OunceError) {
    guard let byte = peek else { throw unexpected("an escape") }
    position += 1
    switch byte {
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
    case UInt8(ascii: "u"): content.append(contentsOf: String(try unicodeEscape()).utf8)
    default: throw malformed("\"\\\(Unicode.Scalar(byte))\" is no escape", at: position - 1)
    }
  }

  private mutating func unicodeEscape() throws(OunceError) -> Unicode.Scalar {
    let start = position - 2
    let unit = try hexadecimal()
    if let scalar = Unicode.Scalar(unit) { return scalar }
    // A high surrogate needs its low one.
    if unit < 0xDC00, bytes.count - position >= 6, bytes[position] == UInt8(ascii: "\\"),
      bytes[position + 1] == UInt8(ascii: "u")
    {
      position += 2
      let low = try hexadecimal()
      if (0xDC00..<0xE000).contains(low),
        let scalar = Unicode.Scalar(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00))
      {
        return scalar
      }
    }
    throw malformed("half of a surrogate pair stands alone", at: start)
  }

  private mutating func hexadecimal() throws(OunceError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = peek.flatMap(hexDigit) else { throw unexpected("four hexadecimal digits") }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  private func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
