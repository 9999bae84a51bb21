internal import OunceCore

extension RwkvTokenizer {
  /// The vocabulary file: every token but the first, which the tokenizer adds itself, and padding.
  ///
  /// - Throws: `OunceError` of kind `.malformed` for a token whose escapes cannot be read.
  static func file(_ vocabulary: ExportVocabulary) throws(OunceError) -> [UInt8] {
    var content: [UInt8] = []
    for id in vocabulary.texts.indices.dropFirst() where vocabulary.types[id] != TokenType.unused {
      let text = vocabulary.texts[id]
      guard let bytes = PythonLiteral.bytes(Array("b'\(text)'".utf8)[...]) else {
        throw OunceError(.malformed, "the escapes of token \(id) cannot be read", subject: "key tokenizer.ggml.tokens")
      }
      content += Array("\(id) ".utf8) + PythonLiteral.literal(bytes) + Array(" \(bytes.count)\n".utf8)
    }
    return content
  }
}

extension PythonLiteral {
  /// Bytes as a literal that Python reads: a string of ASCII, or a byte string.
  fileprivate static func literal(_ bytes: [UInt8]) -> [UInt8] {
    let quote = UInt8(ascii: "'")
    let doubled = UInt8(ascii: "\"")
    let mark = bytes.contains(quote) && !bytes.contains(doubled) ? doubled : quote
    return (bytes.allSatisfy { $0 < 0x80 } ? [] : [UInt8(ascii: "b")]) + [mark] + escaped(bytes) + [mark]
  }
}
