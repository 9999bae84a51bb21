internal import OunceCore

/// inclusionAI's Ling 2 and Sarvam: part of each head rotated, a layer that predicts a further token.
extension Architecture {
  static let bailingMoe2 = Architecture(
    "bailingmoe2", ["BailingMoeV2ForCausalLM"], derive: NextPrediction.derive, rename: NextPrediction.rename,
    tensors: Bailing2.tensors + [Bailing2.expertBias()], metadata: Bailing2.metadata,
    tokenizer: BytePairTokenizer(preferred: ["bailingmoe2"]))

  /// All of each head rotated; the router's biases are used without their mean.
  static let sarvam = Architecture(
    "bailingmoe2", ["SarvamMoEForCausalLM", "modeling_sarvam_moe.SarvamMoEForCausalLM"], derive: NextPrediction.derive,
    rename: NextPrediction.rename, tensors: Bailing2.tensors + [Bailing2.expertBias(Bailing2.centered)],
    metadata: Bailing2.metadata + [
      .count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in
        try checkpoint.configuration.headDimension()
      }
    ], tokenizer: BytePairTokenizer(preferred: ["sarvam-moe"]))
}

enum Bailing2 {
  static let tensors =
    [
      TensorRule("model.word_embeddings.weight", "token_embd.weight"),
      TensorRule("model.norm.weight", "output_norm.weight"), TensorRule("lm_head.weight", "output.weight"),
    ] + Decoder.norms + Decoder.feedForward + Decoder.experts + DeepSeek.sharedExperts + NextPrediction.tensors
    + Decoder.layers(
      TensorRule("attention.query_key_value.*", "attn_qkv.*"), TensorRule("attention.dense.*", "attn_output.*"),
      TensorRule("attention.query_layernorm.weight", "attn_q_norm.weight"),
      TensorRule("attention.key_layernorm.weight", "attn_k_norm.weight"),
      TensorRule("final_layernorm.weight", "layer_output_norm.weight"))

  static func expertBias(_ transforms: (any TensorTransform)? = nil) -> TensorRule {
    let (source, target) = ("model.layers.{i}.mlp.gate.expert_bias", "blk.{i}.exp_probs_b.bias")
    return transforms.map { TensorRule(source, target, $0) } ?? TensorRule(source, target)
  }

  /// Less the mean of all.
  static let centered = Custom { (tensor, _, _) throws(OunceError) in
    let values = try tensor.values()
    let mean = Float(values.reduce(0) { $0 + Double($1) } / Double(max(1, values.count)))
    return try RopeFrequencies.tensor(tensor.info.name, values.map { $0 - mean })
  }

  static let metadata: [MetadataRule] =
    MetadataRule.common + [
      .count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in
        let factor = checkpoint.configuration.rope["partial_rotary_factor"]?.double ?? 0.5
        return try Configuration.whole(Double(try checkpoint.configuration.headDimension()) * factor)
      },
      .integer("{arch}.leading_dense_block_count", "first_k_dense_replace"),
      .integer("{arch}.vocab_size", "vocab_size"),
      .integer("{arch}.expert_feed_forward_length", "moe_intermediate_size"),
      .count("{arch}.expert_shared_feed_forward_length") { (checkpoint) throws(OunceError) in
        if let width = checkpoint.configuration.integer("moe_shared_expert_intermediate_size") { return width }
        return try checkpoint.configuration.require("moe_intermediate_size")
          * checkpoint.configuration.require("num_shared_experts")
      },
      .float("{arch}.expert_weights_scale", "routed_scaling_factor"),
      .integer("{arch}.expert_shared_count", "num_shared_experts"),
      .bool("{arch}.expert_weights_norm", "norm_topk_prob"),
      .count("{arch}.nextn_predict_layers") { (checkpoint) throws(OunceError) in
        checkpoint.configuration["num_nextn_predict_layers"] == nil ? nil : checkpoint.extraBlockCount
      },
    ]
}
