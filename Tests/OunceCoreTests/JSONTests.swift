import OunceCore
import Testing

struct JSONTests {
  private static let valid: [(String, JSON)] = [
    ("null", .null), (" \t\r\n true ", .bool(true)), ("false", .bool(false)), ("\u{FEFF}1", .integer(1)),
    ("0", .integer(0)), ("-0", .integer(0)), ("-7", .integer(-7)), ("9223372036854775807", .integer(.max)),
    ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .double(9_223_372_036_854_775_808)),
    ("0.5", .double(0.5)), ("1e2", .double(100)), ("1E+2", .double(100)), ("25e-1", .double(2.5)),
    ("-0.0", .double(-0.0)), ("1e999", .double(.infinity)), ("5e-324", .double(.leastNonzeroMagnitude)),
    ("[]", .array([])), ("[ 1 , [ ] ]", .array([.integer(1), .array([])])),
    ("{}", .object([:])), ("{ \"b\" : 1 , \"a\" : { } }", .object(["b": .integer(1), "a": .object([:])])),
    (#""""#, .string("")), (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{C}\n\r\t")),
    (#""\u0041\u00e9\u00C9""#, .string("A\u{E9}\u{C9}")),
    (#""\ud83d\udcBE""#, .string("💾")), (#""\u0000""#, .string("\0")), ("\"\u{7F}\u{80}\"", .string("\u{7F}\u{80}")),
    ("\"世界💾\"", .string("世界💾")), (#""\uFFFF""#, .string("\u{FFFF}")),
  ]

  /// A document and the byte where it goes wrong.
  private static let invalid: [(String, Int)] = [
    ("", 0), (" ", 1), ("nul", 0), ("True", 0), ("nullx", 4), ("1 2", 2), ("+1", 0), ("01", 0), ("-01", 0), ("-", 1),
    (".5", 0), ("1.", 2), ("1.e2", 2), ("1e", 2), ("1e+", 3), ("0x10", 1), ("NaN", 0), ("Infinity", 0),
    ("-Infinity", 1), ("[", 1), ("[1", 2), ("[1,", 3), ("[1,]", 3), ("[,1]", 1), ("[1 2]", 3), ("]", 0), ("{", 1),
    ("{\"a\"", 4), ("{\"a\":", 5), ("{\"a\":1", 6), ("{\"a\":1,", 7), ("{\"a\":1,}", 7), ("{\"a\" 1}", 5),
    ("{a:1}", 1), ("{'a':1}", 1), ("{1:1}", 1), ("{\"a\":1 \"b\":2}", 7), ("{\"a\":1,\"a\":2}", 7),
    (#"{"a":1,"\u0061":2}"#, 7), ("\"", 1), ("\"a", 2), ("\"\\", 2), (#""\x""#, 2), (#""\u12""#, 5), (#""\u12g4""#, 5),
    (#""\ud83d""#, 1), (#""\udcbe""#, 1), (#""\ud83d\u0041""#, 1), (#""\ud83dx""#, 1), ("\"a\nb\"", 2),
    ("\"\\\u{1}\"", 2), ("\"\\n\u{1}\"", 3), ("[1]//", 3), ("/**/1", 0), ("{\"a\":[1,{\"b\":}]}", 13),
  ]

  @Test func `valid documents give their values`() throws {
    for (text, value) in Self.valid {
      #expect(try JSONParser.parse(Array(text.utf8)) == value, "\(text)")
    }
  }

  @Test func `invalid documents are refused where they go wrong`() {
    for (text, offset) in Self.invalid {
      let error = #expect(throws: OunceError.self, "\(text)") { try JSONParser.parse(Array(text.utf8), base: 1000) }
      #expect(error?.offset == 1000 + offset, "\(text): \(String(describing: error))")
      #expect(error?.kind == .malformed)
    }
  }

  @Test func `bytes that are not UTF-8 are refused`() {
    for bytes: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE4, 0xB8]] {
      for quoted in [[0x22] + bytes + [0x22], [0x22, 0x5C, 0x6E] + bytes + [0x22]] {
        #expect(throws: OunceError.self, "\(bytes)") { try JSONParser.parse(quoted) }
      }
    }
  }

  @Test func `nesting is bounded, breadth is not`() throws {
    func nested(_ depth: Int) -> [UInt8] {
      Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
    }
    #expect(throws: Never.self) { try JSONParser.parse(nested(Limits.jsonNesting)) }
    #expect(throws: OunceError.self) { try JSONParser.parse(nested(Limits.jsonNesting + 1)) }
    #expect(throws: OunceError.self) { try JSONParser.parse(nested(1_000_000)) }
    let broad = Array(("[" + String(repeating: "[],", count: 10_000) + "[]]").utf8)
    #expect(try JSONParser.parse(broad).array?.count == 10_001)
  }

  @Test func `keys that look alike are two, and keep their order`() throws {
    let object = try #require(try JSONParser.parse(Array("{\"e\u{301}\":1,\"\u{E9}\":2,\"\":3}".utf8)).object)
    #expect(object.count == 3)
    #expect(object["\u{E9}"] == .integer(2))
    #expect(object["e\u{301}"] == .integer(1))
    #expect(object.keys.map { $0.utf8.count } == [3, 2, 0])
  }

  @Test func `numbers that Python writes are taken where they are expected`() throws {
    let bytes = Array("[NaN,Infinity,-Infinity]".utf8)
    let values = try #require(try JSONParser.parse(bytes, options: .nonFiniteNumbers).array)
    #expect(values[0].double?.isNaN == true)
    #expect(values[1] == .double(.infinity) && values[2] == .double(-.infinity))
  }

  @Test func `whole numbers are whole however they are written`() throws {
    #expect(try JSONParser.parse(Array("32.0".utf8)).integer == 32)
    #expect(try JSONParser.parse(Array("32.5".utf8)).integer == nil)
    #expect(try JSONParser.parse(Array("1e300".utf8)).integer == nil)
  }

  @Test(arguments: [false, true]) func `what is written is read again`(_ isIndented: Bool) throws {
    for (_, value) in Self.valid where value != .double(.infinity) {
      let nested = JSON.object(["a": .array([value, value]), "\"\u{1}": value])
      let text = JSONWriter.write(nested, isIndented: isIndented)
      #expect(try JSONParser.parse(Array(text.utf8)) == nested, "\(text)")
    }
  }

  @Test func `any damage is an error or a value`() {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("damaged JSON: seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    let whole = Array(#"{"a":[1,-2.5e3,"x\u00e9\n💾",true,null],"b":{"c":{}}}"#.utf8)
    let bytes = Array("{}[]\",:\\u0e-.".utf8) + [0, 0x80, 0xFF]
    for _ in 0..<3000 {
      var damaged = whole
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        damaged[Int.random(in: damaged.indices, using: &generator)] = bytes.randomElement(using: &generator) ?? 0
      }
      do { _ = try JSONParser.parse(damaged) } catch {
        #expect((0...whole.count).contains(error.offset ?? -1), "seed \(seed): \(error)")
      }
    }
  }
}
