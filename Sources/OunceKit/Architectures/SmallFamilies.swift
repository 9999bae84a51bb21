internal import OunceCore

/// Families that differ from the usual decoder in one thing each.
extension Architecture {
  /// OpenBMB's MiniCPM: Llama with scales that follow from the shape.
  static let miniCPM = Architecture(
    "minicpm", ["MiniCPMForCausalLM"], defaults: ["rope_theta": .double(10_000)], derive: Llama.derive,
    tensors: Llama.tensors,
    computed: { (checkpoint) throws(OunceError) in
      try RopeFrequencies.longAndShort(checkpoint, width: try checkpoint.configuration.headDimension())
    },
    metadata: MetadataRule.common + [
      .float("{arch}.embedding_scale", "scale_emb"),
      .value("{arch}.residual_scale") { (checkpoint) throws(OunceError) in
        guard let depth = checkpoint.configuration.double("scale_depth") else { return nil }
        return .float32(Float(depth / Double(try checkpoint.blockCount).squareRoot()))
      },
      .value("{arch}.logit_scale") { (checkpoint) throws(OunceError) in
        guard let base = checkpoint.configuration.double("dim_model_base") else { return nil }
        return .float32(Float(Double(try checkpoint.configuration.require("hidden_size")) / base))
      },
    ], tokenizer: SentencePieceTokenizer())

  /// Inception's Jais 2: LayerNorm and biases.
  static let jais2 = Architecture(
    "jais2", ["Jais2ForCausalLM"], defaults: ["layer_norm_eps": .double(1e-5)], derive: Nemotron.derive,
    tensors: Decoder.ends + Decoder.norms + Decoder.attention + Decoder.feedForward,
    metadata: MetadataRule.common + [
      .count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in
        try checkpoint.configuration.headDimension()
      }
    ], tokenizer: BytePairTokenizer(preferred: ["jais-2"]))

  /// Baidu's ERNIE 4.5.
  static let ernie = Architecture(
    "ernie4_5", ["Ernie4_5ForCausalLM", "Ernie4_5_ForCausalLM"], defaults: Ernie.defaults, derive: Nemotron.derive,
    names: Ernie.names, tensors: Ernie.tensors, tokenizer: ErnieTokenizer())

  static let ernieMoe = Architecture(
    "ernie4_5-moe", ["Ernie4_5_MoeForCausalLM"], defaults: Ernie.defaults, names: Ernie.names,
    tensors: Ernie.tensors + Ernie.experts, metadata: MetadataRule.common + Ernie.expertMetadata,
    tokenizer: ErnieTokenizer())

  /// Tencent's dense Hunyuan: contexts stretched by a factor in the base of positions.
  static let hunyuanDense = Architecture(
    "hunyuan-dense", ["HunYuanDenseV1ForCausalLM"],
    defaults: [
      "max_position_embeddings": .integer(2048), "rms_norm_eps": .double(1e-5), "rope_theta": .double(10_000),
    ], derive: Nemotron.derive,
    rename: { (name, checkpoint) throws(OunceError) in
      name == "lm_head.weight" && checkpoint.configuration.isTrue("tie_word_embeddings") ? nil : name
    },
    tensors: Decoder.ends + Decoder.norms + Decoder.attention + Decoder.feedForward
      + Decoder.layers(
        TensorRule("self_attn.query_layernorm.weight", "attn_q_norm.weight"),
        TensorRule("self_attn.key_layernorm.weight", "attn_k_norm.weight")),
    metadata: MetadataRule.common + [Hunyuan.positions], tokenizer: HunyuanTokenizer())

  /// Shanghai AI Lab's InternLM 2: one projection for queries, keys and values of a group of heads.
  static let internLM2 = Architecture(
    "internlm2", ["InternLM2ForCausalLM"],
    defaults: ["rms_norm_eps": .double(1e-6), "rope_theta": .double(10_000)],
    tensors: [
      TensorRule("model.tok_embeddings.weight", "token_embd.weight"),
      TensorRule("model.norm.weight", "output_norm.weight"), TensorRule("output.weight", "output.weight"),
    ]
      + Decoder.layers(
        TensorRule("attention_norm.weight", "attn_norm.weight"), TensorRule("ffn_norm.weight", "ffn_norm.weight"),
        TensorRule("attention.wqkv.*", "attn_q.*", GroupedPart(.queries), Interleaved(.query)),
        TensorRule("attention.wqkv.*", "attn_k.*", GroupedPart(.keys), Interleaved(.keyValue)),
        TensorRule("attention.wqkv.*", "attn_v.*", GroupedPart(.values)),
        TensorRule("attention.wo.*", "attn_output.*"), TensorRule("feed_forward.w1.weight", "ffn_gate.weight"),
        TensorRule("feed_forward.w2.weight", "ffn_down.weight"), TensorRule("feed_forward.w3.weight", "ffn_up.weight")),
    tokenizer: SentencePieceTokenizer())
}

