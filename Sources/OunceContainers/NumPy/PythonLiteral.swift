internal import OunceCore

/// A parser of the few Python literals that stand in NumPy headers: strings, whole numbers, booleans, tuples, lists.
///
/// Nothing is evaluated. Headers of Python 2 have an `L` behind long numbers and a `u` before strings.
struct PythonLiteral {
  indirect enum Value {
    case string(String)
    case integer(Int)
    case bool(Bool)
    case none
    case tuple([Value])
    case list([Value])
  }

  /// A member of the dictionary, and where it stands in the file.
  struct Entry {
    let key: String
    let value: Value
    let offset: Int
  }

  private let bytes: ArraySlice<UInt8>
  private let file: String
  private var index: Int
  /// Where the text begins in the file.
  let start: Int

  /// - Parameter bytes: a slice whose indices are places in the file.
  init(_ bytes: ArraySlice<UInt8>, file: String) {
    self.bytes = bytes
    self.file = file
    index = bytes.startIndex
    start = bytes.startIndex
  }

  func malformed(_ problem: String, at offset: Int) -> OunceError {
    OunceError(.malformed, problem, file: file, offset: offset)
  }

  /// A dictionary with strings for keys, and only white space behind it.
  mutating func dictionary() throws(OunceError) -> [Entry] {
    var entries: [Entry] = []
    try expect(UInt8(ascii: "{"))
    while !accept(UInt8(ascii: "}")) {
      let offset = place()
      guard case .string(let key) = try value(depth: 0) else {
        throw malformed("expected a key in quotes", at: offset)
      }
      guard !entries.contains(where: { ExactString($0.key) == ExactString(key) }) else {
        throw malformed("the key '\(key)' appears twice", at: offset)
      }
      // Three keys are known; what has many more is no header.
      guard entries.count < 16 else { throw malformed("a header has three keys, this one more than 16", at: offset) }
      try expect(UInt8(ascii: ":"))
      entries.append(Entry(key: key, value: try value(depth: 0), offset: offset))
      guard accept(UInt8(ascii: ",")) else {
        try expect(UInt8(ascii: "}"))
        break
      }
    }
    let end = place()
    guard end == bytes.endIndex else { throw malformed("expected nothing behind the dictionary", at: end) }
    return entries
  }

  /// The next byte that is no white space.
  private mutating func place() -> Int {
    while index < bytes.endIndex, [0x20, 0x09, 0x0A, 0x0D, 0x00].contains(bytes[index]) { index += 1 }
    return index
  }

  private mutating func accept(_ byte: UInt8) -> Bool {
    let place = place()
    guard place < bytes.endIndex, bytes[place] == byte else { return false }
    index += 1
    return true
  }

  private mutating func expect(_ byte: UInt8) throws(OunceError) {
    guard accept(byte) else {
      let wanted = String(UnicodeScalar(byte))
      guard index < bytes.endIndex else {
        throw malformed("the header ends where \"\(wanted)\" is expected", at: index)
      }
      throw malformed("expected \"\(wanted)\" in the header", at: index)
    }
  }

  private mutating func value(depth: Int) throws(OunceError) -> Value {
    let offset = place()
    guard depth <= Limits.npyNesting else {
      throw malformed("the header is nested deeper than \(Limits.npyNesting)", at: offset)
    }
    guard offset < bytes.endIndex else { throw malformed("the header ends where a value is expected", at: offset) }
    switch bytes[offset] {
    case UInt8(ascii: "'"), UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "u"), UInt8(ascii: "b"):
      index += 1
      return .string(try string())
    case UInt8(ascii: "("):
      index += 1
      let (values, hasComma) = try values(until: UInt8(ascii: ")"), depth: depth)
      // One value in parentheses without a comma is that value.
      if values.count == 1, !hasComma, let value = values.first { return value }
      return .tuple(values)
    case UInt8(ascii: "["):
      index += 1
      return .list(try values(until: UInt8(ascii: "]"), depth: depth).values)
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): return .integer(try integer())
    default: return try word()
    }
  }

  private mutating func values(until end: UInt8, depth: Int) throws(OunceError) -> (values: [Value], hasComma: Bool) {
    var values: [Value] = []
    var hasComma = false
    while !accept(end) {
      values.append(try value(depth: depth + 1))
      guard accept(UInt8(ascii: ",")) else {
        try expect(end)
        break
      }
      hasComma = true
    }
    return (values, hasComma)
  }

  private mutating func string() throws(OunceError) -> String {
    let offset = index
    guard index < bytes.endIndex, bytes[index] == UInt8(ascii: "'") || bytes[index] == UInt8(ascii: "\"") else {
      throw malformed("expected a string in quotes", at: offset)
    }
    let quote = bytes[index]
    guard let end = bytes[(index + 1)...].firstIndex(of: quote) else {
      throw malformed("the header ends inside of a string", at: offset)
    }
    let content = bytes[index + 1..<end]
    // Only names of fields need escapes, and only to be shown.
    guard content.allSatisfy({ $0 >= 0x20 }) else {
      throw malformed("a string holds a control character", at: offset)
    }
    index = end + 1
    return String(decoding: content, as: UTF8.self)
  }

  private mutating func integer() throws(OunceError) -> Int {
    let offset = index
    let isNegative = bytes[index] == UInt8(ascii: "-")
    if isNegative { index += 1 }
    let first = index
    var value = 0
    while index < bytes.endIndex, case let digit = bytes[index], (0x30...0x39).contains(digit) {
      let (scaled, isLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, isLarger) = scaled.addingReportingOverflow(Int(digit) - 0x30)
      guard !isLarge, !isLarger else { throw malformed("a number overflows 64 bits", at: offset) }
      value = sum
      index += 1
    }
    guard index > first else { throw malformed("expected a number", at: offset) }
    if index < bytes.endIndex, bytes[index] == UInt8(ascii: "L") { index += 1 }
    return isNegative ? -value : value
  }

  private mutating func word() throws(OunceError) -> Value {
    let words: [(String, Value)] = [("True", .bool(true)), ("False", .bool(false)), ("None", .none)]
    for (word, value) in words where bytes[index...].starts(with: word.utf8) {
      index += word.utf8.count
      return value
    }
    throw malformed("expected a string, a whole number, True, False, a tuple or a list", at: index)
  }
}
