internal import OunceCore

/// Families with attention over compressed keys, and linear attention.
extension HuggingFaceForm {
  static let experts: [HuggingFaceForm] = [
    .init(
      .deepseek2, "deepseek_v3", "DeepseekV3ForCausalLM", names: ["num_local_experts": "n_routed_experts"],
      recognizes: { $0.integer("{arch}.expert_gating_func") == 2 },
      keepsFloats: [".e_score_correction_bias"],
      settings: { (source, settings) throws(OunceError) in
        try latentAttention(source, &settings)
        settings["scoring_func"] = .string("sigmoid")
        settings["topk_method"] = .string("noaux_tc")
        // GGUF lacks the layers that predict further tokens, which the class counts where nothing is said.
        settings["num_nextn_predict_layers"] = .integer(0)
      }),
    .init(
      .deepseek2, "deepseek_v2", names: ["num_local_experts": "n_routed_experts"],
      settings: { (source, settings) throws(OunceError) in
        try latentAttention(source, &settings)
        let groups = source.integer("{arch}.expert_group_count") ?? 1
        settings["scoring_func"] = .string("softmax")
        settings["topk_method"] = .string(groups > 1 ? "group_limited_greedy" : "greedy")
      }),
    miMo(isFused: true), miMo(isFused: false),
    .init(
      .qwen3Next, "qwen3_next", names: ["num_local_experts": "num_experts"], rename: furtherTokens,
      settings: { (source, settings) throws(OunceError) in
        try linearAttention(source, &settings)
        try ExportSettings.denseLayers(source, &settings)
        try ExportSettings.rotaryShare("partial_rotary_factor")(source, &settings)
        settings["norm_topk_prob"] = .bool(true)
      }),
    .init(
      .qwen35, "qwen3_5_text", rename: furtherTokens,
      settings: { (source, settings) throws(OunceError) in
        try linearAttention(source, &settings)
        try multimodalRope(source, &settings)
      }),
    .init(
      .qwen35Moe, "qwen3_5_moe_text", names: ["num_local_experts": "num_experts"], rename: furtherTokens,
      settings: { (source, settings) throws(OunceError) in
        try linearAttention(source, &settings)
        try multimodalRope(source, &settings)
      }),
  ]

  private static func miMo(isFused: Bool) -> HuggingFaceForm {
    .init(
      .miMo2, isFused ? "mimo_v2" : "mimo_v2_flash", isFused ? "MiMoV2ForCausalLM" : "MiMoV2FlashForCausalLM",
      names: ["num_local_experts": "n_routed_experts"], without: [".pre_mlp_layernorm."], needsCode: isFused,
      recognizes: { $0.has("blk.0.attn_qkv.weight") == isFused },
      keepsFloats: [".e_score_correction_bias"],
      rename: { name, source in
        let name = name.hasSuffix(".attention_sink_bias.weight") ? String(name.dropLast(7)) : name
        let extra = source.integer("{arch}.nextn_predict_layers") ?? 0
        let first = (source.integer("{arch}.block_count") ?? 0) - extra
        let words = name.split(separator: ".", maxSplits: 3).map(String.init)
        guard extra > 0, words.count == 4, let layer = Int(words[2]), layer >= first else { return name }
        let rest = words[3].replacing("post_attention_layernorm.", with: "pre_mlp_layernorm.")
        return "model.mtp.layers.\(layer - first).\(rest)"
      }, settings: miMo)
  }

  @Sendable private static func miMo(_ source: ExportSource, _ settings: inout JSONObject) throws(OunceError) {
    let extra = source.integer("{arch}.nextn_predict_layers") ?? 0
    guard case .array(.int32(let keys))? = source["{arch}.attention.head_count_kv"],
      case .array(.int32(let pattern))? = source["{arch}.attention.sliding_window_pattern"],
      keys.count == pattern.count, (0...keys.count).contains(extra)
    else {
      throw OunceError(
        .malformed, "expected as many counts of heads as windows", file: source.model.path,
        subject: "key mimo2.attention.head_count_kv")
    }
    let layers = keys.count - extra
    settings["num_hidden_layers"] = .integer(layers)
    settings["hybrid_layer_pattern"] = .array(pattern.prefix(layers).map { .integer(Int($0)) })
    settings["num_key_value_heads"] = .integer(Int(zip(keys, pattern).first { $0.1 != 1 }?.0 ?? keys.first ?? 0))
    settings["swa_num_key_value_heads"] = .integer(Int(zip(keys, pattern).first { $0.1 == 1 }?.0 ?? keys.first ?? 0))
    settings["head_dim"] = source["{arch}.attention.key_length"]?.json
    for name in ["head_dim", "num_attention_heads", "v_head_dim"] { settings["swa_" + name] = settings[name] }
    settings["swa_rope_theta"] = source["{arch}.rope.freq_base_swa"]?.json
    try ExportSettings.rotaryShare("partial_rotary_factor")(source, &settings)
    settings["moe_layer_freq"] = .array(
      (0..<layers).map { .integer(source.has("blk.\($0).ffn_gate_inp.weight") ? 1 : 0) })
    settings["scoring_func"] = try ExportSettings.gatingFunction(source)
    settings["topk_method"] = .string("noaux_tc")
  }

