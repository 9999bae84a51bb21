internal import OunceCore

/// Llama 1 to 3, Mistral, Mixtral and the many models that share their classes.
extension Architecture {
  static let llama: Architecture = Architecture(
    "llama",
    [
      "LlamaForCausalLM", "LLaMAForCausalLM", "MistralForCausalLM", "MixtralForCausalLM", "VLlama3ForCausalLM",
      "LlavaForConditionalGeneration", "VoxtralForConditionalGeneration", "IQuestCoderForCausalLM", "LlamaModel",
    ],
    variant: { Drafter.isEagle($0) ? Architecture.eagle3 : nil }, derive: Llama.derive, names: Llama.names,
    tensors: Llama.tensors + Decoder.mixtralExperts,
    computed: RopeFrequencies.llama3, metadata: Llama.metadata, tokenizer: LlamaTokenizer())

  /// Arcee's AFM: no gate in the feed-forward part.
  static let arcee = Architecture(
    "arcee", ["ArceeForCausalLM"], derive: Llama.derive, names: Llama.names, tensors: Llama.tensors,
    computed: RopeFrequencies.llama3, metadata: Llama.metadata + MetadataRule.pooling, tokenizer: LlamaTokenizer())

  /// SmolLM3: some layers have no positions.
  static let smollm3 = Architecture(
    "smollm3", ["SmolLM3ForCausalLM"],
    defaults: [
      "max_position_embeddings": .integer(32_768), "rms_norm_eps": .double(1e-6), "rope_theta": .double(2_000_000),
      "vocab_size": .integer(128_256), "num_key_value_heads": .integer(4),
    ], derive: Nemotron.deriveKeyHeads,
    names: Llama.names, tensors: Llama.tensors, computed: RopeFrequencies.llama3, metadata: Llama.metadata,
    tokenizer: LlamaTokenizer(preferred: ["smaug-bpe"]))
}

/// What Llama's class and its descendants share.
enum Llama {
  static let names = SourceNames(added: "model.", keepsName: ["lm_head."], replaced: [("text_model.", "")])

  static let tensors = Decoder.ends + Decoder.norms + Decoder.interleavedAttention + Decoder.feedForward

  static let metadata =
    MetadataRule.common + [
      .integer("{arch}.vocab_size", "vocab_size"),
      .count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in
        try checkpoint.configuration.headDimension()
      },
    ]

  /// Types of configurations that transformers knows. Others come as code, and their files say all.
  private static let types: Set<String> = [
    "llama", "mistral", "mixtral", "arcee", "llava", "voxtral", "pixtral", "mistral3",
  ]

  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    if let type = checkpoint.configuration.string("model_type"), !types.contains(type) { return }
    let isLlama = !["MistralForCausalLM", "MixtralForCausalLM"].contains(checkpoint.className)
    if checkpoint.className == "MixtralForCausalLM" {
      checkpoint.configuration.fill([
        "num_local_experts": .integer(8), "num_experts_per_tok": .integer(2), "rms_norm_eps": .double(1e-5),
        "rope_theta": .double(1e6),
      ])
    }
    checkpoint.configuration.fill([
      "max_position_embeddings": .integer(isLlama ? 2048 : 131_072), "rms_norm_eps": .double(1e-6),
      "rope_theta": .double(10_000), "vocab_size": .integer(32_000),
    ])
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
