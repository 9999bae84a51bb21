internal import OunceCore

/// Qwen 3 Next and 3.5: gated delta nets in three of four layers, norms stored as their distance from 1.
extension Architecture {
  static let qwen3Next = Architecture(
    "qwen3next", ["Qwen3NextForCausalLM"],
    defaults: [
      "max_position_embeddings": .integer(32_768), "rms_norm_eps": .double(1e-6), "rope_theta": .double(10_000),
      "partial_rotary_factor": .double(0.25), "vocab_size": .integer(151_936), "num_key_value_heads": .integer(2),
      "head_dim": .integer(256), "linear_conv_kernel_dim": .integer(4), "linear_key_head_dim": .integer(128),
      "linear_value_head_dim": .integer(128), "linear_num_key_heads": .integer(16),
      "linear_num_value_heads": .integer(32), "intermediate_size": .integer(5632), "num_experts": .integer(512),
      "num_experts_per_tok": .integer(10), "moe_intermediate_size": .integer(512),
      "shared_expert_intermediate_size": .integer(512),
    ], derive: LinearAttention.deriveTypes, names: Qwen.names, rename: LinearAttention.rename,
    tensors: LinearAttention.tensors + LinearAttention.fusedProjections + LinearAttention.experts,
    metadata: LinearAttention.metadata(Qwen.expertSizes), tokenizer: Qwen.bytePair)

  static let qwen35 = Architecture(
    "qwen35", ["Qwen3_5ForCausalLM", "Qwen3_5ForConditionalGeneration"], derive: LinearAttention.derive,
    names: LinearAttention.names, rename: LinearAttention.rename,
    tensors: LinearAttention.tensors + LinearAttention.projections + Decoder.feedForward,
    metadata: LinearAttention.metadata(Qwen.expertSizes) + [LinearAttention.sections],
    tokenizer: BytePairTokenizer(preferred: ["qwen35"]))

  /// The language model of MiniCPM-V 4.6.
  static let miniCPMV = Architecture(
    "qwen35", ["MiniCPMV4_6ForConditionalGeneration"],
    names: SourceNames(added: "model.", keepsName: ["lm_head."], ignoredPrefixes: ["model.merger.", "mtp"]),
    tensors: Architecture.qwen35.tensors, metadata: Architecture.qwen35.metadata,
    tokenizer: Architecture.qwen35.tokenizer)

  static let qwen35Moe = Architecture(
    "qwen35moe", ["Qwen3_5MoeForCausalLM", "Qwen3_5MoeForConditionalGeneration"], derive: LinearAttention.derive,
    names: LinearAttention.names, rename: LinearAttention.rename,
    tensors: LinearAttention.tensors + LinearAttention.projections + LinearAttention.experts,
    metadata: LinearAttention.metadata(Qwen.expertSizes) + [LinearAttention.sections],
    tokenizer: BytePairTokenizer(preferred: ["qwen35"]))
}

enum LinearAttention {
  static let names = SourceNames(added: "model.", keepsName: ["lm_head.", "mtp."])

  static let tensors =
    [
      TensorRule("model.embed_tokens.weight", "token_embd.weight"),
      TensorRule("model.norm.weight", "output_norm.weight", Added(1)),
      TensorRule("lm_head.weight", "output.weight"),
    ] + Decoder.attention
    + Decoder.layers(
      TensorRule("input_layernorm.weight", "attn_norm.weight", Added(1)),
      TensorRule("post_attention_layernorm.weight", "post_attention_norm.weight", Added(1)),
      TensorRule("self_attn.q_norm.weight", "attn_q_norm.weight", Added(1)),
      TensorRule("self_attn.k_norm.weight", "attn_k_norm.weight", Added(1)),
      TensorRule("linear_attn.A_log", "ssm_a", NegatedExponential(), ValueHeads(.none)),
      TensorRule("linear_attn.dt_bias", "ssm_dt.bias", ValueHeads(.none)),
      TensorRule("linear_attn.conv1d.weight", "ssm_conv1d.weight", Squeezed(1), ValueHeads(.behindQueriesAndKeys)),
      TensorRule("linear_attn.norm.weight", "ssm_norm.weight"),
      TensorRule("linear_attn.out_proj.weight", "ssm_out.weight", ValueHeads(.columns)),
      TensorRule("eh_proj.weight", "nextn.eh_proj.weight"),
      TensorRule("enorm.weight", "nextn.enorm.weight", Added(1)),
      TensorRule("hnorm.weight", "nextn.hnorm.weight", Added(1)),
      TensorRule("shared_head.norm.weight", "nextn.shared_head_norm.weight", Added(1)))

  /// Qwen 3.5 keeps the projections apart.
  static let projections = Decoder.layers(
    TensorRule("linear_attn.in_proj_qkv.weight", "attn_qkv.weight", ValueHeads(.behindQueriesAndKeys)),
    TensorRule("linear_attn.in_proj_z.weight", "attn_gate.weight", ValueHeads(.rows)),
    TensorRule("linear_attn.in_proj_a.weight", "ssm_alpha.weight", ValueHeads(.none)),
    TensorRule("linear_attn.in_proj_b.weight", "ssm_beta.weight", ValueHeads(.none)))

