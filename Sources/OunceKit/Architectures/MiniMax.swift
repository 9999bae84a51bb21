internal import OunceCore

/// MiniMax M2: many experts, norms over all heads at once.
extension Architecture {
  static let miniMaxM2 = Architecture(
    "minimax-m2", ["MiniMaxM2ForCausalLM"],
    tensors: Decoder.ends + Decoder.norms + Decoder.attention + Decoder.headNorms + Decoder.mixtralExperts
      + Decoder.layers(TensorRule("block_sparse_moe.e_score_correction.bias", "exp_probs_b.bias")),
    metadata: MetadataRule.common + MiniMax.metadata, tokenizer: MiniMax.tokenizer)

  /// M3: a small attention chooses what the large one sees; norms stored as their distance from 1.
  static let miniMaxM3 = Architecture(
    "minimax-m3", ["MiniMaxM3SparseForCausalLM", "MiniMaxM3SparseForConditionalGeneration"],
    tensors: [
      TensorRule("model.embed_tokens.weight", "token_embd.weight"),
      TensorRule("model.norm.weight", "output_norm.weight", Added(1)), TensorRule("lm_head.weight", "output.weight"),
    ] + Decoder.attention + Decoder.feedForward + Decoder.mixtralExperts
      + Decoder.layers(
        TensorRule("input_layernorm.weight", "attn_norm.weight", Added(1)),
        TensorRule("post_attention_layernorm.weight", "ffn_norm.weight", Added(1)),
        TensorRule("self_attn.q_norm.weight", "attn_q_norm.weight", Added(1)),
        TensorRule("self_attn.k_norm.weight", "attn_k_norm.weight", Added(1)),
        TensorRule("self_attn.index_q_proj.weight", "indexer.q_proj.weight").stored(as: "F32"),
        TensorRule("self_attn.index_k_proj.weight", "indexer.k_proj.weight").stored(as: "F32"),
        TensorRule("self_attn.index_q_norm.weight", "indexer.q_norm.weight", Added(1)),
        TensorRule("self_attn.index_k_norm.weight", "indexer.k_norm.weight", Added(1)),
        TensorRule("block_sparse_moe.e_score_correction.bias", "exp_probs_b.bias"),
        TensorRule("block_sparse_moe.shared_experts.gate_proj.weight", "ffn_gate_shexp.weight"),
        TensorRule("block_sparse_moe.shared_experts.up_proj.weight", "ffn_up_shexp.weight"),
        TensorRule("block_sparse_moe.shared_experts.down_proj.weight", "ffn_down_shexp.weight")),
    metadata: MetadataRule.common + MiniMax.metadata + MiniMax.sparseMetadata, tokenizer: MiniMax.tokenizer)
}

enum MiniMax {
  static let tokenizer = BytePairTokenizer(preferred: ["minimax-m2"])

  static let metadata: [MetadataRule] = [
    .integer("{arch}.expert_feed_forward_length", "intermediate_size"),
    .integer("{arch}.rope.dimension_count", "rotary_dim"),
  ]

  static let sparseMetadata: [MetadataRule] = [
    .integer("{arch}.expert_shared_count", "n_shared_experts"),
    .float("{arch}.expert_weights_scale", "routed_scaling_factor"),
    .constant("{arch}.expert_weights_norm", .bool(true)),
    indexer("head_count", "sparse_num_index_heads"), indexer("key_length", "sparse_index_dim"),
    indexer("top_k", "sparse_topk_blocks"), indexer("block_size", "sparse_block_size"),
    indexer("local_blocks", "sparse_local_block"),
    .count("{arch}.leading_dense_block_count") { (checkpoint) throws(OunceError) in
      let frequencies = checkpoint.configuration.array("moe_layer_freq") ?? []
      return frequencies.firstIndex { $0.integer != 0 } ?? frequencies.count
    },
  ]

  private static func indexer(_ key: String, _ name: String) -> MetadataRule {
    .count("{arch}.attention.indexer.\(key)") { (checkpoint) throws(OunceError) in
      checkpoint.configuration["sparse_attention_config"]?[name]?.integer
    }
  }
}
