internal import OunceCore

/// InternLM 2's SentencePiece: pieces that are named unused are, a piece of one zero byte becomes a letter that C can
/// hold, and chats end with `<|im_end|>`.
struct InternLMTokenizer: TokenizerRule {
  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    guard let file = checkpoint.model.companions["tokenizer.model"] else {
      throw OunceError(
        .notFound, "has no tokenizer.model", file: checkpoint.model.path,
        remedy: "download all files of the model, not only its weights")
    }
    let model = try SentencePieceModel(file)
    let count = checkpoint.configuration.integer("vocab_size") ?? model.types.count
    guard (0...Limits.vocabulary).contains(count) else {
      throw OunceError(.malformed, "\(count) tokens are not plausible", file: "config.json")
    }
    let added = try checkpoint.model.json("added_tokens.json")?.object ?? [:]
    var table = TokenTable(count: count + added.count)
    for id in 0..<min(count, model.types.count) {
      var text = Array(model.pieces.bytes[model.pieces.range(id)])
      if text == [0] { text = Array("\u{1F409}".utf8) }
      let isUnused = text.starts(with: "[UNUSED".utf8)
      table.set(id, text, model.scores[id], isUnused ? TokenType.unused : model.types[id])
    }
    for (offset, text) in added.keys.enumerated() {
      table.set(count + offset, Array(text.utf8), -1000, TokenType.userDefined)
    }
    var end: Int?
    for entry in try Self.addedTokens(checkpoint) {
      if entry.content == "<|im_end|>" { end = entry.id }
      table.set(
        entry.id, Array(entry.content.utf8), -1000, entry.isSpecial ? TokenType.control : TokenType.userDefined)
    }
    let vocabulary = table.vocabulary
    vocabulary.write(model: "llama", pretokenizer: "default", to: &writer)
    writer.set("tokenizer.ggml.add_space_prefix", .bool(model.addsDummyPrefix))
    var special = try SpecialTokens(checkpoint, vocabularyCount: vocabulary.types.count)
    if let end { special.override("eos", end) }
    try special.write(to: &writer)
  }

  /// What tokenizer_config.json and tokenizer.json add, in this order.
  private static func addedTokens(_ checkpoint: Checkpoint) throws(OunceError) -> [AddedToken] {
    var result: [AddedToken] = []
    func add(_ id: Int?, _ entry: JSON) {
      guard let id, let content = entry["content"]?.string else { return }
      result.append(
        AddedToken(id: id, content: content, isSpecial: entry["special"]?.bool ?? false, isNormalized: false))
    }
    let decoder = try checkpoint.model.json("tokenizer_config.json")?["added_tokens_decoder"]?.object ?? [:]
    for (key, entry) in decoder { add(Int(key), entry) }
    for entry in try checkpoint.model.json("tokenizer.json")?["added_tokens"]?.array ?? [] {
      add(entry["id"]?.integer, entry)
    }
    return result
  }
}

/// InternLM 3's SentencePiece, whose chats end with `<|im_end|>` too.
struct InternLM3Tokenizer: TokenizerRule {
  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    let vocabulary = try SentencePieceTokenizer.vocabulary(checkpoint)
    vocabulary.write(model: "llama", pretokenizer: "default", to: &writer)
    var special = try SpecialTokens(checkpoint, vocabularyCount: vocabulary.types.count)
    let settings = try checkpoint.model.json("tokenizer_config.json")
    if let addsSpace = settings?["add_prefix_space"]?.bool {
      writer.set("tokenizer.ggml.add_space_prefix", .bool(addsSpace))
    }
    for (key, entry) in settings?["added_tokens_decoder"]?.object ?? [:] where entry["special"]?.bool ?? false {
      if entry["content"]?.string == "<|im_end|>", special.ids["eos"] != nil, let id = Int(key) {
        special.override("eos", id)
      }
    }
    try special.write(to: &writer)
  }
}