  /// Qwen 3 Next fuses them, head by head.
  static let fusedProjections = Decoder.layers(
    TensorRule("linear_attn.in_proj_qkvz.weight", "attn_qkv.weight", HeadParts(0..<3)),
    TensorRule("linear_attn.in_proj_qkvz.weight", "attn_gate.weight", HeadParts(3..<4)),
    TensorRule("linear_attn.in_proj_ba.weight", "ssm_ba.weight"))

  static let experts = Decoder.feedForward + Decoder.experts + Decoder.fusedExperts + Qwen.sharedExpert

  static func metadata(_ sizes: [MetadataRule]) -> [MetadataRule] {
    MetadataRule.common + sizes + [
      .count("{arch}.nextn_predict_layers") { (checkpoint) throws(OunceError) in
        checkpoint.extraBlockCount > 0 ? checkpoint.extraBlockCount : nil
      },
      .integer("{arch}.ssm.conv_kernel", "linear_conv_kernel_dim"),
      .integer("{arch}.ssm.state_size", "linear_key_head_dim"),
      .integer("{arch}.ssm.group_count", "linear_num_key_heads"),
      .integer("{arch}.ssm.time_step_rank", "linear_num_value_heads"),
      .count("{arch}.ssm.inner_size") { (checkpoint) throws(OunceError) in
        try checkpoint.configuration.require("linear_value_head_dim")
          * checkpoint.configuration.require("linear_num_value_heads")
      },
      .value("{arch}.attention.recurrent_layers") { (checkpoint) throws(OunceError) in
        guard let types = checkpoint.configuration.array("layer_types") else { return nil }
        let extra = [Bool](repeating: false, count: checkpoint.extraBlockCount)
        return .array(.bool(types.map { $0.string == "linear_attention" } + extra))
      },
      .count("{arch}.full_attention_interval") { (checkpoint) throws(OunceError) in
        checkpoint.configuration.integer("full_attention_interval") ?? 4
      },
      .count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in
        let factor = checkpoint.configuration.rope["partial_rotary_factor"]?.double ?? 0.25
        return try Configuration.whole(Double(try checkpoint.configuration.headDimension()) * factor)
      },
    ]
  }

  /// The sections of multimodal positions, where a checkpoint of Qwen 3.5 leaves them out.
  static let sections = MetadataRule.value("{arch}.rope.dimension_sections") { (checkpoint) throws(OunceError) in
    checkpoint.configuration.rope["mrope_section"] == nil ? .array(.int32([11, 11, 10, 0])) : nil
  }

  /// Every fourth layer, or as many as the file says, sees everything where it does not list them.
  @Sendable static func deriveTypes(_ checkpoint: inout Checkpoint) throws(OunceError) {
    if checkpoint.configuration["layer_types"] == nil {
      let period = max(1, checkpoint.configuration.integer("full_attention_interval") ?? 4)
      checkpoint.configuration["layer_types"] = .array(
        (0..<(try checkpoint.blockCount)).map {
          .string(($0 + 1) % period == 0 ? "full_attention" : "linear_attention")
        })
    }
    try derive(&checkpoint)
  }

  /// Counts the layers that predict further tokens, by the tensors that are there.
  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    guard !checkpoint.options.withoutNextPrediction else { return }
    var count = 0
    for tensor in checkpoint.model.tensors {
      guard let range = tensor.info.name.firstRange(of: "mtp.layers."),
        let layer = Int(tensor.info.name[range.upperBound...].prefix { $0.isASCIIDigit }), layer < Limits.blocks
      else { continue }
      count = max(count, layer + 1)
    }
    checkpoint.extraBlockCount = count
    if count == 0, checkpoint.configuration.integer("mtp_num_hidden_layers") ?? 0 > 0 {
      checkpoint.notes.append("the checkpoint lacks the layers that predict further tokens")
    }
  }

  private static let parts = [
    "fc": "eh_proj", "pre_fc_norm_embedding": "enorm", "pre_fc_norm_hidden": "hnorm", "norm": "shared_head.norm",
  ]

  /// `mtp.layers.0.…` becomes the layer behind the last one; what stands beside joins the first of these.
  @Sendable static func rename(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    let plain = name.hasPrefix("model.mtp.") ? String(name.dropFirst(6)) : name
    guard plain.hasPrefix("mtp.") else { return try NextPrediction.rename(name, checkpoint) }
    if checkpoint.options.withoutNextPrediction || checkpoint.extraBlockCount == 0 { return nil }
    let first = try checkpoint.configuration.require("num_hidden_layers")
    let words = plain.split(separator: ".", maxSplits: 3).map(String.init)
    if words.count == 4, words[1] == "layers", let layer = Int(words[2]), layer < Limits.blocks {
      return "model.layers.\(first + layer).\(words[3])"
    }
    if words.count == 3, let part = parts[words[1]] { return "model.layers.\(first).\(part).\(words[2])" }
    return plain
  }
}
