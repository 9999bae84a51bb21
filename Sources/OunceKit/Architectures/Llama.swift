internal import OunceCore

/// Llama 1 to 3, Mistral, Mixtral and the many models that share their classes.
extension Architecture {
  static let llama = Architecture(
    "llama",
    [
      "LlamaForCausalLM", "LLaMAForCausalLM", "MistralForCausalLM", "MixtralForCausalLM", "VLlama3ForCausalLM",
      "LlavaForConditionalGeneration", "VoxtralForConditionalGeneration", "IQuestCoderForCausalLM", "LlamaModel",
    ],
    derive: Llama.derive,
    names: SourceNames(replaced: [("text_model.", "")]),
    tensors: [
      TensorRule("model.embed_tokens.weight", "token_embd.weight"),
      TensorRule("model.norm.weight", "output_norm.weight"),
      TensorRule("lm_head.weight", "output.weight"),
    ]
      + TensorRule.layers(
        "model.layers.{i}.",
        [
          TensorRule("input_layernorm.weight", "attn_norm.weight"),
          TensorRule("self_attn.q_proj.*", "attn_q.*", Interleaved(.query)),
          TensorRule("self_attn.k_proj.*", "attn_k.*", Interleaved(.keyValue)),
          TensorRule("self_attn.v_proj.*", "attn_v.*"),
          TensorRule("self_attn.o_proj.*", "attn_output.*"),
          TensorRule("post_attention_layernorm.weight", "ffn_norm.weight"),
          TensorRule("mlp.gate_proj.*", "ffn_gate.*"),
          TensorRule("mlp.up_proj.*", "ffn_up.*"),
          TensorRule("mlp.down_proj.*", "ffn_down.*"),
          TensorRule("block_sparse_moe.gate.weight", "ffn_gate_inp.weight"),
          TensorRule("block_sparse_moe.experts.{e}.w1.weight", "ffn_gate_exps.weight"),
          TensorRule("block_sparse_moe.experts.{e}.w2.weight", "ffn_down_exps.weight"),
          TensorRule("block_sparse_moe.experts.{e}.w3.weight", "ffn_up_exps.weight"),
        ]),
    computed: RopeFrequencies.llama3,
    metadata: MetadataRule.common + [
      .integer("{arch}.vocab_size", "vocab_size"),
      .count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in
        try checkpoint.configuration.headDimension()
      },
    ],
    tokenizer: LlamaTokenizer())
}

/// What the classes of the Llama family assume.
enum Llama {
  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    let isLlama = !["MistralForCausalLM", "MixtralForCausalLM"].contains(checkpoint.className)
    checkpoint.configuration.fill([
      "max_position_embeddings": .integer(isLlama ? 2048 : 131_072), "rms_norm_eps": .double(isLlama ? 1e-6 : 1e-5),
      "rope_theta": .double(isLlama ? 10_000 : 1e6), "vocab_size": .integer(32_000),
    ])
    if checkpoint.className == "MixtralForCausalLM" {
      checkpoint.configuration.fill(["num_local_experts": .integer(8), "num_experts_per_tok": .integer(2)])
    }
    if checkpoint.configuration["num_key_value_heads"] == nil {
      // Mistral's classes assume 8 where the file is silent, and as many as there are queries where it says null.
      let isSilent = !checkpoint.configuration.contains("num_key_value_heads")
      checkpoint.configuration["num_key_value_heads"] =
        isLlama || !isSilent ? checkpoint.configuration["num_attention_heads"] : .integer(8)
    }
    // Llama's class writes the width of a head where the file is silent; Mistral's leaves it open.
    if isLlama, checkpoint.configuration["head_dim"] == nil {
      checkpoint.configuration["head_dim"] = .integer(try checkpoint.configuration.headDimension())
    }
  }
}