  /// Layers that predict further tokens stand apart in checkpoints, and what they share beside the first of them.
  @Sendable private static func furtherTokens(_ name: String, _ source: ExportSource) -> String {
    let words = name.split(separator: ".", maxSplits: 3).map(String.init)
    let extra = source.integer("{arch}.nextn_predict_layers") ?? 0
    let first = (source.integer("{arch}.block_count") ?? 0) - extra
    guard extra > 0, words.count == 4, words[1] == "layers", let layer = Int(words[2]), layer >= first else {
      return name
    }
    let parts = [
      ("eh_proj.", "fc."), ("enorm.", "pre_fc_norm_embedding."), ("hnorm.", "pre_fc_norm_hidden."),
      ("shared_head.norm.", "norm."),
    ]
    if let (part, own) = parts.first(where: { words[3].hasPrefix($0.0) }) {
      return "mtp." + own + words[3].dropFirst(part.count)
    }
    return "mtp.layers.\(layer - first).\(words[3])"
  }

  @Sendable static func latentAttention(
    _ source: ExportSource, _ settings: inout JSONObject
  ) throws(OunceError) {
    let rotated = try source.require("{arch}.rope.dimension_count")
    let width = try source.require("{arch}.attention.key_length_mla")
    // What GGUF calls the length of a key is that of the compressed ones.
    settings.removeValue(forKey: "head_dim")
    settings["qk_rope_head_dim"] = .integer(rotated)
    settings["qk_nope_head_dim"] = .integer(max(0, width - rotated))
    settings["q_lora_rank"] = source["{arch}.attention.q_lora_rank"]?.json ?? .null
    for name in ["n_group", "topk_group", "routed_scaling_factor"] where settings[name] == nil {
      settings[name] = .null
    }
    settings["num_key_value_heads"] = source["{arch}.attention.head_count"]?.json
    settings["first_k_dense_replace"] = source["{arch}.leading_dense_block_count"]?.json
    settings["n_shared_experts"] = source["{arch}.expert_shared_count"]?.json
    settings["norm_topk_prob"] = .bool(source.bool("{arch}.expert_weights_norm") ?? false)
    if let multiplier = source.number("{arch}.rope.scaling.yarn_log_multiplier"),
      var scaling = settings["rope_scaling"]?.object
    {
      // Published models have the same number under both names; GGUF keeps a tenth of the second.
      let scale = JSON.double((multiplier * 1e7).rounded() / 1e6)
      scaling["mscale"] = scale
      scaling["mscale_all_dim"] = scale
      settings["rope_scaling"] = .object(scaling)
    }
  }

  @Sendable private static func linearAttention(
    _ source: ExportSource, _ settings: inout JSONObject
  ) throws(OunceError) {
    let heads = try source.require("{arch}.ssm.time_step_rank")
    if heads > 0 {
      settings["linear_value_head_dim"] = .integer(try source.require("{arch}.ssm.inner_size") / heads)
    }
    let extra = source.integer("{arch}.nextn_predict_layers") ?? 0
    let layers = max(0, min(try source.require("{arch}.block_count"), Limits.blocks) - extra)
    settings["num_hidden_layers"] = .integer(layers)
    if extra > 0 { settings["mtp_num_hidden_layers"] = .integer(extra) }
    let interval = source.integer("{arch}.full_attention_interval") ?? 4
    settings["full_attention_interval"] = .integer(interval)
    var isLinear = (0..<layers).map { interval <= 0 || ($0 + 1) % interval != 0 }
    if case .array(.bool(let listed))? = source["{arch}.attention.recurrent_layers"] {
      isLinear = Array(listed.prefix(layers))
    }
    settings["layer_types"] = .array(isLinear.map { .string($0 ? "linear_attention" : "full_attention") })
  }

  /// Positions in the one member that transformers 5, which this class needs, reads.
  @Sendable private static func multimodalRope(
    _ source: ExportSource, _ settings: inout JSONObject
  ) throws(OunceError) {
    try ExportSettings.rotaryShare("partial_rotary_factor")(source, &settings)
    var rope = settings.removeValue(forKey: "rope_scaling")?.object ?? ["rope_type": .string("default")]
    rope["rope_theta"] = settings.removeValue(forKey: "rope_theta")
    rope["partial_rotary_factor"] = settings.removeValue(forKey: "partial_rotary_factor")
    if case .array(.int32(let sections))? = source["{arch}.rope.dimension_sections"] {
      rope["mrope_section"] = .array(sections.prefix(3).map { .integer(Int($0)) })
      rope["mrope_interleaved"] = .bool(true)
    }
    settings["rope_parameters"] = .object(rope)
  }
}
