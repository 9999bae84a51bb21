internal import OunceCore

/// The tokenizers of Llama's classes: SentencePiece where tokenizer.model is there, else what tokenizer.json holds.
struct LlamaTokenizer: TokenizerRule {
  var preferred: [String] = []

  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    if checkpoint.has("tekken.json"), !checkpoint.has("tokenizer.json") {
      return try TekkenTokenizer().write(checkpoint, to: &writer)
    }
    if let addsSpace = try checkpoint.model.json("tokenizer_config.json")?["add_prefix_space"]?.bool {
      writer.set("tokenizer.ggml.add_space_prefix", .bool(addsSpace))
    }
    if checkpoint.has("tokenizer.model") {
      try SentencePieceTokenizer().write(checkpoint, to: &writer)
    } else {
      let tokenizer = try HuggingFaceTokenizer(checkpoint)
      if ByteFallbackTokenizer.fits(tokenizer.json) {
        try ByteFallbackTokenizer().write(checkpoint, to: &writer)
      } else {
        try BytePairTokenizer(preferred: preferred).write(checkpoint, to: &writer)
      }
    }
    try writeExceptions(checkpoint, to: &writer)
  }

  private func writeExceptions(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    switch checkpoint.configuration.integer("vocab_size") {
    case 32_016:
      // Code Llama: the tokens around a gap that is to be filled.
      var special = try SpecialTokens(checkpoint, kinds: ["prefix", "suffix", "middle", "eot"])
      for (offset, kind) in ["prefix", "suffix", "middle", "eot"].enumerated() { special.set(kind, 32_007 + offset) }
      try special.write(to: &writer)
    case 49_152:
      // The small Granite models of this class are not to begin with a token.
      writer.set("tokenizer.ggml.add_bos_token", .bool(false))
    default: break
    }
  }
}

/// SentencePiece where tokenizer.model is there, else byte-level BPE.
struct SentencePieceOrBytePair: TokenizerRule {
  var preferred: [String] = []

  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    if checkpoint.has("tokenizer.model") {
      try SentencePieceTokenizer().write(checkpoint, to: &writer)
    } else {
      try BytePairTokenizer(preferred: preferred).write(checkpoint, to: &writer)
    }
  }
}
