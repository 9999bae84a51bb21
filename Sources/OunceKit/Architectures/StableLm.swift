internal import OunceCore

/// Stability's StableLM: LayerNorm, part of each head rotated; some checkpoints norm each head by itself.
extension Architecture {
  static let stableLm = Architecture(
    "stablelm", ["StableLmForCausalLM", "StableLMEpochForCausalLM", "LlavaStableLMEpochForCausalLM"],
    defaults: [
      "max_position_embeddings": .integer(4096), "layer_norm_eps": .double(1e-5), "rope_theta": .double(10_000),
      "partial_rotary_factor": .double(0.25), "use_parallel_residual": .bool(false),
      "num_key_value_heads": .integer(32),
    ],
    tensors: Decoder.ends + Decoder.norms + Decoder.attention + Decoder.feedForward
      + Decoder.layers(
        TensorRule("self_attn.q_layernorm.norms.{e}.weight", "attn_q_norm.weight"),
        TensorRule("self_attn.k_layernorm.norms.{e}.weight", "attn_k_norm.weight")),
    metadata: [
      .contextLength, .embeddingLength, .blockCount, .feedForwardLength,
      .count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in
        let factor = checkpoint.configuration.rope["partial_rotary_factor"]?.double ?? 0.25
        return try Configuration.whole(factor * Double(try checkpoint.configuration.headDimension()))
      }, .headCount, .keyValueHeadCount, .bool("{arch}.use_parallel_residual", "use_parallel_residual"),
      .float("{arch}.attention.layer_norm_epsilon", "layer_norm_eps", "norm_eps"), .fileType,
    ], tokenizer: BytePairTokenizer(preferred: ["stablelm2"]))
}
