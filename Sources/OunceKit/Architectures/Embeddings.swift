internal import OunceCore

/// Encoders for embeddings that have decoders' shapes.
extension Architecture {
  /// NVIDIA's Llama-Embed-Nemotron: Llama that sees both ways.
  static let llamaEmbed = Architecture(
    "llama-embed", ["LlamaBidirectionalModel"], names: Llama.names, tensors: Llama.tensors,
    computed: RopeFrequencies.llama3, metadata: Llama.metadata, tokenizer: LlamaTokenizer())

  /// EuroBERT and Jina's embeddings of the fifth version.
  static let euroBert = Architecture(
    "eurobert", ["EuroBertModel", "JinaEmbeddingsV5Model"], names: SourceNames(added: "model."),
    tensors: Decoder.ends + Decoder.norms + Decoder.attention + Decoder.feedForward,
    metadata: MetadataRule.common + [
      .constant("{arch}.attention.causal", .bool(false)), .constant("{arch}.rope.scaling.type", .string("none")),
    ] + MetadataRule.pooling,
    tokenizer: BytePairTokenizer(preferred: ["jina-v5-nano", "llama-bpe"], adds: [("bos", false)]))

  /// Jina's embeddings of the second version: positions by a bias, gated feed-forward parts.
  static let jinaBert2 = Architecture(
    "jina-bert-v2", ["JinaBertModel", "JinaBertForMaskedLM"], defaults: Bert.defaults, names: Bert.names(["bert."]),
    rename: Bert.rename,
    tensors: Bert.tensors
      + TensorRule.layers(
        "encoder.layer.{i}.",
        [
          TensorRule("attention.self.layer_norm_q.*", "attn_q_norm.*"),
          TensorRule("attention.self.layer_norm_k.*", "attn_k_norm.*"), TensorRule("layer_norm_1.*", "attn_norm_2.*"),
          TensorRule("layer_norm_2.*", "layer_output_norm.*"), TensorRule("mlp.layernorm.*", "layer_output_norm.*"),
          TensorRule("mlp.gated_layers.*", "ffn_up.*"), TensorRule("mlp.up_gated_layer.*", "ffn_up.*"),
          TensorRule("mlp.gated_layers_v.*", "ffn_up.*"), TensorRule("mlp.gated_layers_w.*", "ffn_gate.*"),
          TensorRule("mlp.wo.*", "ffn_down.*"), TensorRule("mlp.down_layer.*", "ffn_down.*"),
        ]), metadata: Bert.metadata, tokenizer: JinaTokenizer())
}

/// WordPiece, byte-level BPE, or words as they stand between spaces.
struct JinaTokenizer: TokenizerRule {
  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    let kind = try checkpoint.model.json("tokenizer_config.json")?["tokenizer_class"]?.string
    guard kind == "RobertaTokenizer" else { return try WordPieceTokenizer().write(checkpoint, to: &writer) }
    let tokenizer = try HuggingFaceTokenizer(checkpoint)
    if tokenizer.json["pre_tokenizer"]?["type"]?.string == "Whitespace" {
      try tokenizer.vocabulary(size: checkpoint.configuration.integer("vocab_size"))
        .write(model: "whitespace", pretokenizer: "whitespace", to: &writer)
      try SpecialTokens(checkpoint, tokenizer: tokenizer.json, merges: .wanted).write(to: &writer)
    } else {
      let names = ["jina-v2-es", "jina-v2-de", "jina-v2-code", "roberta-bpe"]
      try BytePairTokenizer(preferred: names).write(checkpoint, to: &writer)
    }
    writer.set("tokenizer.ggml.token_type_count", .uint32(2))
  }
}
