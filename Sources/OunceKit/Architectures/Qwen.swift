internal import OunceCore

/// Qwen 2 and 2.5: Llama's shape with biases on queries, keys and values, rows as transformers has them.
extension Architecture {
  static let qwen2 = Architecture(
    "qwen2",
    [
      "Qwen2ForCausalLM", "Qwen2Model", "Qwen2AudioForConditionalGeneration", "KORMoForCausalLM",
      "AudioFlamingo3ForConditionalGeneration", "DotsOCRForCausalLM",
    ],
    defaults: [
      "max_position_embeddings": .integer(32_768), "rms_norm_eps": .double(1e-6), "rope_theta": .double(10_000),
      "vocab_size": .integer(151_936), "num_key_value_heads": .integer(32),
    ],
    names: Qwen.names, tensors: Qwen.tensors + Qwen.feedForward, metadata: MetadataRule.common + MetadataRule.pooling,
    tokenizer: SentencePieceOrBytePair(preferred: ["qwen2"]))

  /// Qwen 3: norms on queries and keys, heads of their own width.
  static let qwen3 = Architecture(
    "qwen3", ["Qwen3ForCausalLM", "Qwen3Model"],
    defaults: [
      "max_position_embeddings": .integer(32_768), "rms_norm_eps": .double(1e-6), "rope_theta": .double(10_000),
      "vocab_size": .integer(151_936), "num_key_value_heads": .integer(32), "head_dim": .integer(128),
    ],
    names: Qwen.names, tensors: Qwen.tensors + Qwen.headNorms + Qwen.feedForward,
    metadata: MetadataRule.common + MetadataRule.pooling, tokenizer: SentencePieceOrBytePair(preferred: ["qwen2"]))
}

/// What the families of this line share.
enum Qwen {
  /// Classes without a head call the same tensors without the outer module.
  static let names = SourceNames(added: "model.", keepsName: ["lm_head."])

  static let tensors =
    [
      TensorRule("model.embed_tokens.weight", "token_embd.weight"),
      TensorRule("model.norm.weight", "output_norm.weight"),
      TensorRule("lm_head.weight", "output.weight"),
    ]
    + TensorRule.layers(
      "model.layers.{i}.",
      [
        TensorRule("input_layernorm.weight", "attn_norm.weight"),
        TensorRule("self_attn.q_proj.*", "attn_q.*"),
        TensorRule("self_attn.k_proj.*", "attn_k.*"),
        TensorRule("self_attn.v_proj.*", "attn_v.*"),
        TensorRule("self_attn.o_proj.*", "attn_output.*"),
        TensorRule("post_attention_layernorm.weight", "ffn_norm.weight"),
      ])

  static let headNorms = TensorRule.layers(
    "model.layers.{i}.",
    [
      TensorRule("self_attn.q_norm.weight", "attn_q_norm.weight"),
      TensorRule("self_attn.k_norm.weight", "attn_k_norm.weight"),
    ])

  static let feedForward = TensorRule.layers(
    "model.layers.{i}.",
    [
      TensorRule("mlp.gate_proj.*", "ffn_gate.*"),
      TensorRule("mlp.up_proj.*", "ffn_up.*"),
      TensorRule("mlp.down_proj.*", "ffn_down.*"),
    ])
}
