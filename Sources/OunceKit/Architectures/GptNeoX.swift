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
        return try Configuration.whole(share * Double(try checkpoint.configuration.headDimension()))
      }, .headCount, .bool("{arch}.use_parallel_residual", "use_parallel_residual"),
      .float("{arch}.attention.layer_norm_epsilon", "layer_norm_eps"),
    ], tokenizer: BytePairTokenizer(preferred: ["mpt"]))
}
