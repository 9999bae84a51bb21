internal import OunceCore

/// Mamba: a state space in every layer, no attention.
extension Architecture {
  static let mamba = Architecture(
    "mamba", ["MambaForCausalLM", "MambaLMHeadModel", "FalconMambaForCausalLM"], derive: Mamba.derive(multiple: 8),
    tensors: Mamba.ends
      + TensorRule.layers(
        "backbone.layers.{i}.",
        [
          TensorRule("norm.weight", "attn_norm.weight"), TensorRule("mixer.A_log", "ssm_a", NegatedExponential()),
          TensorRule("mixer.D", "ssm_d"), TensorRule("mixer.conv1d.weight", "ssm_conv1d.weight", Squeezed(1)),
          TensorRule("mixer.conv1d.bias", "ssm_conv1d.bias"), TensorRule("mixer.dt_proj.*", "ssm_dt.*"),
          TensorRule("mixer.in_proj.weight", "ssm_in.weight"), TensorRule("mixer.out_proj.weight", "ssm_out.weight"),
          TensorRule("mixer.x_proj.weight", "ssm_x.weight"),
        ]),
    metadata: Mamba.shape + [
      .count("{arch}.ssm.conv_kernel") { (checkpoint) throws(OunceError) in
        checkpoint.configuration.integer("conv_kernel", "d_conv") ?? 4
      },
      .count("{arch}.ssm.inner_size") { (checkpoint) throws(OunceError) in try Mamba.innerSize(checkpoint) },
      .count("{arch}.ssm.state_size") { (checkpoint) throws(OunceError) in
        checkpoint.configuration.integer("state_size", "d_state") ?? 16
      },
      .count("{arch}.ssm.time_step_rank") { (checkpoint) throws(OunceError) in
        if let rank = checkpoint.configuration.integer("time_step_rank", "dt_rank") { return rank }
        return (try checkpoint.configuration.require("hidden_size", "d_model") + 15) / 16
      }, Mamba.epsilon,
      .value("{arch}.ssm.dt_b_c_rms") { (checkpoint) throws(OunceError) in
        .bool(checkpoint.configuration.string("model_type") == "falcon_mamba")
      }, .fileType,
    ], tokenizer: Mamba.tokenizer)

  /// Mamba 2: one decay a head, norms by group.
  static let mamba2 = Architecture(
    "mamba2", ["Mamba2ForCausalLM"], derive: Mamba.derive(multiple: 16),
    names: SourceNames(
      replaced: [("model.backbone", "backbone"), ("model.lm_head", "lm_head")],
      suffixes: [(".dt_bias", ".dt_proj.bias")]),
    tensors: Mamba.ends + TensorRule.layers("backbone.layers.{i}.", Mamba.second),
    metadata: Mamba.shape + [
      .count("{arch}.ssm.conv_kernel") { (checkpoint) throws(OunceError) in
        checkpoint.configuration.integer("conv_kernel", "d_conv") ?? 4
      },
      .count("{arch}.ssm.inner_size") { (checkpoint) throws(OunceError) in try Mamba.innerSize(checkpoint) },
      .count("{arch}.ssm.state_size") { (checkpoint) throws(OunceError) in
        checkpoint.configuration.integer("state_size", "d_state") ?? 128
      },
      .count("{arch}.ssm.time_step_rank") { (checkpoint) throws(OunceError) in
        let width = checkpoint.configuration.integer("mamba_d_head", "head_dim") ?? 64
        return width > 0 ? try Mamba.innerSize(checkpoint) / width : nil
      },
      .count("{arch}.ssm.group_count") { (checkpoint) throws(OunceError) in Mamba.groups(checkpoint) },
      Mamba.epsilon, .fileType,
    ], tokenizer: Mamba.tokenizer)
}

enum Mamba {
  static let tokenizer = BytePairTokenizer(preferred: ["mpt"])

  static let ends = [
    TensorRule("backbone.embeddings.weight", "token_embd.weight"),
    TensorRule("backbone.embedding.weight", "token_embd.weight"),
    TensorRule("backbone.norm_f.weight", "output_norm.weight"), TensorRule("lm_head.weight", "output.weight"),
  ]

  static let second = [TensorRule("norm.weight", "attn_norm.weight")] + mixer("mixer")

  /// The parts of a state space of the second kind, under the name that the family's layers give it.
  static func mixer(_ name: String) -> [TensorRule] {
    [
      TensorRule("\(name).A_log", "ssm_a", NegatedExponential(), Unsqueezed(1)),
      TensorRule("\(name).D", "ssm_d", Unsqueezed(1)),
      TensorRule("\(name).conv1d.weight", "ssm_conv1d.weight", Squeezed(1)),
      TensorRule("\(name).conv1d.bias", "ssm_conv1d.bias"), TensorRule("\(name).dt_bias", "ssm_dt.bias"),
      TensorRule("\(name).dt_proj.bias", "ssm_dt.bias"), TensorRule("\(name).in_proj.weight", "ssm_in.weight"),
      TensorRule("\(name).out_proj.weight", "ssm_out.weight"),
      TensorRule("\(name).norm.weight", "ssm_norm.weight", byGroup),
    ]
  }

  private static let byGroup = Shaped(
    { (old, checkpoint) throws(OunceError) in
      let groups = groups(checkpoint)
      return groups > 0 ? [groups, old.reduce(1, *) / groups] : old
    }, back: { (new, _) throws(OunceError) in [new.reduce(1, *)] })

  static func groups(_ checkpoint: Checkpoint) -> Int {
    checkpoint.configuration.integer("n_groups", "num_groups", "mamba_n_groups", "mamba_num_groups") ?? 1
  }

  static func innerSize(_ checkpoint: Checkpoint) throws(OunceError) -> Int {
    let configuration = checkpoint.configuration
    if let size = configuration.integer("mamba_d_ssm", "intermediate_size", "d_inner") { return size }
    return (configuration.integer("mamba_expand", "expand") ?? 2)
      * (try configuration.require("hidden_size", "d_model", "dim"))
  }

  /// The context has no bound; feed-forward parts and heads do not exist, but loaders ask for them.
  static let shape: [MetadataRule] = [
    .constant("{arch}.context_length", .uint32(1 << 20)),
    .integer("{arch}.embedding_length", "hidden_size", "d_model", "dim"),
    .constant("{arch}.feed_forward_length", .uint32(0)), .constant("{arch}.attention.head_count", .uint32(0)),
    .blockCount,
  ]

  static let epsilon = MetadataRule.value("{arch}.attention.layer_norm_rms_epsilon") {
    (checkpoint) throws(OunceError) in
    .float32(Float(checkpoint.configuration.double("layer_norm_epsilon", "rms_norm_eps") ?? 1e-5))
  }

  /// The vocabulary is padded to a multiple.
  static func derive(multiple: Int) -> @Sendable (inout Checkpoint) throws(OunceError) -> Void {
    { (checkpoint) throws(OunceError) in
      let step = checkpoint.configuration.integer("pad_vocab_size_multiple") ?? multiple
      let size = checkpoint.configuration.integer("vocab_size") ?? -1
      guard step > 0, (0...Limits.vocabulary).contains(size), step <= Limits.vocabulary else { return }
      checkpoint.configuration["vocab_size"] = .integer((size + step - 1) / step * step)
    }
  }
}
