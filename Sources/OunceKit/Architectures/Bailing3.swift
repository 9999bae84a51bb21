internal import OunceCore

/// inclusionAI's Ling 3: linear attention with gates in most layers, latent attention in every few.
extension Architecture {
  static let bailingMoe3 = Architecture(
    "bailingmoe3", ["BailingMoeV3ForCausalLM", "BailingMoeV3VLForConditionalGeneration"], derive: Bailing3.derive,
    names: SourceNames(ignoredPrefixes: ["linear_proj"]), rename: Bailing3.rename,
    tensors: Bailing2.tensors + [Bailing2.expertBias()]
      + Decoder.layers(
        TensorRule("attention.q_proj.weight", "attn_q.weight"), TensorRule("attention.k_proj.weight", "attn_k.weight"),
        TensorRule("attention.v_proj.weight", "attn_v.weight"),
        TensorRule("attention.o_proj.weight", "attn_output.weight"),
        TensorRule("attention.q_conv1d.weight", "ssm_conv1d_q.weight", Bailing3.kernel),
        TensorRule("attention.k_conv1d.weight", "ssm_conv1d_k.weight", Bailing3.kernel),
        TensorRule("attention.v_conv1d.weight", "ssm_conv1d_v.weight", Bailing3.kernel),
        TensorRule("attention.A_log", "ssm_a", Exponential(), Shaped { (old, _) in [old.reduce(1, *), 1] }),
        TensorRule("attention.dt_bias", "ssm_dt.bias"), TensorRule("attention.f_proj.weight", "ssm_f_a.weight"),
        TensorRule("attention.b_proj.weight", "ssm_beta.weight"),
        TensorRule("attention.linear_g_proj.weight", "ssm_g_a.weight"),
        TensorRule("attention.g_proj.weight", "attn_gate.weight"),
        TensorRule("attention.o_norm.weight", "ssm_norm.weight"),
        TensorRule("attention.q_a_proj.weight", "attn_q_a.weight"),
        TensorRule("attention.q_a_layernorm.weight", "attn_q_a_norm.weight"),
        TensorRule("attention.q_b_proj.weight", "attn_q_b.weight"),
        TensorRule("attention.kv_a_proj_with_mqa.weight", "attn_kv_a_mqa.weight"),
        TensorRule("attention.kv_a_layernorm.weight", "attn_kv_a_norm.weight"),
        TensorRule("attention.kv_b_proj.weight", "attn_k_b.weight", LatentPart(.keys), LatentPart.byHead, Exchanged()),
        TensorRule("attention.kv_b_proj.weight", "attn_v_b.weight", LatentPart(.values), LatentPart.byHead)),
    metadata: Bailing3.metadata, tokenizer: BytePairTokenizer(preferred: ["bailingmoe2"]))
}

enum Bailing3 {
  /// A short convolution as ggml's four dimensions.
  static let kernel = Shaped { (old, _) in
    (2...3).contains(old.count) ? [1, old[0], 1, old[old.count - 1]] : old
  }

  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    let configuration = checkpoint.configuration
    guard configuration.isTrue("no_kda_lora"), configuration.isTrue("kda_safe_gate"),
      configuration.string("gated_attention_proj_granularity_type") == "head_wise"
    else {
      throw OunceError(
        .unsupported, "only linear attention with whole projections, safe gates and a gate a head can be converted",
        file: "config.json")
    }
    // Latent attention has keys and values for every head until they are folded into one.
    checkpoint.configuration["num_key_value_heads"] = configuration["num_attention_heads"]
    try NextPrediction.derive(&checkpoint)
  }

  /// Every `layer_group_size`th layer attends to everything, and so do those behind the last whole group.
  private static func attendsFully(_ layer: Int, _ checkpoint: Checkpoint) throws(OunceError) -> Bool {
    let count = try checkpoint.configuration.require("num_hidden_layers")
    let size = max(1, try checkpoint.configuration.require("layer_group_size"))
    return (layer + 1) % size == 0 || layer >= count / size * size
  }

  /// The gate has one name in both kinds of layers.
  @Sendable static func rename(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    guard let name = try NextPrediction.rename(name, checkpoint) else { return nil }
    guard name.hasSuffix(".attention.g_proj.weight"), let layer = Int(name.dropFirst(13).prefix { $0.isASCIIDigit }),
      !(try attendsFully(layer, checkpoint))
    else { return name }
    return name.replacing(".g_proj.", with: ".linear_g_proj.")
  }

  static let metadata: [MetadataRule] =
    MetadataRule.common + [
      .value("{arch}.attention.head_count_kv") { (checkpoint) throws(OunceError) in
        let layers = try (0..<(try checkpoint.blockCount)).map { (layer) throws(OunceError) -> Int32 in
          try attendsFully(layer, checkpoint) ? 1 : 0
        }
        return .array(.int32(layers))
      },
      .integer("{arch}.vocab_size", "vocab_size"), .integer("{arch}.ssm.conv_kernel", "short_conv_kernel_size"),
      .integer("{arch}.kda.head_dim", "head_dim"), .bool("{arch}.kda.safe_gate", "kda_safe_gate"),
      .float("{arch}.kda.gate_lower_bound", "kda_lower_bound"),
      .integer("{arch}.attention.q_lora_rank", "q_lora_rank"),
      .integer("{arch}.attention.kv_lora_rank", "kv_lora_rank"),
      .integer("{arch}.rope.dimension_count", "qk_rope_head_dim"), DeepSeek.keyLength, DeepSeek.keyLengthPerHead,
      .integer("{arch}.attention.value_length_mla", "v_head_dim"),
      .integer("{arch}.expert_feed_forward_length", "moe_intermediate_size"),
      .integer("{arch}.expert_shared_feed_forward_length", "moe_shared_expert_intermediate_size"),
      .count("{arch}.expert_shared_count") { (checkpoint) throws(OunceError) in
        checkpoint.configuration.integer("num_shared_experts") ?? 1
      },
      .integer("{arch}.leading_dense_block_count", "first_k_dense_replace"),
      .float("{arch}.expert_weights_scale", "routed_scaling_factor"),
      .bool("{arch}.expert_weights_norm", "norm_topk_prob"),
      limits("{arch}.swiglu_clamp_exp", "expert_swiglu_limit_list"),
      limits("{arch}.swiglu_clamp_shexp", "share_expert_swiglu_limit_list"), NextPrediction.count,
      .value("{arch}.rope.dimension_sections") { (checkpoint) throws(OunceError) in
        guard checkpoint.className.contains("VL"), let parts = checkpoint.configuration.array("mrope_section") else {
          return nil
        }
        return .array(.int32(parts.prefix(3).map { Int32(clamping: $0.integer ?? 0) } + [0]))
      },
    ]

  /// Where activations of experts are clipped; 0 where they are not.
  private static func limits(_ key: String, _ name: String) -> MetadataRule {
    .value(key) { (checkpoint) throws(OunceError) in
      guard let listed = checkpoint.configuration.array(name) else { return nil }
      let values = (0..<(try checkpoint.blockCount)).map { layer in
        layer < listed.count ? Float(listed[layer].double ?? 0) : 0
      }
      return .array(.float32(values))
    }
  }
}
