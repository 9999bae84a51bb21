internal import OunceCore

/// A tiktoken file with special tokens behind it, as Kimi K2 is published.
struct TiktokenTokenizer: TokenizerRule {
  var fileName = "tiktoken.model"
  let pretokenizer: String

  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    guard let file = checkpoint.model.companions[fileName] else {
      throw OunceError(
        .notFound, "has neither tokenizer.json nor \(fileName)", file: checkpoint.model.path,
        remedy: "download all files of the model, not only its weights")
    }
    let ranked = try RankedBytes(file)
    let size = checkpoint.configuration.integer("vocab_size") ?? ranked.tokens.count
    guard (ranked.tokens.count...Limits.vocabulary).contains(size) else {
      throw OunceError(
        .malformed, "holds \(ranked.tokens.count) tokens, but config.json promises \(size)", file: file.path)
    }
    var special: [Int: String] = [:]
    let decoder = try checkpoint.model.json("tokenizer_config.json")?["added_tokens_decoder"]?.object ?? [:]
    for (key, entry) in decoder {
      if let id = Int(key), let text = entry["content"]?.string { special[id] = text }
    }
    var vocabulary = Vocabulary()
    for id in 0..<size {
      if id < ranked.tokens.count {
        vocabulary.append(ranked.text(id).utf8, TokenType.normal)
      } else {
        // What is not named is reserved.
        vocabulary.append((special[id] ?? "<|reserved_token_\(id)|>").utf8, TokenType.control)
      }
    }
    vocabulary.write(
      model: "gpt2", pretokenizer: checkpoint.options.pretokenizer ?? pretokenizer, to: &writer)
    writer.set("tokenizer.ggml.merges", .array(.strings(ranked.merges)))
    try SpecialTokens(checkpoint).write(to: &writer)
  }
}

/// Byte-level BPE of tokenizer.json; where it is missing, a tiktoken file.
struct DeepSeekTokenizer: TokenizerRule {
  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    if checkpoint.has("tokenizer.json") || !checkpoint.has("tiktoken.model") {
      try BytePairTokenizer(preferred: ["deepseek-v3", "deepseek-llm"]).write(checkpoint, to: &writer)
    } else {
      try TiktokenTokenizer(pretokenizer: "kimi-k2").write(checkpoint, to: &writer)
    }
  }
}
