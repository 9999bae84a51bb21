internal import OunceCore

/// Meta's Muse Glimmer: norms on queries and keys without weights, whose factor GGUF stores as weights.
extension Architecture {
  static let museGlimmer = Architecture(
    "muse-glimmer", ["MuseGlimmerForConditionalGeneration"],
    tensors: Decoder.ends
      + Decoder.layers(
        TensorRule(
          "self_attn.q_proj.weight", "attn_q_norm.weight",
          filled { (checkpoint) throws(OunceError) in Float(checkpoint.configuration.double("qk_scale_factor") ?? 1) }),
        TensorRule("self_attn.q_proj.weight", "attn_k_norm.weight", filled { (_) in 1 }),
        TensorRule("self_attn.q_proj.weight", "attn_q.weight", Interleaved(.query)),
        TensorRule("input_layernorm.weight", "attn_norm.weight", Added(1)),
        TensorRule("post_attention_layernorm.weight", "post_attention_norm.weight", Added(1)),
        TensorRule("pre_feedforward_layernorm.weight", "ffn_norm.weight", Added(1)),
        TensorRule("post_feedforward_layernorm.weight", "post_ffw_norm.weight", Added(1)))
      + Decoder.interleavedAttention + Decoder.feedForward,
    metadata: MetadataRule.common + [
      .float("{arch}.final_logit_softcapping", "final_logit_softcapping"),
      .float("{arch}.logit_scale", "output_multiplier"),
      .integer("{arch}.attention.sliding_window", "sliding_window"), Gemma3n.windows,
    ], tokenizer: BytePairTokenizer(preferred: ["llama-bpe", "llama4"], lastTokens: [("eot", "<|eot|>")]))

  /// One number for every element of a head.
  private static func filled(_ value: @escaping @Sendable (Checkpoint) throws(OunceError) -> Float) -> Custom {
    Custom { (tensor, checkpoint, _) throws(OunceError) in
      let width = try checkpoint.configuration.headDimension()
      return try RopeFrequencies.tensor(
        tensor.info.name, Array(repeating: try value(checkpoint), count: max(0, min(width, Limits.modelSize))))
    }
  }
}
