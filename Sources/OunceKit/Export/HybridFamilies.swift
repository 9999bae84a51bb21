internal import OunceCore

/// Families whose layers are of several kinds: state spaces, attention, feed-forward parts, experts.
extension HuggingFaceForm {
  static let hybrids: [HuggingFaceForm] = [
    .init(
      .falconH1, "falcon_h1", names: ["conv_kernel": "mamba_d_conv", "state_size": "mamba_d_state"],
      settings: falcon),
    .init(
      .jamba, "jamba", names: ["layer_norm_epsilon": "rms_norm_eps", "num_local_experts": "num_experts"],
      settings: jamba),
    .init(
      .nemotronH, "nemotron_h",
      names: [
        "layer_norm_eps": "layer_norm_epsilon", "state_size": "ssm_state_size", "n_heads": "mamba_num_heads",
        "attention_head_dim": "head_dim", "num_local_experts": "n_routed_experts",
      ], without: [".embedding.", ".dt_proj."], also: ["nemotron_h_moe"], rename: furtherToken, settings: nemotron),
  ]

  /// The multipliers are in the weights already: those of the class become 1, which computes the same.
  @Sendable private static func falcon(_ source: ExportSource, _ settings: inout JSONObject) throws(OunceError) {
    try ExportSettings.biases(source, &settings)
    let (inner, heads) = (try source.require("{arch}.ssm.inner_size"), try source.require("{arch}.ssm.time_step_rank"))
    settings["mamba_d_ssm"] = .integer(inner)
    settings["mamba_n_heads"] = .integer(heads)
    if heads > 0 { settings["mamba_d_head"] = .integer(inner / heads) }
    settings["mamba_n_groups"] = source["{arch}.ssm.group_count"]?.json
    settings["rms_norm_eps"] = source["{arch}.attention.layer_norm_rms_epsilon"]?.json
    settings["mamba_conv_bias"] = .bool(source.has("blk.0.ssm_conv1d.bias"))
    settings["mamba_proj_bias"] = .bool(source.has("blk.0.ssm_in.bias"))
    settings["projectors_bias"] = .bool(source.has("blk.0.ssm_out.bias"))
    // llama.cpp's graph takes the norm behind the gate.
    settings["mamba_rms_norm"] = .bool(source.has("blk.0.ssm_norm.weight"))
    settings["mamba_norm_before_gate"] = .bool(false)
    let multipliers = [
      "embedding_multiplier", "lm_head_multiplier", "key_multiplier", "attention_in_multiplier",
      "attention_out_multiplier", "ssm_in_multiplier", "ssm_out_multiplier",
    ]
    for name in multipliers { settings[name] = .double(1) }
    settings["mlp_multipliers"] = .array([.double(1), .double(1)])
    settings["ssm_multipliers"] = .array(Array(repeating: .double(1), count: 5))
  }

  @Sendable private static func jamba(_ source: ExportSource, _ settings: inout JSONObject) throws(OunceError) {
    let (size, inner) = (try source.require("{arch}.embedding_length"), try source.require("{arch}.ssm.inner_size"))
    if size > 0 { settings["mamba_expand"] = .integer(inner / size) }
    // The fast kernels need a CUDA device, without which the class would not load.
    settings["use_mamba_kernels"] = .bool(false)
    settings["mamba_dt_rank"] = source["{arch}.ssm.time_step_rank"]?.json
    settings["mamba_conv_bias"] = .bool(source.model.tensors.contains { $0.info.name.hasSuffix(".ssm_conv1d.bias") })
    settings["mamba_proj_bias"] = .bool(source.model.tensors.contains { $0.info.name.hasSuffix(".ssm_in.bias") })
    guard case .array(.int32(let heads))? = source["{arch}.attention.head_count_kv"] else { return }
    settings["num_key_value_heads"] = .integer(Int(heads.max() ?? 0))
    let attention = ExportSettings.period(heads.map { $0 != 0 })
    settings["attn_layer_offset"] = .integer(attention.offset)
    settings["attn_layer_period"] = .integer(attention.period)
    let experts = ExportSettings.period(heads.indices.map { source.has("blk.\($0).ffn_gate_inp.weight") })
    settings["expert_layer_offset"] = .integer(experts.offset)
    settings["expert_layer_period"] = .integer(experts.period)
  }

  @Sendable private static func nemotron(_ source: ExportSource, _ settings: inout JSONObject) throws(OunceError) {
    let heads = try source.require("{arch}.ssm.time_step_rank")
    if heads > 0 { settings["mamba_head_dim"] = .integer(try source.require("{arch}.ssm.inner_size") / heads) }
    settings["n_groups"] = source["{arch}.ssm.group_count"]?.json
    let extra = source.integer("{arch}.nextn_predict_layers") ?? 0
    guard case .array(.int32(let keys))? = source["{arch}.attention.head_count_kv"],
      case .array(.int32(let widths))? = source["{arch}.feed_forward_length"], keys.count == widths.count,
      (0...keys.count).contains(extra)
    else {
      throw OunceError(
        .malformed, "expected as many counts of heads as widths", file: source.model.path,
        subject: "key \(source.architectureName).feed_forward_length")
    }
    let hasExperts = source.architectureName.hasSuffix("_moe")
    settings["hybrid_override_pattern"] = .string(
      zip(keys, widths).dropLast(extra).map { $0 > 0 ? "*" : $1 > 0 ? (hasExperts ? "E" : "-") : "M" }.joined())
    settings["num_hidden_layers"] = .integer(keys.count - extra)
    if hasExperts { settings["num_nextn_predict_layers"] = .integer(extra) }
    settings["num_key_value_heads"] = .integer(Int(keys.max() ?? 0))
    settings.removeValue(forKey: "attn_rotary_emb")
    settings["intermediate_size"] = hasExperts ? nil : .integer(Int(widths.max() ?? 0))
    settings["use_conv_bias"] = .bool(source.model.tensors.contains { $0.info.name.hasSuffix(".ssm_conv1d.bias") })
    settings["attention_bias"] = .bool(source.model.tensors.contains { $0.info.name.hasSuffix(".attn_q.bias") })
    settings["mlp_bias"] = .bool(source.model.tensors.contains { $0.info.name.hasSuffix(".ffn_up.bias") })
    // The state space's own: every layer's heads rotate nothing, and a context has no bound.
    settings["max_position_embeddings"] = source["{arch}.context_length"]?.json
  }

  /// The layer that predicts a further token stands apart: attention first, then experts.
  @Sendable private static func furtherToken(_ name: String, _ source: ExportSource) -> String {
    let extra = source.integer("{arch}.nextn_predict_layers") ?? 0
    let prefix = "backbone.layers.\((source.integer("{arch}.block_count") ?? 0) - extra)."
    guard extra > 0, name.hasPrefix(prefix) else { return name }
    let rest = String(name.dropFirst(prefix.count))
    if let part = NemotronH.parts.first(where: { $0.value == rest }) { return "mtp.layers." + part.key }
    let isAttention = rest == "norm.weight" || ["q", "k", "v", "o"].contains { rest.hasPrefix("mixer.\($0)_proj.") }
    return "mtp.layers.\(isAttention ? 0 : 1)." + rest
  }
}
