internal import OunceCore

/// IBM's Granite 3: Llama with multipliers.
extension Architecture {
  static let granite = Architecture(
    "granite", ["GraniteForCausalLM"], defaults: Granite.defaults, derive: Granite.derive, names: Granite.names,
    tensors: Llama.tensors, computed: RopeFrequencies.llama3, metadata: Granite.metadata,
    tokenizer: LlamaTokenizer(preferred: ["refact"]))

  /// The same with experts, and with experts that all tokens share.
  static let graniteMoe = Architecture(
    "granitemoe", ["GraniteMoeForCausalLM", "GraniteMoeSharedForCausalLM"], defaults: Granite.defaults,
    derive: Granite.derive, names: Granite.names, rename: Granite.rename,
    tensors: Llama.tensors + Granite.experts + Granite.sharedExperts,
    computed: RopeFrequencies.llama3,
    metadata: Granite.metadata + [.positive("{arch}.expert_shared_feed_forward_length", "shared_intermediate_size")],
    tokenizer: LlamaTokenizer(preferred: ["refact"]))
}

/// What the families of this line share.
enum Granite {
  static let defaults: [String: JSON] = [
    "max_position_embeddings": .integer(2048), "rms_norm_eps": .double(1e-6), "rope_theta": .double(10_000),
    "vocab_size": .integer(32_000), "embedding_multiplier": .double(1), "logits_scaling": .double(1),
    "residual_multiplier": .double(1), "attention_multiplier": .double(1),
  ]

  static let names = SourceNames(
    added: "model.", keepsName: ["lm_head."], replaced: [("text_model.", "")],
    ignoredPrefixes: ["encoder.", "image_", "model.layerwise_projectors", "model.spatial_projectors"])

  static let experts = Decoder.layers(
    TensorRule("block_sparse_moe.input_linear.weight", "ffn_gate_exps.weight", ExpertRows(0, of: 2)),
    TensorRule("block_sparse_moe.input_linear.weight", "ffn_up_exps.weight", ExpertRows(1, of: 2)),
    TensorRule("block_sparse_moe.output_linear.weight", "ffn_down_exps.weight"),
    TensorRule("block_sparse_moe.router.layer.weight", "ffn_gate_inp.weight"))

  static let sharedExperts = Decoder.layers(
    TensorRule("shared_mlp.input_linear.weight", "ffn_gate_shexp.weight", RowSlice(0, of: 2)),
    TensorRule("shared_mlp.input_linear.weight", "ffn_up_shexp.weight", RowSlice(1, of: 2)),
    TensorRule("shared_mlp.output_linear.weight", "ffn_down_shexp.weight"),
    TensorRule("mlp.input_linear.weight", "ffn_gate.weight", RowSlice(0, of: 2)),
    TensorRule("mlp.input_linear.weight", "ffn_up.weight", RowSlice(1, of: 2)),
    TensorRule("mlp.output_linear.weight", "ffn_down.weight"))

  /// Where there are no other experts, the shared one is a plain feed-forward part.
  @Sendable static func rename(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    checkpoint.configuration.integer("num_local_experts") ?? 0 > 0
      ? name : name.replacing(".shared_mlp.", with: ".mlp.")
  }

  static let scales: [MetadataRule] = [
    .nonZero("{arch}.attention.scale", "attention_multiplier"),
    .nonZero("{arch}.embedding_scale", "embedding_multiplier"),
    .nonZero("{arch}.residual_scale", "residual_multiplier"),
    .nonZero("{arch}.logit_scale", "logits_scaling"),
  ]

  static let metadata = Llama.metadata + scales

  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    // The family's heads divide the hidden size, whatever the file says.
    checkpoint.configuration["head_dim"] = nil
    if checkpoint.configuration["num_key_value_heads"] == nil {
      checkpoint.configuration["num_key_value_heads"] = checkpoint.configuration["num_attention_heads"]
    }
  }
}
