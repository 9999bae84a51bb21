internal import OunceCore

/// Families with state spaces.
extension HuggingFaceForm {
  static let stateSpaces: [HuggingFaceForm] = [
    .init(
      .mamba, "falcon_mamba", "FalconMambaForCausalLM", without: [".embedding."],
      recognizes: { $0.bool("{arch}.ssm.dt_b_c_rms") ?? false }, settings: stateSpace),
    .init(.mamba, "mamba", without: [".embedding."], settings: stateSpace),
    .init(
      .mamba2, "mamba2", without: [".embedding.", ".dt_proj."],
      settings: { (source, settings) throws(OunceError) in
        try stateSpace(source, &settings)
        let heads = try source.require("{arch}.ssm.time_step_rank")
        settings["num_heads"] = .integer(heads)
        if heads > 0 { settings["head_dim"] = .integer(try source.require("{arch}.ssm.inner_size") / heads) }
        settings["n_groups"] = source["{arch}.ssm.group_count"]?.json
        settings.removeValue(forKey: "time_step_rank")
        settings.removeValue(forKey: "intermediate_size")
      }),
    .init(
      .graniteHybrid, "granitemoehybrid",
      names: ["conv_kernel": "mamba_d_conv", "state_size": "mamba_d_state", "n_heads": "mamba_n_heads"],
      without: [".gate_proj.", ".up_proj.", ".down_proj.", ".pre_ff_layernorm.", ".final_layernorm.", ".dt_proj."],
      rename: { name, _ in name.replacing(".mlp.", with: ".shared_mlp.") }, settings: graniteHybrid),
  ]

  @Sendable private static func graniteHybrid(
    _ source: ExportSource, _ settings: inout JSONObject
  ) throws(OunceError) {
    let heads = try source.require("{arch}.ssm.time_step_rank")
    let (size, inner) = (try source.require("{arch}.embedding_length"), try source.require("{arch}.ssm.inner_size"))
    if size > 0, heads > 0 {
      settings["mamba_expand"] = .integer(inner / size)
      settings["mamba_d_head"] = .integer(inner / heads)
    }
    settings["mamba_n_groups"] = source["{arch}.ssm.group_count"]?.json
    if case .array(.int32(let keys))? = source["{arch}.attention.head_count_kv"] {
      settings["layer_types"] = .array(keys.map { .string($0 == 0 ? "mamba" : "attention") })
      settings["num_key_value_heads"] = .integer(Int(keys.max() ?? 0))
    }
    let rotates = source.bool("{arch}.rope.scaling.finetuned") ?? false
    settings["position_embedding_type"] = .string(rotates ? "rope" : "nope")
    settings["attention_bias"] = .bool(source.model.tensors.contains { $0.info.name.hasSuffix(".attn_q.bias") })
    settings["mamba_conv_bias"] = .bool(source.model.tensors.contains { $0.info.name.hasSuffix(".ssm_conv1d.bias") })
    settings["mamba_proj_bias"] = .bool(source.model.tensors.contains { $0.info.name.hasSuffix(".ssm_in.bias") })
    if source["{arch}.expert_count"] == nil { settings["num_local_experts"] = .integer(0) }
  }

  @Sendable private static func stateSpace(
    _ source: ExportSource, _ settings: inout JSONObject
  ) throws(OunceError) {
    let (size, inner) = (try source.require("{arch}.embedding_length"), try source.require("{arch}.ssm.inner_size"))
    if size > 0 { settings["expand"] = .integer(inner / size) }
    settings["intermediate_size"] = .integer(inner)
    settings["conv_kernel"] = source["{arch}.ssm.conv_kernel"]?.json
    settings["state_size"] = source["{arch}.ssm.state_size"]?.json
    settings["time_step_rank"] = source["{arch}.ssm.time_step_rank"]?.json
    settings["layer_norm_epsilon"] = source["{arch}.attention.layer_norm_rms_epsilon"]?.json
    settings["use_bias"] = .bool(source.has("blk.0.ssm_in.bias"))
    settings["use_conv_bias"] = .bool(source.has("blk.0.ssm_conv1d.bias"))
  }
}
