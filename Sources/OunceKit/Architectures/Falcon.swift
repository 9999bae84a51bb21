internal import OunceCore

/// TII's Falcon: groups of queries share a key and a value.
extension Architecture {
  static let falcon = Architecture(
    "falcon", ["FalconForCausalLM", "RWForCausalLM"], defaults: ["layer_norm_epsilon": .double(1e-5)],
    names: SourceNames(prefixes: ["transformer."]),
    tensors: [
      TensorRule("word_embeddings.weight", "token_embd.weight"), TensorRule("ln_f.*", "output_norm.*"),
      TensorRule("lm_head.weight", "output.weight"),
    ]
      + TensorRule.layers(
        "h.{i}.",
        [
          TensorRule("input_layernorm.*", "attn_norm.*"), TensorRule("ln_mlp.*", "attn_norm.*"),
          TensorRule("ln_attn.*", "attn_norm_2.*"),
          TensorRule("self_attention.query_key_value.*", "attn_qkv.*", Falcon.groups),
          TensorRule("self_attention.dense.*", "attn_output.*"), TensorRule("mlp.dense_h_to_4h.*", "ffn_up.*"),
          TensorRule("mlp.dense_4h_to_h.*", "ffn_down.*"),
        ]),
    metadata: [
      .constant("{arch}.context_length", .uint32(2048)), .constant("{arch}.tensor_data_layout", .string("jploski")),
      .embeddingLength, Gpt2.feedForwardLength, .blockCount, .headCount,
      .count("{arch}.attention.head_count_kv") { (checkpoint) throws(OunceError) in Falcon.keys(checkpoint) },
      .float("{arch}.attention.layer_norm_epsilon", "layer_norm_epsilon"), .fileType,
    ], tokenizer: BytePairTokenizer(preferred: ["falcon"]))
}

enum Falcon {
  /// One key and value for all queries, unless the file says how many.
  static func keys(_ checkpoint: Checkpoint) -> Int {
    checkpoint.configuration.integer("num_kv_heads", "n_head_kv") ?? 1
  }

  static let groups = FusedHeads { (checkpoint) throws(OunceError) in
    let heads = try checkpoint.configuration.require("num_attention_heads", "n_head")
    let count = keys(checkpoint)
    return (count, count > 0 ? heads / count : 0)
  }
}
