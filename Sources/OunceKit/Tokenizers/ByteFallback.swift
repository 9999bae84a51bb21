internal import OunceCore

/// A SentencePiece vocabulary that only tokenizer.json holds: BPE over characters, with bytes for unknown ones. Scores
/// are lost there, so every token has the same.
struct ByteFallbackTokenizer: TokenizerRule {
  static func fits(_ tokenizer: JSON) -> Bool {
    let model = tokenizer["model"]
    return model?["type"]?.string == "BPE" && model?["byte_fallback"]?.bool == true
      && tokenizer["decoder"]?["type"]?.string == "Sequence"
  }

  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    let tokenizer = try HuggingFaceTokenizer(checkpoint)
    let vocabulary = try Self.vocabulary(tokenizer)
    vocabulary.write(model: "llama", pretokenizer: "default", to: &writer)
    try SpecialTokens(checkpoint, tokenizer: tokenizer.json, vocabularyCount: vocabulary.types.count).write(to: &writer)
  }

  /// - Parameter userDefined: tokens that are shown although they are special.
  static func vocabulary(
    _ tokenizer: HuggingFaceTokenizer, userDefined: Set<String> = []
  ) throws(OunceError) -> Vocabulary {
    let count = tokenizer.vocabulary.count
    var texts = [String?](repeating: nil, count: tokenizer.highestID + 1)
    for (text, id) in tokenizer.vocabulary {
      if let id = id.integer { texts[id] = text }
    }
    let special = tokenizer.specialTexts
    var vocabulary = Vocabulary()
    for id in texts.indices {
      if let text = texts[id], id < count {
        let type = Self.isByte(text) ? TokenType.byte : special.contains(text) ? TokenType.control : TokenType.normal
        vocabulary.append(text.utf8, type)
      } else if let token = tokenizer.added[id] {
        let isControl = special.contains(token.content)
        vocabulary.append(token.content.utf8, isControl ? TokenType.control : TokenType.userDefined)
      } else {
        throw OunceError(
          .malformed, "there is no token of id \(id), but one of id \(tokenizer.highestID)", file: "tokenizer.json")
      }
    }
    vocabulary.scores = [Float](repeating: -1000, count: vocabulary.types.count)
    for id in vocabulary.types.indices where !userDefined.isEmpty {
      let text = String(decoding: vocabulary.tokens.bytes[vocabulary.tokens.range(id)], as: UTF8.self)
      if userDefined.contains(text) { vocabulary.types[id] = TokenType.userDefined }
    }
    return vocabulary
  }

  /// `<0x0A>`
  private static func isByte(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return bytes.count == 6 && text.hasPrefix("<0x") && text.hasSuffix(">")
      && bytes[3...4].allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
  }
}
