internal import OunceCore

/// MiniMax M2: many experts, norms over all heads at once.
extension Architecture {
  static let miniMaxM2 = Architecture(
    "minimax-m2", ["MiniMaxM2ForCausalLM"],
    tensors: Decoder.ends + Decoder.norms + Decoder.attention + Decoder.headNorms + Decoder.mixtralExperts
      + Decoder.layers(TensorRule("block_sparse_moe.e_score_correction.bias", "exp_probs_b.bias")),
    metadata: MetadataRule.common + [
      .integer("{arch}.expert_feed_forward_length", "intermediate_size"),
      .integer("{arch}.rope.dimension_count", "rotary_dim"),
    ], tokenizer: BytePairTokenizer(preferred: ["minimax-m2"]))
}
