internal import OunceCore

/// BigCode's StarCoder: GPT-2's shape with one key and value head.
extension Architecture {
  static let starCoder = Architecture(
    "starcoder", ["GPTBigCodeForCausalLM"],
    defaults: ["n_positions": .integer(1024), "layer_norm_epsilon": .double(1e-5)],
    names: SourceNames(prefixes: ["transformer."], ignoredSuffixes: [".attn.bias", ".attn.masked_bias"]),
    tensors: Gpt2.ends + Gpt2.layers(),
    metadata: [
      .integer("{arch}.context_length", "n_positions"), .embeddingLength, Gpt2.feedForwardLength, .blockCount,
      .headCount, .constant("{arch}.attention.head_count_kv", .uint32(1)),
      .float("{arch}.attention.layer_norm_epsilon", "layer_norm_epsilon"), .fileType,
    ], tokenizer: BytePairTokenizer(preferred: ["starcoder"]))

  /// StarCoder 2: rotary positions, biases everywhere.
  static let starCoder2 = Architecture(
    "starcoder2", ["Starcoder2ForCausalLM"],
    defaults: [
      "max_position_embeddings": .integer(4096), "norm_epsilon": .double(1e-5), "rope_theta": .double(10_000),
      "num_key_value_heads": .integer(2),
    ],
    tensors: Decoder.ends + Decoder.norms + Decoder.attention
      + Decoder.layers(TensorRule("mlp.c_fc.*", "ffn_up.*"), TensorRule("mlp.c_proj.*", "ffn_down.*")),
    tokenizer: BytePairTokenizer(preferred: ["starcoder"]))
}
