internal import OunceCore

/// Mistral's tekken.json: special tokens first, then byte strings by rank.
///
/// `config` counts the tokens (`default_vocab_size`, `default_num_special_tokens`), `vocab` lists them by rank with
/// their bytes in base 64, `special_tokens` names the special ones; older files leave the last out.
/// https://github.com/mistralai/mistral-common/blob/main/src/mistral_common/tokens/tokenizers/tekken.py
struct TekkenTokenizer: TokenizerRule {
  /// The special tokens of files that do not name them.
  private static let usual = [
    "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]",
    "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
  ]

  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    guard let json = try checkpoint.model.json("tekken.json") else {
      throw OunceError(.notFound, "has no tekken.json", file: checkpoint.model.path)
    }
    let special = try Self.special(json)
    let ranked = try Self.ranked(json, without: special.count)
    writer.set("tokenizer.ggml.model", .string("gpt2"))
    writer.set("tokenizer.ggml.pre", .string(checkpoint.options.pretokenizer ?? "tekken"))
    writer.set("tokenizer.ggml.merges", .array(.strings(ranked.allPairs)))
    func id(_ text: String) -> Int? { special.firstIndex(of: text) }
    let end = id("</s>") ?? 2
    let ids = [
      ("bos", id("<s>") ?? 1), ("eos", end), ("unknown", id("<unk>") ?? 0), ("padding", id("<pad>") ?? end),
    ]
    for (kind, id) in ids { writer.set("tokenizer.ggml.\(kind)_token_id", .uint32(UInt32(id))) }
    var vocabulary = Vocabulary()
    for text in special { vocabulary.append(text.utf8, TokenType.control) }
    for rank in ranked.tokens.indices { vocabulary.append(ranked.text(rank).utf8, TokenType.normal) }
    let count = vocabulary.types.count
    writer.set("tokenizer.ggml.tokens", .array(.strings(vocabulary.tokens)))
    // The reference writes whole zeros.
    writer.set("tokenizer.ggml.scores", .array(.int32([Int32](repeating: 0, count: count))))
    writer.set("tokenizer.ggml.token_type", .array(.int32(vocabulary.types)))
    writer.set("{arch}.vocab_size", .uint32(UInt32(count)))
    writer.set("tokenizer.ggml.add_bos_token", .bool(true))
    writer.set("tokenizer.ggml.add_eos_token", .bool(false))
    let settings = try checkpoint.model.json("tokenizer_config.json")
    try ChatTemplate.load(checkpoint.model, settings)?.write(to: &writer)
  }

  /// Special tokens by id; places without a name have one that tells their number.
  private static func special(_ json: JSON) throws(OunceError) -> [String] {
    let count = try count(json, "default_num_special_tokens")
    var texts = (0..<count).map { $0 < usual.count ? usual[$0] : "<SPECIAL_\($0)>" }
    guard let listed = json["special_tokens"]?.array else { return texts }
    texts = (0..<count).map { "<SPECIAL_\($0)>" }
    for entry in listed {
      guard let rank = entry["rank"]?.integer, texts.indices.contains(rank), let text = entry["token_str"]?.string
      else { continue }
      texts[rank] = text
    }
    return texts
  }

  private static func ranked(_ json: JSON, without special: Int) throws(OunceError) -> RankedBytes {
    let count = max(0, try count(json, "default_vocab_size") - special)
    var tokens: [[UInt8]] = []
    for entry in (json["vocab"]?.array ?? []).prefix(count) {
      guard entry["rank"]?.integer == tokens.count, let bytes = entry["token_bytes"]?.string.flatMap(Base64.decode)
      else {
        throw OunceError(
          .malformed, "expected the token of rank \(tokens.count) with its bytes", file: "tekken.json", subject: "vocab"
        )
      }
      tokens.append(bytes)
    }
    guard tokens.count == count else {
      throw OunceError(
        .malformed, "lists \(tokens.count) tokens, expected \(count)", file: "tekken.json", subject: "vocab")
    }
    return RankedBytes(tokens)
  }

  private static func count(_ json: JSON, _ name: String) throws(OunceError) -> Int {
    guard let count = json["config"]?[name]?.integer, (0...Limits.vocabulary).contains(count) else {
      throw OunceError(
        .malformed, "expected a count of tokens under \"\(name)\"", file: "tekken.json", subject: "config")
    }
    return count
  }
}
