internal import OunceCore

/// BERT and its namesakes: encoders for embeddings and classification, with WordPiece vocabularies.
extension Architecture {
  static let bert = Architecture(
    "bert", ["BertModel", "BertForMaskedLM", "CamembertModel", "BertForSequenceClassification"],
    defaults: Bert.defaults, names: Bert.names(["bert."]), rename: Bert.rename, tensors: Bert.tensors,
    metadata: Bert.metadata,
    tokenizer: WordPieceTokenizer())
}

/// What the encoders of this kind share.
enum Bert {
  static let defaults: [String: JSON] = [
    "max_position_embeddings": .integer(512), "layer_norm_eps": .double(1e-12), "type_vocab_size": .integer(2),
    "pad_token_id": .integer(0),
  ]

  /// Old checkpoints call weights gamma and biases beta. The pooler and the heads of training are not used.
  static func names(_ prefixes: [String]) -> SourceNames {
    SourceNames(
      prefixes: prefixes, suffixes: [(".gamma", ".weight"), (".beta", ".bias")],
      ignoredPrefixes: ["cls.predictions", "cls.seq_relationship", "embeddings.position_ids", "pooler.dense."])
  }

  static let tensors =
    [
      TensorRule("embeddings.word_embeddings.weight", "token_embd.weight"),
      TensorRule("embeddings.position_embeddings.weight", "position_embd.weight"),
      TensorRule("embeddings.token_type_embeddings.weight", "token_types.weight"),
      TensorRule("embeddings.LayerNorm.*", "token_embd_norm.*"),
      TensorRule("classifier.*", "cls.*"),
      TensorRule("pre_classifier.*", "cls.*"),
      TensorRule("classifier.dense.*", "cls.*"),
      TensorRule("classifier.out_proj.*", "cls.output.*"),
    ]
    + TensorRule.layers(
      "encoder.layer.{i}.",
      [
        TensorRule("attention.self.query.*", "attn_q.*"),
        TensorRule("attention.self.key.*", "attn_k.*"),
        TensorRule("attention.self.value.*", "attn_v.*"),
        TensorRule("attention.output.dense.*", "attn_output.*"),
        TensorRule("attention.output.LayerNorm.*", "attn_output_norm.*"),
        TensorRule("intermediate.dense.*", "ffn_up.*"),
        TensorRule("output.dense.*", "ffn_down.*"),
        TensorRule("output.LayerNorm.*", "layer_output_norm.*"),
      ])

  static let metadata =
    MetadataRule.common + [.constant("{arch}.attention.causal", .bool(false))] + MetadataRule.pooling + [labels]

  static let labels = MetadataRule.value("{arch}.classifier.output_labels") { (checkpoint) throws(OunceError) in
    classes(checkpoint).map { .strings($0) }
  }

  /// The classes of a classifier, by their number; the two that every configuration carries do not count.
  private static func classes(_ checkpoint: Checkpoint) -> [String]? {
    guard let labels = checkpoint.configuration["id2label"]?.object, !labels.isEmpty else { return nil }
    if labels.count == 2, labels["0"]?.string == "LABEL_0" { return nil }
    let sorted = labels.sorted { (Int($0.key) ?? 0) < (Int($1.key) ?? 0) }
    return sorted.compactMap { $0.value.string }
  }

  /// A classifier with named classes projects directly.
  @Sendable static func rename(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    guard classes(checkpoint) != nil, name == "classifier.weight" || name == "classifier.bias" else { return name }
    return name.replacing("classifier.", with: "classifier.out_proj.")
  }
}
