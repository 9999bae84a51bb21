internal import OunceCore

/// BERT's vocabulary: words, and parts of words behind `##`. GGUF marks the beginnings instead, with U+2581.
struct WordPieceTokenizer: TokenizerRule {
  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    let tokenizer = try HuggingFaceTokenizer.wordPiece(checkpoint)
    let vocabulary = try tokenizer.vocabulary(size: checkpoint.configuration.integer("vocab_size"))
    let types = checkpoint.configuration["type_vocab_size"] ?? .integer(1)
    try writer.set("tokenizer.ggml.token_type_count", count: types, of: "type_vocab_size")
    var marked = Vocabulary()
    for (id, type) in vocabulary.types.enumerated() {
      let text = vocabulary.tokens.bytes[vocabulary.tokens.range(id)]
      if type == TokenType.control {
        marked.append(text, type)
      } else if text.starts(with: [UInt8(ascii: "#"), UInt8(ascii: "#")]) {
        marked.append(text.dropFirst(2), type)
      } else {
        marked.append([0xE2, 0x96, 0x81] + text, type)
      }
    }
    marked.write(
      model: "bert", pretokenizer: checkpoint.options.pretokenizer ?? Self.name(tokenizer), to: &writer)
    try SpecialTokens(checkpoint, vocabularyCount: marked.types.count).write(to: &writer)
  }

  /// WordPiece knows one way to split; names differ by the vocabulary of the models that were seen first.
  private static func name(_ tokenizer: HuggingFaceTokenizer) -> String {
    guard tokenizer.id(of: "[CLS]") == 101, tokenizer.id(of: "[SEP]") == 102 else { return "bert-bge" }
    return tokenizer.vocabulary.count < 25_000 ? "bert-bge-large" : "jina-v2-en"
  }
}

extension HuggingFaceTokenizer {
  /// The tokenizer of tokenizer.json, or the one that older checkpoints describe with vocab.txt alone.
  static func wordPiece(_ checkpoint: Checkpoint) throws(OunceError) -> HuggingFaceTokenizer {
    guard !checkpoint.has("tokenizer.json"), let file = checkpoint.model.companions["vocab.txt"] else {
      return try HuggingFaceTokenizer(checkpoint)
    }
    let text = String(decoding: try file.wholeContent(atMost: Limits.jsonByteCount), as: UTF8.self)
    var vocabulary = JSONObject()
    for (id, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() where !line.isEmpty {
      vocabulary[line.hasSuffix("\r") ? String(line.dropLast()) : String(line)] = .integer(id)
    }
    var settings = try checkpoint.model.json("tokenizer_config.json")?.object ?? [:]
    for (name, token) in [
      ("unk_token", "[UNK]"), ("sep_token", "[SEP]"), ("pad_token", "[PAD]"), ("cls_token", "[CLS]"),
      ("mask_token", "[MASK]"),
    ] where settings[name] == nil {
      settings[name] = .string(token)
    }
    return try HuggingFaceTokenizer(
      json: .object(["model": .object(["type": .string("WordPiece"), "vocab": .object(vocabulary)])]),
      settings: .object(settings))
  }
}
