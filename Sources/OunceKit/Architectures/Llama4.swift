internal import OunceCore

/// Meta's Llama 4: experts in every second layer, stacked with rows and columns exchanged.
extension Architecture {
  static let llama4 = Architecture(
    "llama4", ["Llama4ForCausalLM", "Llama4ForConditionalGeneration"],
    defaults: [
      "max_position_embeddings": .integer(131_072), "rms_norm_eps": .double(1e-5), "rope_theta": .double(500_000),
      "num_key_value_heads": .integer(8), "head_dim": .integer(128), "interleave_moe_layer_step": .integer(1),
      "num_local_experts": .integer(16), "num_experts_per_tok": .integer(1), "intermediate_size": .integer(8192),
      "intermediate_size_mlp": .integer(16_384),
    ], derive: Llama4.derive,
    tensors: Decoder.ends + Decoder.norms + Decoder.attention
      + Decoder.layers(
        TensorRule("feed_forward.gate_proj.weight", "ffn_gate.weight"),
        TensorRule("feed_forward.up_proj.weight", "ffn_up.weight"),
        TensorRule("feed_forward.down_proj.weight", "ffn_down.weight"),
        TensorRule("feed_forward.router.weight", "ffn_gate_inp.weight"),
        TensorRule("feed_forward.experts.gate_up_proj", "ffn_gate_exps.weight", Exchanged(), ExpertRows(0, of: 2)),
        TensorRule("feed_forward.experts.gate_up_proj", "ffn_up_exps.weight", Exchanged(), ExpertRows(1, of: 2)),
        TensorRule("feed_forward.experts.down_proj", "ffn_down_exps.weight", Exchanged()),
        TensorRule("feed_forward.shared_expert.gate_proj.weight", "ffn_gate_shexp.weight"),
        TensorRule("feed_forward.shared_expert.up_proj.weight", "ffn_up_shexp.weight"),
        TensorRule("feed_forward.shared_expert.down_proj.weight", "ffn_down_shexp.weight")),
    computed: RopeFrequencies.llama3,
    metadata: Llama.metadata + [
      .integer("{arch}.interleave_moe_layer_step", "interleave_moe_layer_step"),
      .integer("{arch}.expert_feed_forward_length", "intermediate_size_moe"),
      .value("{arch}.attention.sliding_window") { (checkpoint) throws(OunceError) in
        guard let types = checkpoint.configuration.array("layer_types"),
          types.allSatisfy({ $0.string == "full_attention" })
        else { return nil }
        return .uint32(0)
      },
    ], tokenizer: BytePairTokenizer(preferred: ["llama4"]))
}

enum Llama4 {
  /// The file calls the experts' width what others call the width of dense layers.
  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    checkpoint.configuration["intermediate_size_moe"] = checkpoint.configuration["intermediate_size"]
    checkpoint.configuration["intermediate_size"] = checkpoint.configuration["intermediate_size_mlp"]
  }
}
