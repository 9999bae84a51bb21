internal import OunceCore

/// Google's T5, mT5 and UMT5: an encoder and a decoder, positions by distance.
extension Architecture {
  static let t5 = Architecture(
    "t5",
    [
      "T5WithLMHeadModel", "T5ForConditionalGeneration", "MT5ForConditionalGeneration", "UMT5ForConditionalGeneration",
      "UMT5Model",
    ], defaults: T5.defaults, derive: T5.derive, rename: T5.rename,
    tensors: T5.encoder + T5.decoder
      + [TensorRule("shared.weight", "token_embd.weight"), TensorRule("lm_head.weight", "output.weight")],
    metadata: T5.metadata(isEncoder: false), tokenizer: T5Tokenizer())

  /// The encoder alone, for embeddings.
  static let t5Encoder = Architecture(
    "t5encoder", ["T5EncoderModel"], defaults: T5.defaults, derive: T5.derive, rename: T5.rename,
    tensors: T5.encoder + [TensorRule("shared.weight", "token_embd.weight")],
    metadata: T5.metadata(isEncoder: true), tokenizer: T5Tokenizer())
}

enum T5 {
  static let defaults: [String: JSON] = [
    "n_positions": .integer(512), "d_model": .integer(512), "d_ff": .integer(2048), "d_kv": .integer(64),
    "num_layers": .integer(6), "num_heads": .integer(8), "layer_norm_epsilon": .double(1e-6),
    "relative_attention_num_buckets": .integer(32), "decoder_start_token_id": .integer(0),
  ]

  static func metadata(isEncoder: Bool) -> [MetadataRule] {
    let decoder = [MetadataRule.integer("{arch}.decoder_block_count", "num_decoder_layers")]
    let start = [MetadataRule.integer("{arch}.decoder_start_token_id", "decoder_start_token_id")]
    let shape: [MetadataRule] = [
      .integer("{arch}.context_length", "n_positions"), .integer("{arch}.embedding_length", "d_model"),
      .integer("{arch}.feed_forward_length", "d_ff"), .blockCount,
    ]
    let attention: [MetadataRule] = [
      .integer("{arch}.attention.head_count", "num_heads"), .integer("{arch}.attention.key_length", "d_kv"),
      .integer("{arch}.attention.value_length", "d_kv"),
      .float("{arch}.attention.layer_norm_epsilon", "layer_norm_epsilon"),
      .integer("{arch}.attention.relative_buckets_count", "relative_attention_num_buckets"),
      .float("{arch}.attention.layer_norm_rms_epsilon", "layer_norm_epsilon"),
    ]
    return shape + (isEncoder ? [] : decoder) + attention + (isEncoder ? [] : start) + [.fileType]
  }

  static let encoder =
    [TensorRule("encoder.final_layer_norm.weight", "enc.output_norm.weight")]
    + TensorRule.layers(
      "encoder.block.{i}.layer.",
      attention("0.SelfAttention", "attn") + feedForward(1)
        + [TensorRule("0.layer_norm.weight", "attn_norm.weight")], to: "enc.blk.{i}.")

  static let decoder =
    [TensorRule("decoder.final_layer_norm.weight", "dec.output_norm.weight")]
    + TensorRule.layers(
      "decoder.block.{i}.layer.",
      attention("0.SelfAttention", "attn") + attention("1.EncDecAttention", "cross_attn") + feedForward(2)
        + [
          TensorRule("0.layer_norm.weight", "attn_norm.weight"),
          TensorRule("1.layer_norm.weight", "cross_attn_norm.weight"),
        ], to: "dec.blk.{i}.")

  private static func attention(_ source: String, _ target: String) -> [TensorRule] {
    ["q", "k", "v", "o"].map { TensorRule("\(source).\($0).weight", "\(target)_\($0).weight") } + [
      TensorRule("\(source).relative_attention_bias.weight", "\(target)_rel_b.weight")
    ]
  }

  private static func feedForward(_ place: Int) -> [TensorRule] {
    [
      TensorRule("\(place).DenseReluDense.wi.weight", "ffn_up.weight"),
      TensorRule("\(place).DenseReluDense.wi_0.weight", "ffn_gate.weight"),
      TensorRule("\(place).DenseReluDense.wi_1.weight", "ffn_up.weight"),
      TensorRule("\(place).DenseReluDense.wo.weight", "ffn_down.weight"),
      TensorRule("\(place).layer_norm.weight", "ffn_norm.weight"),
    ]
  }

  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    if checkpoint.configuration["num_decoder_layers"] == nil {
      checkpoint.configuration["num_decoder_layers"] = checkpoint.configuration["num_layers"]
    }
  }

  /// The embedding that encoder and decoder share may be stored up to three times; the first counts.
  @Sendable static func rename(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    let names = ["decoder.embed_tokens.weight", "encoder.embed_tokens.weight", "shared.weight"]
    guard names.contains(name) else { return name }
    return checkpoint.orderedTensors.first { names.contains($0.info.name) }?.info.name == name ? "shared.weight" : nil
  }
}

/// A unigram model of SentencePiece under its own ids; BPE for models that were trained with one.
struct T5Tokenizer: TokenizerRule {
  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    let name = checkpoint.has("tokenizer.model") ? "tokenizer.model" : "spiece.model"
    guard let file = checkpoint.model.companions[name] else {
      throw OunceError(
        .notFound, "has neither tokenizer.model nor spiece.model", file: checkpoint.model.path,
        remedy: "download all files of the model, not only its weights")
    }
    let model = try SentencePieceModel(file)
    guard model.kind != .bytePair else { return try SentencePieceTokenizer().write(checkpoint, to: &writer) }
    let vocabulary = try SentencePieceTokenizer.table(checkpoint, file: name, looks: false, readsSettings: false)
      .vocabulary
    vocabulary.write(model: "t5", pretokenizer: "default", to: &writer)
    writer.set("tokenizer.ggml.add_space_prefix", .bool(model.addsDummyPrefix))
    writer.set("tokenizer.ggml.remove_extra_whitespaces", .bool(model.removesExtraSpace))
    if !model.characterMap.isEmpty {
      writer.set("tokenizer.ggml.precompiled_charsmap", .array(.uint8(model.characterMap)))
    }
    try SpecialTokens(checkpoint, vocabularyCount: vocabulary.types.count).write(to: &writer)
  }
}
