internal import OunceCore

/// Nomic's BERT: rotary positions, norms behind the parts of a layer; experts in the second version.
extension Architecture {
  static let nomicBert = Architecture(
    "nomic-bert", ["NomicBertModel"], derive: NomicBert.derive,
    names: Bert.names(["bert."]), rename: NomicBert.rename,
    tensors: Bert.tensors + [TensorRule("emb_ln.*", "token_embd_norm.*")]
      + TensorRule.layers(
        "encoder.layers.{i}.",
        [
          TensorRule("attn.Wqkv.*", "attn_qkv.*"), TensorRule("attn.out_proj.*", "attn_output.*"),
          TensorRule("norm1.*", "attn_output_norm.*"), TensorRule("norm2.*", "layer_output_norm.*"),
          TensorRule("mlp.fc1.*", "ffn_up.*"), TensorRule("mlp.fc11.*", "ffn_up.*"),
          TensorRule("mlp.fc12.*", "ffn_gate.*"), TensorRule("mlp.fc2.*", "ffn_down.*"),
          TensorRule("mlp.router.layer.weight", "ffn_gate_inp.weight"),
          TensorRule("mlp.experts.mlp.w1", "ffn_up_exps.weight", NomicBert.experts),
          TensorRule("mlp.experts.mlp.w2", "ffn_down_exps.weight", NomicBert.experts, Exchanged()),
        ]),
    metadata: Bert.metadata + [
      .positive("{arch}.moe_every_n_layers", "moe_every_n_layers"),
      .value("{arch}.expert_used_count") { (checkpoint) throws(OunceError) in
        guard NomicBert.hasExperts(checkpoint) else { return nil }
        return .uint32(UInt32(try checkpoint.configuration.require("moe_top_k")))
      },
    ], tokenizer: NomicTokenizer())
}

enum NomicBert {
  static func hasExperts(_ checkpoint: Checkpoint) -> Bool {
    checkpoint.configuration.integer("moe_every_n_layers") ?? 0 > 0
  }

  /// Experts that are one matrix, one above the other.
  static let experts = Shaped(
    { (old, checkpoint) throws(OunceError) in
      [
        try checkpoint.configuration.require("num_local_experts", "num_experts"),
        try checkpoint.configuration.require("n_inner"), try checkpoint.configuration.require("n_embd"),
      ]
    }, back: { (new, _) throws(OunceError) in [new.prefix(2).reduce(1, *)] + new.dropFirst(2) })

  @Sendable static func rename(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    name.contains("mlp.experts.bias") ? nil : try Bert.rename(name, checkpoint)
  }

  /// The models were trained on shorter texts than their files say.
  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    if hasExperts(checkpoint) { checkpoint.architectureName = "nomic-bert-moe" }
    let trained = checkpoint.configuration.integer("max_trained_positions") ?? 2048
    switch (checkpoint.configuration.integer("n_positions"), trained) {
    case (8192, 2048): checkpoint.configuration["n_positions"] = .integer(2048)
    case (2048, 2048): checkpoint.configuration["n_positions"] = .integer(512)
    default:
      throw OunceError(
        .unsupported, "these numbers of positions and of trained positions are those of no known model",
        file: "config.json", subject: "n_positions")
    }
  }
}

/// WordPiece, or the unigram model of XLM-RoBERTa, whose file lacks the token for gaps.
struct NomicTokenizer: TokenizerRule {
  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    let kind = try checkpoint.model.json("tokenizer.json")?["model"]?["type"]?.string
    guard kind == "Unigram" else { return try WordPieceTokenizer().write(checkpoint, to: &writer) }
    let gap = NomicBert.hasExperts(checkpoint) ? 250_001 : nil
    try UnigramTokenizer(maskID: gap).write(checkpoint, to: &writer)
  }
}
