internal import OunceCore

/// BigScience's BLOOM: no positions but a bias, a norm behind the embedding.
extension Architecture {
  static let bloom = Architecture(
    "bloom", ["BloomForCausalLM", "BloomModel"], defaults: ["layer_norm_epsilon": .double(1e-5)],
    names: SourceNames(prefixes: ["transformer."]),
    tensors: [
      TensorRule("word_embeddings.weight", "token_embd.weight"),
      TensorRule("word_embeddings_layernorm.*", "token_embd_norm.*"), TensorRule("ln_f.*", "output_norm.*"),
      TensorRule("lm_head.weight", "output.weight"),
    ]
      + TensorRule.layers(
        "h.{i}.",
        [
          TensorRule("input_layernorm.*", "attn_norm.*"), TensorRule("post_attention_layernorm.*", "ffn_norm.*"),
          TensorRule("self_attention.query_key_value.*", "attn_qkv.*", FusedHeads.equal),
          TensorRule("self_attention.dense.*", "attn_output.*"), TensorRule("mlp.dense_h_to_4h.*", "ffn_up.*"),
          TensorRule("mlp.dense_4h_to_h.*", "ffn_down.*"),
        ]),
    metadata: [
      .integer("{arch}.context_length", "seq_length", "hidden_size", "n_embed"),
      .integer("{arch}.embedding_length", "hidden_size", "n_embed"), Gpt2.feedForwardLength, .blockCount,
      .integer("{arch}.attention.head_count", "n_head", "num_attention_heads"),
      .integer("{arch}.attention.head_count_kv", "n_head", "num_attention_heads"),
      .float("{arch}.attention.layer_norm_epsilon", "layer_norm_epsilon"), .fileType,
    ], tokenizer: BytePairTokenizer(preferred: ["bloom"]))
}