enum Ernie {
  static let defaults: [String: JSON] = [
    "max_position_embeddings": .integer(131_072), "rms_norm_eps": .double(1e-5), "rope_theta": .double(500_000),
  ]
  static let names = SourceNames(
    replaced: [("ernie.", "model.")],
    ignoredPrefixes: [
      "model.mtp_block.", "model.mtp_emb_norm.", "model.mtp_hidden_norm.", "model.mtp_linear_proj.",
    ])

  static let tensors =
    Decoder.ends + Decoder.norms + Decoder.attention + Decoder.feedForward
    + Decoder.layers(
      TensorRule("self_attn.qkv_proj.weight", "attn_q.weight", part(0)),
      TensorRule("self_attn.qkv_proj.weight", "attn_k.weight", part(1)),
      TensorRule("self_attn.qkv_proj.weight", "attn_v.weight", part(2)),
      TensorRule("mlp.up_gate_proj.weight", "ffn_gate.weight", RowSlice(0, of: 2)),
      TensorRule("mlp.up_gate_proj.weight", "ffn_up.weight", RowSlice(1, of: 2)))

  private static func part(_ index: Int) -> RowSlice {
    RowSlice { (_, checkpoint) throws(OunceError) in
      let width = try checkpoint.configuration.headDimension()
      let queries = try checkpoint.configuration.require("num_attention_heads") * width
      let keys = try checkpoint.keyValueHeadCount * width
      let starts = [0, queries, queries + keys, queries + keys * 2]
      return starts[index]..<max(starts[index], starts[index + 1])
    }
  }

  static let experts = Decoder.layers(
    TensorRule("mlp.gate.weight", "ffn_gate_inp.weight"),
    TensorRule("mlp.moe_statics.e_score_correction.bias", "exp_probs_b.bias"),
    TensorRule("mlp.experts.{e}.gate_proj.weight", "ffn_gate_exps.weight"),
    TensorRule("mlp.experts.{e}.up_proj.weight", "ffn_up_exps.weight"),
    TensorRule("mlp.experts.{e}.down_proj.weight", "ffn_down_exps.weight"),
    TensorRule("mlp.shared_experts.gate_proj.weight", "ffn_gate_shexp.weight"),
    TensorRule("mlp.shared_experts.up_proj.weight", "ffn_up_shexp.weight"),
    TensorRule("mlp.shared_experts.down_proj.weight", "ffn_down_shexp.weight"))

  static let expertMetadata: [MetadataRule] = [
    .integer("{arch}.expert_count", "moe_num_experts"), .integer("{arch}.expert_used_count", "moe_k"),
    .integer("{arch}.interleave_moe_layer_step", "moe_layer_interval"),
    .integer("{arch}.leading_dense_block_count", "moe_layer_start_index"),
    .integer("{arch}.expert_feed_forward_length", "moe_intermediate_size"),
    .integer("{arch}.expert_shared_count", "moe_num_shared_experts"),
    .count("{arch}.expert_shared_feed_forward_length") { (checkpoint) throws(OunceError) in
      let heads = checkpoint.configuration.integer("num_key_value_heads") ?? 0
      guard checkpoint.configuration.integer("moe_num_shared_experts") ?? 0 > 0, heads > 0 else { return nil }
      return checkpoint.configuration.integer("intermediate_size").map { $0 / heads }
    },
  ]
}

/// SentencePiece, then what tokenizer_config.json says about the first space.
struct ErnieTokenizer: TokenizerRule {
  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    try SentencePieceTokenizer().write(checkpoint, to: &writer)
    if let adds = try checkpoint.model.json("tokenizer_config.json")?["add_prefix_space"]?.bool {
      writer.set("tokenizer.ggml.add_space_prefix", .bool(adds))
    }
  }
}
