@testable import OunceKit
import Testing

/// Byte-pair vocabularies that list tokens by rank.
struct RankedBytesTests {
  private static let words = ["ab", "bc", "abc", " t", "he", " the", "xyz", "cd", "abcd"]
  private static let ranked = RankedBytes((0...255).map { [UInt8($0)] } + words.map { Array($0.utf8) })

  /// What the reference's merging gives for the same ranks.
  @Test func `a token's merge is what is left just before it`() {
    let expected = ["a b", "b c", "ab c", "\u{120} t", "h e", "\u{120}t he", "c d", "abc d"]
    #expect(Array(Self.ranked.merges) == expected)
  }

  @Test func `all pairs that make a token are listed by rank`() {
    let expected = [
      "a b", "b c", "a bc", "ab c", "\u{120} t", "h e", "\u{120}t he", "c d", "ab cd", "abc d",
    ]
    #expect(Array(Self.ranked.allPairs) == expected)
  }

  @Test func `a file of lines out of order is refused`() throws {
    let good = InputFile(path: "t", bytes: Array("YQ== 0\nYg== 1\n".utf8))
    #expect(try RankedBytes(good).tokens == [[97], [98]])
    for text in ["YQ== 1\n", "YQ==\n", "Y* 0\n", "YQ== 0\nYg== 2\n"] {
      #expect(throws: OunceError.self) { try RankedBytes(InputFile(path: "t", bytes: Array(text.utf8))) }
    }
  }

  @Test func `literals of Python are read and written as Python does`() {
    func bytes(_ text: String) -> [UInt8]? { PythonLiteral.bytes(Array(text.utf8)[...]) }
    #expect(bytes(#"'a\n\x41'"#) == [97, 10, 65])
    #expect(bytes(#"b'\xe2\x80'"#) == [0xE2, 0x80])
    #expect(bytes(#"'\xe9'"#) == [0xC3, 0xA9])
    #expect(bytes(#""it's""#) == Array("it's".utf8))
    #expect(bytes("'a") == nil)
    #expect(bytes(#"'\q'"#) == nil)
    func text(_ bytes: [UInt8]) -> String { String(decoding: PythonLiteral.escaped(bytes), as: UTF8.self) }
    #expect(text([0, 10, 13, 9, 92, 39, 34, 255]) == #"\x00\n\r\t\\\'"\xff"#)
    #expect(text([39]) == "'")
  }
}
