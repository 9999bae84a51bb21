internal import OunceCore

/// Z.ai's GLM 4: norms before and behind the parts of a layer, half of each head rotated.
extension Architecture {
  static let glm4 = Architecture(
    "glm4", ["Glm4ForCausalLM"],
    defaults: Glm.defaults.merging(["num_key_value_heads": .integer(2)]) { first, _ in first },
    tensors: Decoder.ends + Decoder.norms + Decoder.attention + Decoder.feedForward
      + Decoder.layers(
        TensorRule("mlp.gate_up_proj.weight", "ffn_up.weight"),
        TensorRule("post_mlp_layernorm.weight", "post_ffw_norm.weight"),
        TensorRule("post_self_attn_layernorm.weight", "post_attention_norm.weight")),
    metadata: MetadataRule.common + [Glm.rotaryWidth],
    tokenizer: BytePairTokenizer(
      preferred: ["glm4"],
      tokens: [
        ("eos", "<|endoftext|>"), ("eot", "<|user|>"), ("unk", "<|endoftext|>"), ("bos", "<|endoftext|>"),
      ]))

  /// GLM 4.7 Flash: DeepSeek's shape with GLM's vocabulary.
  static let glm4MoeLite = Architecture(
    "deepseek2", ["Glm4MoeLiteForCausalLM"], defaults: DeepSeek.defaults, derive: NextPrediction.derive,
    rename: NextPrediction.rename, tensors: DeepSeek.tensors + NextPrediction.tensors,
    metadata: DeepSeek.metadata + [NextPrediction.count], tokenizer: Glm.tokenizer)

  /// GLM 4.5 and 4.6 with experts.
  static let glm4Moe = Architecture(
    "glm4moe", ["Glm4MoeForCausalLM", "Glm4vMoeForConditionalGeneration", "SolarOpenForCausalLM"],
    defaults: Glm.defaults, derive: NextPrediction.derive, rename: NextPrediction.rename,
    tensors: Decoder.ends + Decoder.attention + Decoder.headNorms + Decoder.feedForward + Decoder.experts
      + DeepSeek.sharedExperts + NextPrediction.tensors
      + Decoder.layers(
        TensorRule("input_layernorm.weight", "attn_norm.weight"),
        TensorRule("post_attention_layernorm.weight", "post_attention_norm.weight")),
    metadata: MetadataRule.common + [
      Glm.rotaryWidth, .integer("{arch}.expert_count", "n_routed_experts"),
      .integer("{arch}.expert_feed_forward_length", "moe_intermediate_size"),
      .integer("{arch}.expert_shared_count", "n_shared_experts"),
      .integer("{arch}.leading_dense_block_count", "first_k_dense_replace"),
      .constant("{arch}.expert_gating_func", .uint32(2)),
      .float("{arch}.expert_weights_scale", "routed_scaling_factor"),
      .bool("{arch}.expert_weights_norm", "norm_topk_prob"),
      .count("{arch}.nextn_predict_layers") { (checkpoint) throws(OunceError) in
        checkpoint.options.withoutNextPrediction ? nil : checkpoint.configuration.integer("num_nextn_predict_layers")
      },
    ],
    tokenizer: Glm.tokenizer)
}

enum Glm {
  static let defaults: [String: JSON] = [
    "max_position_embeddings": .integer(131_072), "rope_theta": .double(10_000), "partial_rotary_factor": .double(0.5),
  ]

  static let tokenizer = BytePairTokenizer(
    preferred: ["glm4"],
    tokens: [
      ("bos", "[gMASK]"), ("eot", "<|user|>"), ("unk", "<|endoftext|>"), ("eom", "<|observation|>"),
    ])

  static let rotaryWidth = MetadataRule.count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in
    let factor = checkpoint.configuration.rope["partial_rotary_factor"]?.double ?? 0.5
    return try Configuration.whole(Double(try checkpoint.configuration.headDimension()) * factor)
  }
}
