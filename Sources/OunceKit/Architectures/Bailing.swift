internal import OunceCore

/// inclusionAI's Ling: experts in every layer, queries, keys and values in one projection.
extension Architecture {
  static let bailingMoe = Architecture(
    "bailingmoe", ["BailingMoeForCausalLM"], derive: Bailing.derive,
    tensors: Decoder.norms + Decoder.feedForward + Decoder.experts + DeepSeek.sharedExperts
      + [
        TensorRule("model.word_embeddings.weight", "token_embd.weight"),
        TensorRule("model.norm.weight", "output_norm.weight"), TensorRule("lm_head.weight", "output.weight"),
      ]
      + Decoder.layers(
        TensorRule(
          "attention.query_key_value.weight", "attn_q.weight", RowSlice.attention(.queries), Interleaved(.query)),
        TensorRule(
          "attention.query_key_value.weight", "attn_k.weight", RowSlice.attention(.keys), Interleaved(.keyValue)),
        TensorRule("attention.query_key_value.weight", "attn_v.weight", RowSlice.attention(.values)),
        TensorRule("attention.dense.weight", "attn_output.weight")),
    metadata: MetadataRule.common + [
      .count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in
        try checkpoint.configuration.headDimension()
      },
      .integer("{arch}.leading_dense_block_count", "first_k_dense_replace"),
      .integer("{arch}.vocab_size", "vocab_size"),
      .integer("{arch}.expert_feed_forward_length", "moe_intermediate_size"),
      .constant("{arch}.expert_weights_scale", .float32(1)),
      .integer("{arch}.expert_shared_count", "num_shared_experts"),
      .bool("{arch}.expert_weights_norm", "norm_topk_prob"),
    ], tokenizer: BytePairTokenizer(preferred: ["bailingmoe"]))
}

enum Bailing {
  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    guard !checkpoint.configuration.isTrue("norm_head") else {
      throw OunceError(
        .unsupported, "a head whose columns are normalized (\"norm_head\") cannot be converted", file: "config.json")
    }
  }
}
