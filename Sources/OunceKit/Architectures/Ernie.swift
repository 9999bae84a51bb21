internal import OunceCore

/// Baidu's ERNIE 4.5.
extension Architecture {
  static let ernie = Architecture(
    "ernie4_5", ["Ernie4_5ForCausalLM", "Ernie4_5_ForCausalLM"], defaults: Ernie.defaults, derive: Nemotron.derive,
    names: Ernie.names, tensors: Ernie.tensors, tokenizer: ErnieTokenizer())

  /// The language model of PaddleOCR-VL.
  static let paddleOCR = Architecture(
    "paddleocr", ["PaddleOCRVLForConditionalGeneration"], names: Ernie.names, tensors: Ernie.tensors,
    tokenizer: ErnieTokenizer())

  static let ernieMoe = Architecture(
    "ernie4_5-moe", ["Ernie4_5_MoeForCausalLM"], defaults: Ernie.defaults, names: Ernie.names,
    tensors: Ernie.tensors + Ernie.experts, metadata: MetadataRule.common + Ernie.expertMetadata,
    tokenizer: ErnieTokenizer())
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
      TensorRule("self_attn.qkv_proj.weight", "attn_q.weight", RowSlice.attention(.queries)),
      TensorRule("self_attn.qkv_proj.weight", "attn_k.weight", RowSlice.attention(.keys)),
      TensorRule("self_attn.qkv_proj.weight", "attn_v.weight", RowSlice.attention(.values)),
      TensorRule("mlp.up_gate_proj.weight", "ffn_gate.weight", RowSlice(0, of: 2)),
      TensorRule("mlp.up_gate_proj.weight", "ffn_up.weight", RowSlice(1, of: 2)))

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
