internal import OunceCore

/// Ai2's OLMo: norms without weights, clipped projections.
extension Architecture {
  static let olmo = Architecture(
    "olmo", ["OlmoForCausalLM", "OLMoForCausalLM"], defaults: Olmo.defaults, derive: Olmo.derive,
    tensors: Decoder.ends + Decoder.interleavedAttention + Decoder.feedForward,
    metadata: MetadataRule.common + [
      .constant("{arch}.attention.layer_norm_epsilon", .float32(1e-5)),
      .float("{arch}.attention.clamp_kqv", "clip_qkv"),
    ], tokenizer: BytePairTokenizer(preferred: ["olmo"]))

  /// OLMo 2 and 3: norms behind the parts of a layer, norms over all heads at once.
  static let olmo2 = Architecture(
    "olmo2", ["Olmo2ForCausalLM", "Olmo3ForCausalLM"],
    defaults: Olmo.defaults.merging(["rms_norm_eps": .double(1e-5)]) { first, _ in first }, derive: Olmo.derive,
    tensors: Decoder.ends + Decoder.attention + Decoder.headNorms + Decoder.feedForward
      + Decoder.layers(
        TensorRule("post_attention_layernorm.weight", "post_attention_norm.weight"),
        TensorRule("post_feedforward_layernorm.weight", "post_ffw_norm.weight")),
    metadata: MetadataRule.common + [
      .integer("{arch}.attention.sliding_window", "sliding_window"), .slidingPattern(every: 4, isFixed: true),
    ], tokenizer: BytePairTokenizer(preferred: ["dbrx"]))

  static let olmoe = Architecture(
    "olmoe", ["OlmoeForCausalLM"],
    defaults: Olmo.defaults.merging(
      [
        "rms_norm_eps": .double(1e-5), "num_experts": .integer(64), "num_experts_per_tok": .integer(8),
        "max_position_embeddings": .integer(4096),
      ]) { _, new in new }, derive: Olmo.derive,
    tensors: Decoder.ends + Decoder.norms + Decoder.attention + Decoder.headNorms + Decoder.experts
      + Decoder.fusedExperts,
    metadata: MetadataRule.common + [.constant("{arch}.attention.layer_norm_rms_epsilon", .float32(1e-5))],
    tokenizer: BytePairTokenizer(preferred: ["olmo"]))
}

enum Olmo {
  static let defaults: [String: JSON] = [
    "max_position_embeddings": .integer(2048), "rope_theta": .double(10_000), "vocab_size": .integer(50_304),
  ]

  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    if checkpoint.configuration["num_key_value_heads"] == nil {
      checkpoint.configuration["num_key_value_heads"] = checkpoint.configuration["num_attention_heads"]
    }
  }
}
