internal import OunceCore

/// Byte-level BPE of `tokenizer.json`, the kind that GPT-2 began and most families use.
struct BytePairTokenizer: TokenizerRule {
  /// The pre-tokenizer names of the family, where several have the same structure.
  var preferred: [String] = []
  /// Special tokens that the family sets by text, before those of the files.
  var tokens: [(kind: String, text: String)] = []

  /// Special tokens that the family sets by text, whatever the files say.
  var lastTokens: [(kind: String, text: String)] = []
  /// The kinds of special tokens that the family's files name; nil: all.
  var kinds: [String]?
  /// Tokens that are control tokens although the files do not say so.
  var control: Set<String> = []
  /// Whether tokens are added by themselves, where the files do not say otherwise.
  var adds: [(kind: String, isAdded: Bool)] = []

  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    for (kind, isAdded) in adds { writer.set("tokenizer.ggml.add_\(kind)_token", .bool(isAdded)) }
    let tokenizer = try HuggingFaceTokenizer(checkpoint)
    var vocabulary = try tokenizer.vocabulary(size: checkpoint.configuration.integer("vocab_size"))
    for text in control {
      if let id = tokenizer.id(of: text), vocabulary.types.indices.contains(id) {
        vocabulary.types[id] = TokenType.control
      }
    }
    let name = try Pretokenizers.name(checkpoint.options.pretokenizer, for: tokenizer, preferred: preferred)
    vocabulary.write(model: "gpt2", pretokenizer: name, to: &writer)
    var special = try SpecialTokens(checkpoint, tokenizer: tokenizer.json, merges: .wanted, kinds: kinds)
    for (kind, text) in tokens { special.set(kind, tokenizer.id(of: text)) }
    try special.write(to: &writer)
    for (kind, text) in lastTokens {
      if let id = tokenizer.id(of: text).flatMap(UInt32.init(exactly:)) {
        writer.set("tokenizer.ggml.\(kind)_token_id", .uint32(id))
      }
    }
  }
}
