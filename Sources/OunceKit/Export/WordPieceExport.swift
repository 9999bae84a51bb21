internal import OunceCore

extension TokenizerParts {
  /// BERT's words and parts of words. GGUF marks beginnings with U+2581, tokenizer.json continuations with `##`.
  static func wordPiece(
    _ source: ExportSource, _ vocabulary: ExportVocabulary
  ) throws(OunceError) -> TokenizerParts {
    let model = vocabulary.model { id in
      let text = vocabulary.texts[id]
      guard !ExportVocabulary.isAdded(vocabulary.types[id]) else { return text }
      return text.hasPrefix("\u{2581}") ? String(text.dropFirst()) : "##" + text
    }
    let lowercases = source.bool("tokenizer.ggml.normalizer.lowercase") ?? true
    return TokenizerParts(
      normalizer: .object([
        "type": .string("BertNormalizer"), "clean_text": .bool(true), "handle_chinese_chars": .bool(true),
        "strip_accents": source.bool("tokenizer.ggml.normalizer.strip_accents").map { .bool($0) } ?? .null,
        "lowercase": .bool(lowercases),
      ]), preTokenizer: .object(["type": .string("BertPreTokenizer")]),
      decoder: .object(["type": .string("WordPiece"), "prefix": .string("##"), "cleanup": .bool(true)]),
      model: .object([
        "type": .string("WordPiece"), "unk_token": .string("[UNK]"), "continuing_subword_prefix": .string("##"),
        "max_input_chars_per_word": .integer(100), "vocab": model,
      ]), addsBegin: true, addsEnd: true)
  }
}
