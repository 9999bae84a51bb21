internal import OunceCore

/// Answer.AI's ModernBERT: rotary positions, windows in most layers, fused projections.
extension Architecture {
  static let modernBert = Architecture(
    "modern-bert", ["ModernBertModel", "ModernBertForMaskedLM", "ModernBertForSequenceClassification"],
    defaults: [
      "max_position_embeddings": .integer(8192), "norm_eps": .double(1e-5), "global_rope_theta": .double(160_000),
      "local_rope_theta": .double(10_000), "local_attention": .integer(128), "vocab_size": .integer(50_368),
      "global_attn_every_n_layers": .integer(3), "classifier_pooling": .string("cls"),
      "hidden_activation": .string("gelu"),
    ], names: SourceNames(prefixes: ["model."], ignoredPrefixes: ["decoder."]), rename: Bert.rename,
    tensors: [
      TensorRule("embeddings.tok_embeddings.weight", "token_embd.weight"),
      TensorRule("embeddings.norm.*", "token_embd_norm.*"), TensorRule("final_norm.*", "output_norm.*"),
      TensorRule("head.dense.*", "cls.*"), TensorRule("head.norm.*", "cls.norm.*"),
      TensorRule("classifier.*", "cls.*"), TensorRule("classifier.out_proj.*", "cls.output.*"),
    ]
      + TensorRule.layers(
        "layers.{i}.",
        [
          TensorRule("attn_norm.*", "attn_norm.*"), TensorRule("attn.Wqkv.*", "attn_qkv.*"),
          TensorRule("attn.Wo.*", "attn_output.*"), TensorRule("mlp_norm.*", "ffn_norm.*"),
          TensorRule("mlp.Wi.*", "ffn_up.*"), TensorRule("mlp.Wo.*", "ffn_down.*"),
        ]),
    metadata: Bert.metadata + [
      .integer("{arch}.attention.sliding_window", "local_attention"),
      .integer("{arch}.attention.sliding_window_pattern", "global_attn_every_n_layers"),
      .constant("{arch}.rope.scaling.type", .string("none")), .integer("{arch}.vocab_size", "vocab_size"),
      .value("{arch}.hidden_activation") { (checkpoint) throws(OunceError) in
        checkpoint.configuration.string("hidden_activation").map { .string($0) }
      },
    ],
    tokenizer: BytePairTokenizer(
      preferred: ["modern-bert", "granite-embed-multi-97m", "granite-embed-multi-311m"],
      adds: [("bos", true), ("eos", true), ("sep", true)]))
}
