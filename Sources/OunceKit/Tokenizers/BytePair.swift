internal import OunceCore

/// Byte-level BPE of `tokenizer.json`, the kind that GPT-2 began and most families use.
struct BytePairTokenizer: TokenizerRule {
  /// The pre-tokenizer names of the family, where several have the same structure.
  var preferred: [String] = []
  /// Special tokens that the family sets by text, before those of the files.
  var tokens: [(kind: String, text: String)] = []

  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    let tokenizer = try HuggingFaceTokenizer(checkpoint)
    let vocabulary = try tokenizer.vocabulary(size: checkpoint.configuration.integer("vocab_size"))
    let name = try Pretokenizers.name(checkpoint.options.pretokenizer, for: tokenizer, preferred: preferred)
    vocabulary.write(model: "gpt2", pretokenizer: name, to: &writer)
    var special = try SpecialTokens(checkpoint, tokenizer: tokenizer.json, merges: .wanted)
    for (kind, text) in tokens { special.set(kind, tokenizer.id(of: text)) }
    try special.write(to: &writer)
  }
}
