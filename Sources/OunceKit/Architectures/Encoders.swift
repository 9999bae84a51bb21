internal import OunceCore

/// BERT's descendants with the same GGUF architecture.
extension Architecture {
  static let distilBert = Architecture(
    "bert", ["DistilBertModel", "DistilBertForMaskedLM", "DistilBertForSequenceClassification"],
    defaults: ["max_position_embeddings": .integer(512)],
    names: SourceNames(prefixes: ["distilbert."], ignoredPrefixes: ["vocab_"]), rename: Bert.rename,
    tensors: Bert.tensors
      + TensorRule.layers(
        "transformer.layer.{i}.",
        [
          TensorRule("attention.q_lin.*", "attn_q.*"), TensorRule("attention.k_lin.*", "attn_k.*"),
          TensorRule("attention.v_lin.*", "attn_v.*"), TensorRule("attention.out_lin.*", "attn_output.*"),
          TensorRule("sa_layer_norm.*", "attn_output_norm.*"), TensorRule("ffn.lin1.*", "ffn_up.*"),
          TensorRule("ffn.lin2.*", "ffn_down.*"), TensorRule("output_layer_norm.*", "layer_output_norm.*"),
        ]),
    metadata: [.constant("{arch}.attention.layer_norm_epsilon", .float32(1e-12))] + Bert.metadata,
    tokenizer: WordPieceTokenizer())

  /// RoBERTa: byte-level BPE, positions counted from behind the padding token.
  static let roberta = Architecture(
    "bert", ["RobertaModel", "RobertaForSequenceClassification"], defaults: Roberta.defaults, derive: Roberta.derive,
    names: Bert.names(["roberta."]), rename: Bert.rename, tensors: Roberta.tensors, metadata: Bert.metadata,
    tokenizer: RobertaTokenizer())

  /// XLM-RoBERTa: a SentencePiece vocabulary under other ids.
  static let xlmRoberta = Architecture(
    "bert", ["XLMRobertaModel", "XLMRobertaForSequenceClassification"],
    variant: { $0.array("lora_adaptations")?.isEmpty == false ? .jinaBert3 : nil }, defaults: Roberta.defaults,
    derive: Roberta.derive, names: Bert.names(["roberta."]), rename: Bert.rename, tensors: Roberta.tensors,
    metadata: Bert.metadata, tokenizer: UnigramTokenizer())

  /// Jina's third embeddings: XLM-RoBERTa with rotary positions, and adapters for each task inside the checkpoint.
  static let jinaBert3 = Architecture(
    "jina-bert-v3", [], defaults: Roberta.defaults, derive: Roberta.deriveJina,
    names: SourceNames(
      prefixes: ["roberta."], replaced: [(".parametrizations.", ".")], suffixes: [(".original", "")],
      ignoredPrefixes: ["pooler.dense."], ignoredSuffixes: [".0.lora_A", ".0.lora_B"]),
    tensors: Bert.tensors + [TensorRule("emb_ln.*", "token_embd_norm.*")]
      + TensorRule.layers(
        "encoder.layers.{i}.",
        [
          TensorRule("mixer.Wqkv.*", "attn_qkv.*"), TensorRule("mixer.out_proj.*", "attn_output.*"),
          TensorRule("norm1.*", "attn_output_norm.*"), TensorRule("norm2.*", "layer_output_norm.*"),
          TensorRule("mlp.fc1.*", "ffn_up.*"), TensorRule("mlp.fc2.*", "ffn_down.*"),
        ]), metadata: Bert.metadata, tokenizer: UnigramTokenizer())
}

enum Roberta {
  static let defaults = Bert.defaults.merging(["pad_token_id": .integer(1)]) { _, new in new }

  /// The first rows of the position table are never used.
  static let tensors =
    [
      TensorRule(
        "embeddings.position_embeddings.weight", "position_embd.weight", UnusedRows { offset($0) })
    ] + Bert.tensors.filter { $0.target != "position_embd.weight" }

  private static func offset(_ checkpoint: Checkpoint) -> Int {
    checkpoint.configuration.integer("pad_token_id").map { min(max(0, $0), 1 << 20) + 1 } ?? 0
  }

  @Sendable static func deriveJina(_ checkpoint: inout Checkpoint) throws(OunceError) {
    try derive(&checkpoint)
    let tasks = checkpoint.configuration.array("lora_adaptations") ?? []
    checkpoint.notes.append(
      "the model has adapters for \(tasks.count) tasks: `ounce convert` writes a file for each beside the model's")
  }

  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    guard let length = checkpoint.configuration.integer("max_position_embeddings") else { return }
    checkpoint.configuration["max_position_embeddings"] = .integer(length - offset(checkpoint))
  }
}

/// Byte-level BPE with BERT's token types; WordPiece where there is no tokenizer.json.
struct RobertaTokenizer: TokenizerRule {
  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    guard checkpoint.has("tokenizer.json") else {
      try WordPieceTokenizer().write(checkpoint, to: &writer)
      return
    }
    try BytePairTokenizer(preferred: ["roberta-bpe"]).write(checkpoint, to: &writer)
    let types = checkpoint.configuration["type_vocab_size"] ?? .integer(1)
    try writer.set("tokenizer.ggml.token_type_count", count: types, of: "type_vocab_size")
  }
}
