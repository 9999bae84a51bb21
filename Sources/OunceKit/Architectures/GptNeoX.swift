internal import OunceCore

/// EleutherAI's GPT-NeoX and Pythia: fused projections, taken apart head by head.
extension Architecture {
  static let gptNeoX = Architecture(
    "gptneox", ["GPTNeoXForCausalLM"],
    defaults: [
      "max_position_embeddings": .integer(2048), "layer_norm_eps": .double(1e-5), "rotary_pct": .double(0.25),
      "use_parallel_residual": .bool(true),
    ], names: SourceNames(ignoredSuffixes: [".attention.rotary_emb.inv_freq"]),
    tensors: [
      TensorRule("gpt_neox.embed_in.weight", "token_embd.weight"),
      TensorRule("gpt_neox.final_layer_norm.*", "output_norm.*"), TensorRule("embed_out.weight", "output.weight"),
    ]
      + TensorRule.layers(
        "gpt_neox.layers.{i}.",
        [
          TensorRule("input_layernorm.*", "attn_norm.*"), TensorRule("post_attention_layernorm.*", "ffn_norm.*"),
          TensorRule("attention.query_key_value.*", "attn_qkv.*", FusedHeads.equal),
          TensorRule("attention.dense.*", "attn_output.*"), TensorRule("mlp.dense_h_to_4h.*", "ffn_up.*"),
          TensorRule("mlp.dense_4h_to_h.*", "ffn_down.*"),
        ]),
    metadata: [
      .contextLength, .embeddingLength, .blockCount, .feedForwardLength,
      .count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in
        let share = checkpoint.configuration.double("rotary_pct") ?? 0.25
        return Int(share * Double(try checkpoint.configuration.headDimension()))
      }, .headCount, .bool("{arch}.use_parallel_residual", "use_parallel_residual"),
      .float("{arch}.attention.layer_norm_epsilon", "layer_norm_eps"),
    ], tokenizer: BytePairTokenizer(preferred: ["mpt"]))

  /// BigScience's BLOOM: no positions but a bias, a norm behind the embedding.
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

  /// TII's Falcon: groups of queries share a key and a value.
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
  static func keys(_ checkpoint: Checkpoint) -> Int { checkpoint.configuration.integer("num_kv_heads", "n_head_kv") ?? 1 }

  static let groups = FusedHeads { (checkpoint) throws(OunceError) in
    let heads = try checkpoint.configuration.require("num_attention_heads", "n_head")
    let count = keys(checkpoint)
    return (count, count > 0 ? heads / count : 0)
  }
}
