internal import OunceCore

/// TII's Falcon H1: attention and a state space side by side in every layer; multipliers are folded into the weights.
extension Architecture {
  static let falconH1 = Architecture(
    "falcon-h1", ["FalconH1ForCausalLM"],
    defaults: ["mamba_d_conv": .integer(4), "mamba_d_state": .integer(128), "mamba_n_groups": .integer(1)],
    tensors: [
      TensorRule("model.embed_tokens.weight", "token_embd.weight", FalconH1.scaled("embedding_multiplier")),
      TensorRule("model.final_layernorm.weight", "output_norm.weight"),
      TensorRule("lm_head.weight", "output.weight", FalconH1.scaled("lm_head_multiplier")),
    ]
      + Decoder.layers(
        TensorRule("input_layernorm.weight", "attn_norm.weight"), TensorRule("pre_ff_layernorm.weight", "ffn_norm"),
        TensorRule("feed_forward.gate_proj.*", "ffn_gate.*", FalconH1.scaled("mlp_multipliers", 0)),
        TensorRule("feed_forward.up_proj.*", "ffn_up.*"),
        TensorRule("feed_forward.down_proj.*", "ffn_down.*", FalconH1.scaled("mlp_multipliers", 1)),
        TensorRule("self_attn.q_proj.*", "attn_q.*", FalconH1.scaled("attention_in_multiplier")),
        TensorRule(
          "self_attn.k_proj.*", "attn_k.*", FalconH1.scaled("key_multiplier"),
          FalconH1.scaled("attention_in_multiplier")),
        TensorRule("self_attn.v_proj.*", "attn_v.*", FalconH1.scaled("attention_in_multiplier")),
        TensorRule("self_attn.o_proj.*", "attn_output.*", FalconH1.scaled("attention_out_multiplier")),
        TensorRule("mamba.in_proj.bias", "ssm_in.bias", FalconH1.scaled("ssm_in_multiplier")),
        TensorRule("mamba.in_proj.weight", "ssm_in.weight", FalconH1.scaled("ssm_in_multiplier"), FalconH1.parts),
        TensorRule("mamba.out_proj.*", "ssm_out.*", FalconH1.scaled("ssm_out_multiplier")))
      + TensorRule.layers("model.layers.{i}.", Mamba.mixer("mamba").filter { !$0.source.hasSuffix("_proj.weight") }),
    metadata: [
      .contextLength, .embeddingLength, .integer("{arch}.feed_forward_length", "intermediate_size"), .headCount,
      .blockCount, .integer("{arch}.ssm.conv_kernel", "conv_kernel", "d_conv", "mamba_conv_kernel", "mamba_d_conv"),
      .count("{arch}.ssm.inner_size") { (checkpoint) throws(OunceError) in try Mamba.innerSize(checkpoint) },
      .integer("{arch}.ssm.state_size", "state_size", "d_state", "mamba_state_size", "mamba_d_state"),
      .count("{arch}.ssm.time_step_rank") { (checkpoint) throws(OunceError) in
        let width = checkpoint.configuration.integer("mamba_d_head", "head_dim") ?? 64
        return width > 0 ? try Mamba.innerSize(checkpoint) / width : nil
      },
      .count("{arch}.ssm.group_count") { (checkpoint) throws(OunceError) in Mamba.groups(checkpoint) },
      Mamba.epsilon, .fileType, .integer("{arch}.vocab_size", "vocab_size"), .keyValueHeadCount, .headDimension,
      .value("{arch}.rope.freq_base") { (checkpoint) throws(OunceError) in
        checkpoint.configuration.rope["rope_theta"]?.double.map { .float32(Float($0)) }
      },
    ], tokenizer: BytePairTokenizer(preferred: ["falcon-h1"]))
}

enum FalconH1 {
  /// Multiplies by a setting, or by one element of it; 1 where the file is silent.
  static func scaled(_ name: String, _ index: Int? = nil) -> Scaled {
    Scaled { (checkpoint) throws(OunceError) in
      guard let index else { return Float(checkpoint.configuration.double(name) ?? 1) }
      let values = checkpoint.configuration.array(name) ?? []
      return Float((values.indices.contains(index) ? values[index].double : nil) ?? 1)
    }
  }

  /// The five parts of the state space's projection have multipliers of their own.
  static let parts = Custom(
    { (tensor, checkpoint, match) throws(OunceError) in try multiplied(tensor, checkpoint, match, isBack: false) },
    back: { (tensor, checkpoint, match) throws(OunceError) in try multiplied(tensor, checkpoint, match, isBack: true) })

  private static func multiplied(
    _ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch, isBack: Bool
  ) throws(OunceError) -> Tensor {
    let inner = try checkpoint.configuration.require("mamba_d_ssm")
    let state =
      try checkpoint.configuration.require("mamba_n_groups")
      * checkpoint.configuration.require("mamba_d_state")
    let rows = tensor.info.shape.first ?? 0
    let ends = [0, inner, inner * 2, inner * 2 + state, inner * 2 + state * 2, rows]
    guard ends[4] <= rows else {
      throw OunceError(
        .malformed, "has \(rows) rows, expected more than \(ends[4])", subject: "tensor \(tensor.info.name)",
        remedy: "config.json and the weights do not belong together")
    }
    var parts: [Tensor] = []
    for index in 0..<5 {
      let slice = try RowSlice { (_, _) in ends[index]..<ends[index + 1] }.apply(tensor, checkpoint, match)
      let scaled = scaled("ssm_multipliers", index)
      let transform: any TensorTransform = isBack ? scaled.inverse ?? scaled : scaled
      parts.append(try transform.apply(slice, checkpoint, match))
    }
    return try Tensor.concatenated(parts, name: tensor.info.name)
  }
}
