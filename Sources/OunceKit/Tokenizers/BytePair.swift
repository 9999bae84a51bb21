internal import OunceCore

/// Byte-level BPE of `tokenizer.json`, the kind that GPT-2 began and most families use.
struct BytePairTokenizer: TokenizerRule {
  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    let tokenizer = try HuggingFaceTokenizer(checkpoint)
    let vocabulary = try tokenizer.vocabulary(size: checkpoint.configuration.integer("vocab_size"))
    let name = try Pretokenizers.name(checkpoint.options.pretokenizer, for: tokenizer)
    vocabulary.write(model: "gpt2", pretokenizer: name, to: &writer)
    try SpecialTokens(checkpoint, tokenizer: tokenizer.json, merges: .wanted).write(to: &writer)
  }
}
