internal import OunceCore

/// Google's Gemma 1 to 3: norms stored as their distance from 1. The embedding is also the head, but for fine-tunes of
/// Gemma 3 with a head of their own.
extension Architecture {
  static let gemma = Architecture(
    "gemma", ["GemmaForCausalLM"],
    defaults: Gemma.defaults(theta: 10_000, length: 8192)
      .merging(["num_key_value_heads": .integer(16)]) { _, new in new }, names: Gemma.names,
    tensors: Gemma.ends + Gemma.attention + Decoder.feedForward
      + Decoder.layers(
        TensorRule("input_layernorm.weight", "attn_norm.weight", Added(1)),
        TensorRule("post_attention_layernorm.weight", "ffn_norm.weight", Added(1))),
    metadata: Gemma.shape, tokenizer: GemmaTokenizer(tokens: [("eot", 107)]))

  /// Gemma 2: four norms a layer, capped logits.
  static let gemma2 = Architecture(
    "gemma2", ["Gemma2ForCausalLM"],
    defaults: Gemma.defaults(theta: 10_000, length: 8192).merging(
      [
        "attn_logit_softcapping": .double(50), "final_logit_softcapping": .double(30),
        "sliding_window": .integer(4096), "num_key_value_heads": .integer(4),
      ]) { first, _ in first }, names: Gemma.names,
    tensors: Gemma.ends + Gemma.attention + Decoder.feedForward + Gemma.fourNorms,
    metadata: Gemma.shape + [
      .float("{arch}.attn_logit_softcapping", "attn_logit_softcapping"),
      .float("{arch}.final_logit_softcapping", "final_logit_softcapping"),
      .integer("{arch}.attention.sliding_window", "sliding_window"),
    ], tokenizer: GemmaTokenizer())

  /// Gemma 3: local and global layers with their own rotary bases, norms on queries and keys.
  static let gemma3 = Architecture(
    "gemma3", ["Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"], defaults: Gemma.third,
    derive: Gemma.deriveWindow, names: Gemma.modelNames,
    tensors: Gemma.thirdTensors, metadata: Gemma.thirdMetadata, tokenizer: GemmaTokenizer())

  /// EmbeddingGemma.
  static let gemmaEmbedding = Architecture(
    "gemma-embedding", ["Gemma3TextModel"], defaults: Gemma.third, names: Gemma.modelNames,
    tensors: Gemma.thirdTensors, computed: DenseModules.gemmaTensors,
    metadata: Gemma.thirdMetadata + [DenseModules.gemmaSizes] + MetadataRule.pooling, tokenizer: GemmaTokenizer())
}

/// What the families of this line share.
enum Gemma {
  static func defaults(theta: Double, length: Int) -> [String: JSON] {
    [
      "max_position_embeddings": .integer(length), "rms_norm_eps": .double(1e-6), "rope_theta": .double(theta),
      "head_dim": .integer(256), "vocab_size": .integer(256_000),
    ]
  }

  static let third = defaults(theta: 1e6, length: 131_072).merging(
    [
      "num_attention_heads": .integer(8), "num_key_value_heads": .integer(4), "sliding_window": .integer(4096),
      "rope_local_base_freq": .double(10_000), "vocab_size": .integer(262_208),
    ]) { _, new in new }

  /// Of models that see both ways, a window reaches as far back as forth.
  @Sendable static func deriveWindow(_ checkpoint: inout Checkpoint) throws(OunceError) {
    guard checkpoint.configuration.isTrue("use_bidirectional_attention"),
      let window = checkpoint.configuration.integer("sliding_window")
    else { return }
    checkpoint.configuration["sliding_window"] = .integer(window / 2 + 1)
  }

  static let names = SourceNames(ignoredPrefixes: ["lm_head.weight"])
  static let modelNames = SourceNames(added: "model.", keepsName: ["lm_head."])

  static let ends = [
    TensorRule("model.embed_tokens.weight", "token_embd.weight", vocabularyRows),
    TensorRule("model.norm.weight", "output_norm.weight", Added(1)),
  ]

  /// Rows beyond the vocabulary are left out.
  static let vocabularyRows = RowSlice { (rows, checkpoint) throws(OunceError) in
    0..<min(rows, checkpoint.configuration.integer("vocab_size") ?? rows)
  }

  static let attention =
    Decoder.attention
    + Decoder.layers(
      TensorRule("self_attn.q_norm.weight", "attn_q_norm.weight", Added(1)),
      TensorRule("self_attn.k_norm.weight", "attn_k_norm.weight", Added(1)))

  static let fourNorms = Decoder.layers(
    TensorRule("input_layernorm.weight", "attn_norm.weight", Added(1)),
    TensorRule("post_attention_layernorm.weight", "post_attention_norm.weight", Added(1)),
    TensorRule("pre_feedforward_layernorm.weight", "ffn_norm.weight", Added(1)),
    TensorRule("post_feedforward_layernorm.weight", "post_ffw_norm.weight", Added(1)))

  static let thirdTensors =
    ends + [TensorRule("lm_head.weight", "output.weight")] + attention + Decoder.feedForward + fourNorms

  static let shape: [MetadataRule] = [
    .contextLength, .embeddingLength, .blockCount, .feedForwardLength, .headCount, keyValueHeads,
    .float("{arch}.attention.layer_norm_rms_epsilon", "rms_norm_eps"), .headDimension, .fileType,
  ]

  private static let keyValueHeads = MetadataRule.integer(
    "{arch}.attention.head_count_kv", "num_key_value_heads", "num_attention_heads")

  static let thirdMetadata =
    MetadataRule.common + [
      .nonZero("{arch}.final_logit_softcapping", "final_logit_softcapping"),
      .value("{arch}.attention.sliding_window") { (checkpoint) throws(OunceError) in
        guard checkpoint.configuration.integer("sliding_window_pattern") != 1 else { return nil }
        return checkpoint.configuration.integer("sliding_window").map { .uint32(UInt32(clamping: $0)) }
      },
    ]
}

/// SentencePiece, without a space before the first word.
struct GemmaTokenizer: TokenizerRule {
  /// Ids that the family sets itself.
  var tokens: [(kind: String, id: Int)] = []

  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    guard checkpoint.has("tokenizer.model") else {
      try BytePairTokenizer().write(checkpoint, to: &writer)
      return
    }
    try SentencePieceTokenizer().write(checkpoint, to: &writer)
    if !tokens.isEmpty {
      var special = try SpecialTokens(checkpoint, kinds: tokens.map(\.kind))
      for (kind, id) in tokens { special.set(kind, id) }
      special.template = nil
      try special.write(to: &writer)
    }
    writer.set("tokenizer.ggml.add_space_prefix", .bool(false))
  }
}
