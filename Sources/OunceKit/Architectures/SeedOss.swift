/// ByteDance's Seed-OSS.
extension Architecture {
  static let seedOss = Architecture(
    "seed_oss", ["SeedOssForCausalLM"],
    defaults: [
      "max_position_embeddings": .integer(524_288), "rms_norm_eps": .double(1e-6), "rope_theta": .double(10_000),
      "vocab_size": .integer(155_136), "num_key_value_heads": .integer(8), "head_dim": .integer(128),
    ],
    tensors: Decoder.ends + Decoder.attention + Decoder.feedForward
      + Decoder.layers(
        TensorRule("input_layernorm.weight", "attn_norm.weight"),
        TensorRule("post_attention_layernorm.weight", "post_attention_norm.weight")),
    tokenizer: BytePairTokenizer(preferred: ["seed-coder"]))
}
