internal import OunceCore

/// Qwen 2 and 2.5: Llama's shape with biases on queries, keys and values, rows as transformers has them.
extension Architecture {
  static let qwen2 = Architecture(
    "qwen2",
    [
      "Qwen2ForCausalLM", "Qwen2Model", "Qwen2AudioForConditionalGeneration", "KORMoForCausalLM",
      "AudioFlamingo3ForConditionalGeneration", "DotsOCRForCausalLM",
    ],
    defaults: Qwen.defaults, derive: Nemotron.deriveKeyHeads, names: Qwen.names,
    tensors: Qwen.tensors + Decoder.feedForward, metadata: MetadataRule.common + MetadataRule.pooling,
    tokenizer: Qwen.sentencePieceOrBytePair)

  /// Qwen 3: norms on queries and keys, heads of their own width.
  static let qwen3 = Architecture(
    "qwen3", ["Qwen3ForCausalLM", "Qwen3Model", "StepVLForConditionalGeneration"], defaults: Qwen.third,
    derive: Nemotron.deriveKeyHeads, names: Qwen.names, repeated: Reranker.repeated,
    tensors: Qwen.tensors + Decoder.headNorms + Decoder.feedForward + Reranker.tensors,
    metadata: MetadataRule.common + MetadataRule.pooling + [Reranker.metadata],
    tokenizer: Qwen.sentencePieceOrBytePair)

  /// The language model of Qwen 2 VL and 2.5 VL.
  static let qwen2VL = Architecture(
    "qwen2vl",
    ["Qwen2VLModel", "Qwen2VLForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration", "Qwen2_5OmniModel"],
    defaults: Qwen.defaults, names: Qwen.names, tensors: Qwen.tensors + Decoder.feedForward,
    metadata: MetadataRule.common, tokenizer: Qwen.sentencePieceOrBytePair)

  /// The language model of Qwen 3 VL, whose first layers also take what the vision tower saw.
  static let qwen3VL = Architecture(
    "qwen3vl", ["Qwen3VLForConditionalGeneration"], defaults: Qwen.vision(Qwen.third),
    derive: Nemotron.deriveKeyHeads, names: Qwen.names, repeated: Reranker.repeated,
    tensors: Qwen.tensors + Decoder.headNorms + Decoder.feedForward + Reranker.tensors,
    metadata: MetadataRule.common + MetadataRule.pooling + [Reranker.metadata, Qwen.deepstack],
    tokenizer: Qwen.sentencePieceOrBytePair)

  /// Qwen 1.5 and 2 with experts, and one that all tokens share.
  static let qwen2Moe = Architecture(
    "qwen2moe", ["Qwen2MoeForCausalLM"],
    defaults: Qwen.defaults.merging(
      [
        "num_experts": .integer(60), "num_experts_per_tok": .integer(4), "moe_intermediate_size": .integer(1408),
        "shared_expert_intermediate_size": .integer(5632),
      ]) { first, _ in first }, names: Qwen.names,
    tensors: Qwen.tensors + Decoder.feedForward + Decoder.experts + Decoder.fusedExperts + Qwen.sharedExpert,
    metadata: MetadataRule.common + Qwen.expertSizes, tokenizer: Qwen.bytePair)

  /// Qwen 3 with experts.
  static let qwen3Moe = Architecture(
    "qwen3moe", ["Qwen3MoeForCausalLM"], defaults: Qwen.thirdMoe, names: Qwen.names,
    tensors: Qwen.tensors + Decoder.headNorms + Decoder.feedForward + Decoder.experts + Decoder.fusedExperts,
    metadata: MetadataRule.common + Qwen.expertSizes, tokenizer: Qwen.bytePair)

  /// Qwen 3 VL with experts, which are stacked with rows and columns exchanged.
  static let qwen3VLMoe = Architecture(
    "qwen3vlmoe", ["Qwen3VLMoeForConditionalGeneration"],
    defaults: Qwen.vision(
      Qwen.thirdMoe.merging(
        [
          "head_dim": .integer(128), "num_experts": .integer(60), "num_experts_per_tok": .integer(4),
          "moe_intermediate_size": .integer(1408), "num_key_value_heads": .integer(16),
        ]) { _, new in new }), names: Qwen.names,
    tensors: Qwen.tensors + Decoder.headNorms + Decoder.feedForward + Decoder.experts
      + Decoder.layers(
        TensorRule("mlp.experts.gate_up_proj", "ffn_gate_exps.weight", Exchanged(), ExpertRows(0, of: 2)),
        TensorRule("mlp.experts.gate_up_proj", "ffn_up_exps.weight", Exchanged(), ExpertRows(1, of: 2)),
        TensorRule("mlp.experts.down_proj", "ffn_down_exps.weight", Exchanged())),
    metadata: MetadataRule.common + Qwen.expertSizes + [Qwen.deepstack], tokenizer: Qwen.bytePair)
}

/// What the families of this line share.
enum Qwen {
  static let defaults: [String: JSON] = [
    "max_position_embeddings": .integer(32_768), "rms_norm_eps": .double(1e-6), "rope_theta": .double(10_000),
    "vocab_size": .integer(151_936), "num_key_value_heads": .integer(32),
  ]
  static let third = defaults.merging(["head_dim": .integer(128)]) { first, _ in first }
  static let thirdMoe = defaults.merging(
    [
      "num_experts": .integer(128), "num_experts_per_tok": .integer(8), "moe_intermediate_size": .integer(768),
      "num_key_value_heads": .integer(4),
    ]) { _, new in new }

  /// Those of the language models of Qwen 3 VL.
  static func vision(_ defaults: [String: JSON]) -> [String: JSON] {
    defaults.merging(["max_position_embeddings": .integer(128_000), "rope_theta": .double(5_000_000)]) { _, new in new }
  }

  static let bytePair = BytePairTokenizer(preferred: ["qwen2"])
  static let sentencePieceOrBytePair = SentencePieceOrBytePair(preferred: ["qwen2"])

  /// Classes without a head call the same tensors without the outer module.
  static let names = SourceNames(added: "model.", keepsName: ["lm_head."], replaced: [("thinker.", "")])

  static let tensors = Decoder.ends + Decoder.norms + Decoder.attention

  static let sharedExpert = Decoder.layers(
    TensorRule("mlp.shared_expert_gate.weight", "ffn_gate_inp_shexp.weight"),
    TensorRule("mlp.shared_expert.gate_proj.weight", "ffn_gate_shexp.weight"),
    TensorRule("mlp.shared_expert.up_proj.weight", "ffn_up_shexp.weight"),
    TensorRule("mlp.shared_expert.down_proj.weight", "ffn_down_shexp.weight"))

  static let expertSizes: [MetadataRule] = [
    .integer("{arch}.expert_feed_forward_length", "moe_intermediate_size"),
    .integer("{arch}.expert_shared_feed_forward_length", "shared_expert_intermediate_size"),
  ]

  static let deepstack = MetadataRule.count("{arch}.n_deepstack_layers") { (checkpoint) throws(OunceError) in
    checkpoint.configuration["vision_config"]?["deepstack_visual_indexes"]?.array?.count ?? 0
  }
}
