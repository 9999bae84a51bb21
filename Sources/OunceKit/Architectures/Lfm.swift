internal import OunceCore

/// Liquid's LFM 2: short convolutions in most layers, attention in a few.
extension Architecture {
  static let lfm2 = Architecture(
    "lfm2", ["Lfm2ForCausalLM", "LFM2ForCausalLM"],
    defaults: Lfm.defaults.merging(
      [
        "block_auto_adjust_ff_dim": .bool(true), "block_ffn_dim_multiplier": .double(1),
        "block_multiple_of": .integer(256),
      ]) { first, _ in first }, derive: Lfm.deriveDense, names: Lfm.names, tensors: Lfm.tensors,
    metadata: MetadataRule.common + Lfm.metadata + [.float("{arch}.attention.layer_norm_rms_epsilon", "norm_eps")],
    tokenizer: BytePairTokenizer(preferred: ["lfm2"]))

  /// LFM 2.5 for embeddings: the same without a head, and seeing both ways where the class says so.
  static let lfm2Embedding = Architecture(
    "lfm2", ["Lfm2Model", "Lfm2BidirectionalModel"], defaults: Architecture.lfm2.defaults, derive: Lfm.deriveDense,
    names: SourceNames(added: "model.", replaced: Lfm.names.replaced), tensors: Lfm.tensors,
    computed: DenseModules.lfmTensors, leadingMetadata: [DenseModules.lfmSize],
    metadata: Architecture.lfm2.metadata + [
      .value("{arch}.attention.causal") { (checkpoint) throws(OunceError) in
        checkpoint.className == "Lfm2BidirectionalModel" ? .bool(false) : nil
      }
    ] + MetadataRule.pooling, tokenizer: Architecture.lfm2.tokenizer)

  static let lfm2Moe = Architecture(
    "lfm2moe", ["Lfm2MoeForCausalLM"], defaults: Lfm.defaults, derive: Lfm.derive, names: Lfm.names,
    tensors: Lfm.tensors + Lfm.experts,
    metadata: MetadataRule.common + [
      .integer("{arch}.expert_feed_forward_length", "moe_intermediate_size"),
      .integer("{arch}.leading_dense_block_count", "num_dense_layers"),
      .constant("{arch}.expert_gating_func", .uint32(2)),
    ] + Lfm.metadata, tokenizer: BytePairTokenizer(preferred: ["lfm2"]))
}

enum Lfm {
  static let defaults: [String: JSON] = [
    "norm_eps": .double(1e-5), "rope_theta": .double(1e6), "conv_L_cache": .integer(3),
    "max_position_embeddings": .integer(128_000),
  ]
  static let names = SourceNames(replaced: [("lfm.", "model."), (".expert_bias", ".expert_bias.bias")])

  static let tensors =
    [
      TensorRule("model.embed_tokens.weight", "token_embd.weight"),
      TensorRule("model.embedding_norm.weight", "token_embd_norm.weight"),
      TensorRule("lm_head.weight", "output.weight"),
    ] + Decoder.attention
    + Decoder.layers(
      TensorRule("operator_norm.weight", "attn_norm.weight"), TensorRule("ffn_norm.weight", "ffn_norm.weight"),
      TensorRule("conv.conv.weight", "shortconv.conv.weight", Squeezed(1)),
      TensorRule("conv.in_proj.*", "shortconv.in_proj.*"), TensorRule("conv.out_proj.*", "shortconv.out_proj.*"),
      TensorRule("self_attn.out_proj.weight", "attn_output.weight"),
      TensorRule("self_attn.q_layernorm.weight", "attn_q_norm.weight"),
      TensorRule("self_attn.k_layernorm.weight", "attn_k_norm.weight"),
      TensorRule("feed_forward.w1.weight", "ffn_gate.weight"), TensorRule("feed_forward.w2.weight", "ffn_down.weight"),
      TensorRule("feed_forward.w3.weight", "ffn_up.weight"))

  static let experts = Decoder.layers(
    TensorRule("feed_forward.gate.weight", "ffn_gate_inp.weight"),
    TensorRule("feed_forward.expert_bias.bias", "exp_probs_b.bias"),
    TensorRule("feed_forward.experts.{e}.w1.weight", "ffn_gate_exps.weight"),
    TensorRule("feed_forward.experts.{e}.w2.weight", "ffn_down_exps.weight"),
    TensorRule("feed_forward.experts.{e}.w3.weight", "ffn_up_exps.weight"))

  static let metadata: [MetadataRule] = [
    .integer("{arch}.vocab_size", "vocab_size"), .integer("{arch}.shortconv.l_cache", "conv_L_cache"),
  ]

  /// Layers without attention have no key and value heads.
  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    // Liquid's own name wins.
    if let base = checkpoint.configuration["theta"] { checkpoint.configuration["rope_theta"] = base }
    let heads = try checkpoint.keyValueHeadCount
    let types: [JSON]
    if let listed = checkpoint.configuration.array("layer_types") {
      types = listed
    } else {
      let attention = checkpoint.configuration.array("full_attn_idxs")?.compactMap(\.integer)
      types = (0..<(try checkpoint.blockCount)).map { layer in
        .string(attention?.contains(layer) ?? true ? "full_attention" : "conv")
      }
    }
    checkpoint.configuration["num_key_value_heads"] = .array(types.map { .integer($0.string == "conv" ? 0 : heads) })
  }

  /// The dense family also says how wide the feed-forward part is by a formula.
  @Sendable static func deriveDense(_ checkpoint: inout Checkpoint) throws(OunceError) {
    try derive(&checkpoint)
    var width = try checkpoint.configuration.require("block_ff_dim", "intermediate_size")
    if checkpoint.configuration.isTrue("block_auto_adjust_ff_dim") {
      guard let multiple = checkpoint.configuration.integer("block_multiple_of"), multiple > 0, width < 1 << 30 else {
        throw OunceError(.malformed, "\"block_multiple_of\" must be positive", file: "config.json")
      }
      width = 2 * width / 3
      if let factor = checkpoint.configuration.double("block_ffn_dim_multiplier"), factor.magnitude < 1000 {
        width = try Configuration.whole(factor * Double(width))
      }
      width = (width + multiple - 1) / multiple * multiple
    }
    checkpoint.configuration["intermediate_size"] = .integer(width)
  }
}
