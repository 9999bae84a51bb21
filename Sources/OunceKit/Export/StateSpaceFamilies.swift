internal import OunceCore

/// Families without attention.
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
  ]

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
