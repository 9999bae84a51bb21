internal import OunceCore

/// The tokenizers of Llama's classes: SentencePiece where tokenizer.model is there, else what tokenizer.json holds.
struct LlamaTokenizer: TokenizerRule {
  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    if let addsSpace = try checkpoint.model.json("tokenizer_config.json")?["add_prefix_space"]?.bool {
      writer.set("tokenizer.ggml.add_space_prefix", .bool(addsSpace))
    }
    try BytePairTokenizer().write(checkpoint, to: &writer)
    // The small Granite models of this class are not to begin with a token.
    if checkpoint.configuration.integer("vocab_size") == 49_152 {
      writer.set("tokenizer.ggml.add_bos_token", .bool(false))
    }
  }
}
