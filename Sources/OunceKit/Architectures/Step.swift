internal import OunceCore

/// StepFun's Step 3.5 and 3.7: more heads in layers with windows, norms stored as their distance from 1.
extension Architecture {
  static let step35 = Architecture(
    "step35", ["Step3p5ForCausalLM", "Step3p7ForConditionalGeneration"],
    defaults: ["rms_norm_eps": .double(1e-5)], derive: Step.derive, rename: Step.rename,
    tensors: [
      TensorRule("model.embed_tokens.weight", "token_embd.weight"),
      TensorRule("model.norm.weight", "output_norm.weight", Added(1)), TensorRule("lm_head.weight", "output.weight"),
    ] + Decoder.attention + Decoder.feedForward
      + Decoder.layers(
        TensorRule("input_layernorm.weight", "attn_norm.weight", Added(1)),
        TensorRule("post_attention_layernorm.weight", "ffn_norm.weight", Added(1)),
        TensorRule("self_attn.q_norm.weight", "attn_q_norm.weight", Added(1)),
        TensorRule("self_attn.k_norm.weight", "attn_k_norm.weight", Added(1)),
        TensorRule("self_attn.g_proj.weight", "attn_gate.weight", Shaped.squeezed),
        TensorRule("moe.gate.weight", "ffn_gate_inp.weight", Shaped.squeezed),
        TensorRule("moe.router_bias", "exp_probs_b.bias"),
        TensorRule("moe.gate_proj.weight", "ffn_gate_exps.weight", Shaped.squeezed),
        TensorRule("moe.up_proj.weight", "ffn_up_exps.weight", Shaped.squeezed),
        TensorRule("moe.down_proj.weight", "ffn_down_exps.weight", Shaped.squeezed),
        TensorRule("share_expert.gate_proj.weight", "ffn_gate_shexp.weight"),
        TensorRule("share_expert.up_proj.weight", "ffn_up_shexp.weight"),
        TensorRule("share_expert.down_proj.weight", "ffn_down_shexp.weight"),
        TensorRule("eh_proj.weight", "nextn.eh_proj.weight"),
        TensorRule("embed_tokens.weight", "nextn.embed_tokens.weight"),
        TensorRule("enorm.weight", "nextn.enorm.weight", Added(1)),
        TensorRule("hnorm.weight", "nextn.hnorm.weight", Added(1)),
        TensorRule("shared_head.head.weight", "nextn.shared_head_head.weight"),
        TensorRule("shared_head.norm.weight", "nextn.shared_head_norm.weight", Added(1))),
    computed: Step.frequencies, metadata: MetadataRule.common + Step.metadata,
    tokenizer: BytePairTokenizer(preferred: ["deepseek-v3"]))
}

enum Step {
  /// Positions of layers that see everything and of those with a window have bases of their own.
  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    if let bases = checkpoint.configuration.array("rope_theta"), bases.count > 1 {
      checkpoint.configuration["rope_theta"] = bases[0]
      checkpoint.configuration["local_rope_theta"] = bases[1]
    }
    try NextPrediction.derive(&checkpoint)
  }

  /// Layers that predict further tokens keep their head inside another module.
  @Sendable static func rename(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    guard let name = try NextPrediction.rename(name, checkpoint) else { return nil }
    let isTrunk = NextPrediction.layersOnly(name, try checkpoint.configuration.require("num_hidden_layers")) != nil
    return isTrunk
      ? name : name.replacing(".transformer.", with: ".").replacing("shared_head.output", with: "shared_head.head")
  }

  private static func hasWindow(_ checkpoint: Checkpoint) throws(OunceError) -> [Bool] {
    let types = checkpoint.configuration.array("layer_types") ?? []
    return (0..<(try checkpoint.blockCount)).map { $0 < types.count && types[$0].string == "sliding_attention" }
  }

  /// One number for layers that see everything, another for those with a window.
  private static func heads(_ key: String, _ name: String) -> MetadataRule {
    .value(key) { (checkpoint) throws(OunceError) in
      let full = try checkpoint.configuration.require(name)
      let window = checkpoint.configuration["attention_other_setting"]?[name]?.integer ?? full
      return .array(.int32(try hasWindow(checkpoint).map { Int32(clamping: $0 ? window : full) }))
    }
  }

  private static func limits(_ key: String, _ name: String) -> MetadataRule {
    .value(key) { (checkpoint) throws(OunceError) in
      guard let listed = checkpoint.configuration.array(name) else { return nil }
      return .array(
        .float32(
          (0..<(try checkpoint.blockCount)).map { $0 < listed.count ? Float(listed[$0].double ?? 0) : 0 }))
    }
  }

  static let metadata: [MetadataRule] = [
    heads("{arch}.attention.head_count", "num_attention_heads"),
    heads("{arch}.attention.head_count_kv", "num_attention_groups"),
    .integer("{arch}.attention.sliding_window", "sliding_window"),
    .value("{arch}.attention.sliding_window_pattern") { (checkpoint) throws(OunceError) in
      .array(.bool(try hasWindow(checkpoint)))
    },
    .integer("{arch}.attention.value_length", "head_dim"), .integer("{arch}.expert_count", "moe_num_experts"),
    .integer("{arch}.expert_used_count", "moe_top_k"),
    .integer("{arch}.expert_feed_forward_length", "moe_intermediate_size"),
    .integer("{arch}.expert_shared_feed_forward_length", "share_expert_dim"),
    .float("{arch}.expert_weights_scale", "moe_router_scaling_factor"),
    .bool("{arch}.expert_weights_norm", "norm_expert_weight"),
    .count("{arch}.leading_dense_block_count") { (checkpoint) throws(OunceError) in
      let layers = checkpoint.configuration.string("moe_layers_enum")?.split(separator: ",") ?? []
      return layers.compactMap { Int($0.filter { !$0.isWhitespace }) }.min() ?? 0
    },
    .count("{arch}.moe_every_n_layers") { (checkpoint) throws(OunceError) in
      checkpoint.configuration.integer("moe_every_n_layer") ?? 1
    },
    limits("{arch}.swiglu_clamp_exp", "swiglu_limits"), limits("{arch}.swiglu_clamp_shexp", "swiglu_limits_shared"),
    NextPrediction.count,
  ]

  /// Stretched positions concern the part of a head that rotates in layers that see everything; the rest stays.
  @Sendable static func frequencies(_ checkpoint: Checkpoint) throws(OunceError) -> [Tensor] {
    let width = try checkpoint.configuration.headDimension()
    let types = checkpoint.configuration.array("layer_types") ?? []
    let factors = checkpoint.configuration.array("partial_rotary_factors") ?? []
    let share = zip(types, factors).first { $0.0.string == "full_attention" }?.1.double ?? 1
    let rotated = try Configuration.whole(Double(width) * share)
    return try RopeFrequencies.llama3(checkpoint, width: rotated, paddedTo: width)
  }
}
