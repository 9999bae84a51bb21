internal import OunceCore

/// OpenAI's GPT-2: learned positions, matrices stored transposed.
extension Architecture {
  static let gpt2 = Architecture(
    "gpt2", ["GPT2LMHeadModel"],
    defaults: ["n_positions": .integer(1024), "layer_norm_epsilon": .double(1e-5)], derive: Gpt2.derive,
    names: SourceNames(
      prefixes: ["transformer."], ignoredSuffixes: [".attn.bias", ".attn.masked_bias"]),
    tensors: Gpt2.ends + Gpt2.layers(Exchanged()),
    metadata: [
      .blockCount, .integer("{arch}.context_length", "n_ctx"), .embeddingLength, Gpt2.feedForwardLength, .headCount,
      .float("{arch}.attention.layer_norm_epsilon", "layer_norm_epsilon"), .fileType,
    ], tokenizer: BytePairTokenizer(preferred: ["gpt-2"]))
}

/// What the families of this shape share.
enum Gpt2 {
  static let ends = [
    TensorRule("wte.weight", "token_embd.weight"), TensorRule("wpe.weight", "position_embd.weight"),
    TensorRule("ln_f.*", "output_norm.*"), TensorRule("lm_head.weight", "output.weight"),
  ]

  /// - Parameter transform: what happens to matrices, not to biases.
  static func layers(_ transform: (any TensorTransform)? = nil) -> [TensorRule] {
    let parts = [
      ("attn.c_attn", "attn_qkv"), ("attn.c_proj", "attn_output"), ("mlp.c_fc", "ffn_up"), ("mlp.c_proj", "ffn_down"),
    ]
    let matrices = parts.flatMap { source, target in
      [
        transform.map { TensorRule(source + ".weight", target + ".weight", $0) }
          ?? TensorRule(source + ".weight", target + ".weight"),
        TensorRule(source + ".bias", target + ".bias"),
      ]
    }
    return TensorRule.layers(
      "h.{i}.", matrices + [TensorRule("ln_1.*", "attn_norm.*"), TensorRule("ln_2.*", "ffn_norm.*")])
  }

  static let feedForwardLength = MetadataRule.count("{arch}.feed_forward_length") { (checkpoint) throws(OunceError) in
    try checkpoint.configuration.require("n_embd", "hidden_size", "n_embed") * 4
  }

  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    if checkpoint.configuration["n_ctx"] == nil {
      checkpoint.configuration["n_ctx"] = checkpoint.configuration["n_positions"]
    }
  }
}
