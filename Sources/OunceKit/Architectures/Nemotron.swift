internal import OunceCore

/// NVIDIA's Nemotron 4 and Minitron: norms stored as their distance from 1, squared ReLU.
extension Architecture {
  static let nemotron = Architecture(
    "nemotron", ["NemotronForCausalLM"],
    defaults: [
      "max_position_embeddings": .integer(4096), "norm_eps": .double(1e-5), "rope_theta": .double(10_000),
      "partial_rotary_factor": .double(0.5),
    ], derive: Nemotron.derive,
    tensors: [
      TensorRule("model.embed_tokens.weight", "token_embd.weight"),
      TensorRule("model.norm.weight", "output_norm.weight", Added(1)),
      TensorRule("model.norm.bias", "output_norm.bias"), TensorRule("lm_head.weight", "output.weight"),
    ] + Decoder.attention + Decoder.feedForward
      + Decoder.layers(
        TensorRule("input_layernorm.weight", "attn_norm.weight", Added(1)),
        TensorRule("input_layernorm.bias", "attn_norm.bias"),
        TensorRule("post_attention_layernorm.weight", "ffn_norm.weight", Added(1)),
        TensorRule("post_attention_layernorm.bias", "ffn_norm.bias")),
    metadata: MetadataRule.common + [
      .integer("{arch}.vocab_size", "vocab_size"),
      .float(
        "{arch}.attention.layer_norm_epsilon", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps"),
      Phi.rotaryWidth,
      MetadataRule { (checkpoint, writer) throws(OunceError) in
        let factor = checkpoint.configuration["factor"]?.double ?? checkpoint.configuration.rope["factor"]?.double
        writer.set("{arch}.rope.scaling.type", .string(factor == nil ? "none" : "linear"))
        if let factor { writer.set("{arch}.rope.scaling.factor", .float32(Float(factor))) }
      },
    ], tokenizer: NemotronTokenizer())
}

enum Nemotron {
  /// As many key heads as there are others, where nothing is said.
  @Sendable static func deriveKeyHeads(_ checkpoint: inout Checkpoint) throws(OunceError) {
    if checkpoint.configuration["num_key_value_heads"] == nil {
      checkpoint.configuration["num_key_value_heads"] = checkpoint.configuration["num_attention_heads"]
    }
  }

  /// Classes that also write the width of a head.
  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    try deriveKeyHeads(&checkpoint)
    if checkpoint.configuration["head_dim"] == nil {
      checkpoint.configuration["head_dim"] = .integer(try checkpoint.configuration.headDimension())
    }
  }
}

/// SentencePiece with fixed ids for padding and unknown tokens.
struct NemotronTokenizer: TokenizerRule {
  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    try SentencePieceTokenizer().write(checkpoint, to: &writer)
    writer.set("tokenizer.ggml.padding_token_id", .uint32(0))
    writer.set("tokenizer.ggml.unknown_token_id", .uint32(1))
  }
}
