internal import OunceCore

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Microsoft's Phi 2: LayerNorm and biases, part of each head rotated.
extension Architecture {
  static let phi2 = Architecture(
    "phi2", ["PhiForCausalLM"],
    defaults: [
      "max_position_embeddings": .integer(2048), "layer_norm_eps": .double(1e-5), "rope_theta": .double(10_000),
      "partial_rotary_factor": .double(0.5),
    ],
    tensors: [
      TensorRule("model.embed_tokens.weight", "token_embd.weight"),
      TensorRule("model.final_layernorm.*", "output_norm.*"), TensorRule("lm_head.*", "output.*"),
    ] + Decoder.norms + Decoder.attention
      + Decoder.layers(
        TensorRule("mlp.fc1.*", "ffn_up.*"), TensorRule("mlp.fc2.*", "ffn_down.*"),
        TensorRule("self_attn.dense.*", "attn_output.*")),
    metadata: [
      .integer("{arch}.context_length", "n_positions", "max_position_embeddings"), .embeddingLength,
      .count("{arch}.feed_forward_length") { (checkpoint) throws(OunceError) in
        try checkpoint.configuration.require("hidden_size", "n_embd") * 4
      }, .blockCount, .headCount,
      .integer("{arch}.attention.head_count_kv", "num_attention_heads", "n_head"),
      .float("{arch}.attention.layer_norm_epsilon", "layer_norm_epsilon", "layer_norm_eps"), Phi.rotaryWidth, .fileType,
      .constant("tokenizer.ggml.add_bos_token", .bool(false)),
    ], tokenizer: BytePairTokenizer(preferred: ["phi-2"]))

  /// Phi 3, 3.5 and 4: fused projections stay fused; long contexts stretch positions by tables.
  static let phi3 = Architecture(
    "phi3", ["Phi3ForCausalLM", "Phi4ForCausalLMV"], defaults: Phi.third, derive: Phi.derive,
    tensors: Decoder.ends + Decoder.norms + Decoder.attention
      + Decoder.layers(
        TensorRule("self_attn.qkv_proj.weight", "attn_qkv.weight"),
        TensorRule("mlp.gate_up_proj.weight", "ffn_up.weight"), TensorRule("mlp.down_proj.weight", "ffn_down.weight")),
    computed: Phi.factors, leadingMetadata: [Phi.attentionFactor], metadata: Phi.thirdMetadata,
    tokenizer: PhiTokenizer())

  /// Phi 3.5 with experts.
  static let phiMoe = Architecture(
    "phimoe", ["PhiMoEForCausalLM"], defaults: Phi.third, derive: Phi.derive,
    tensors: Decoder.ends + Decoder.norms + Decoder.attention + Decoder.mixtralExperts, computed: Phi.factors,
    leadingMetadata: [Phi.attentionFactor],
    metadata: Phi.thirdMetadata + [
      .integer("{arch}.expert_used_count", "num_experts_per_tok", "num_experts_per_token"),
      .integer("{arch}.expert_count", "num_local_experts", "num_experts"),
    ], tokenizer: PhiTokenizer())
}

enum Phi {
  static let third: [String: JSON] = [
    "max_position_embeddings": .integer(4096), "original_max_position_embeddings": .integer(4096),
    "rms_norm_eps": .double(1e-5), "rope_theta": .double(10_000), "vocab_size": .integer(32_064),
  ]

  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    if checkpoint.configuration["num_key_value_heads"] == nil {
      checkpoint.configuration["num_key_value_heads"] = checkpoint.configuration["num_attention_heads"]
    }
  }

  static func rotaryWidth(_ checkpoint: Checkpoint) throws(OunceError) -> Int {
    let factor = checkpoint.configuration.rope["partial_rotary_factor"]?.double ?? 1
    let heads = try checkpoint.configuration.require("num_attention_heads", "n_head")
    guard heads > 0 else { throw OunceError(.malformed, "has no attention heads", file: "config.json") }
    return try Configuration.whole(factor * Double(try checkpoint.configuration.require("hidden_size", "n_embd")))
      / heads
  }

  static let rotaryWidth = MetadataRule.count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in
    try rotaryWidth(checkpoint)
  }

  static let thirdMetadata: [MetadataRule] = [
    .integer("{arch}.context_length", "n_positions", "max_position_embeddings"),
    .count("{arch}.rope.scaling.original_context_length") { (checkpoint) throws(OunceError) in
      checkpoint.configuration.rope["original_max_position_embeddings"]?.integer
    },
    .embeddingLength, .integer("{arch}.feed_forward_length", "intermediate_size"), .blockCount, .headCount,
    .keyValueHeadCount, .float("{arch}.attention.layer_norm_rms_epsilon", "rms_norm_eps"), rotaryWidth,
    .value("{arch}.rope.freq_base") { (checkpoint) throws(OunceError) in
      checkpoint.configuration.fullRope["rope_theta"]?.double.map { .float32(Float($0)) }
    }, .fileType,
    // 0 tells Phi 4 from the others.
    .count("{arch}.attention.sliding_window") { (checkpoint) throws(OunceError) in
      checkpoint.configuration.integer("sliding_window") ?? 0
    },
  ]

  /// By how much attention grows with a stretched context.
  static let attentionFactor = MetadataRule.value("{arch}.rope.scaling.attn_factor") {
    (checkpoint) throws(OunceError) in
    let rope = JSON.object(checkpoint.configuration.rope)
    guard rope["long_factor"]?.array?.isEmpty == false else { return nil }
    let length = checkpoint.configuration.double("n_positions", "max_position_embeddings") ?? 0
    let original = rope["original_max_position_embeddings"]?.double ?? length
    let scale = length / original
    switch checkpoint.configuration.ropeType {
    case "su", "longrope": return .float32(scale > 1 ? Float((1 + log(scale) / log(original)).squareRoot()) : 1)
    case "yarn": return .float32(scale > 1 ? Float(0.1 * log(scale) + 1) : 1)
    default:
      throw OunceError(
        .unsupported, "positions stretched by \"\(checkpoint.configuration.ropeType ?? "nothing")\" are not known",
        file: "config.json", subject: "rope_scaling")
    }
  }

  @Sendable static func factors(_ checkpoint: Checkpoint) throws(OunceError) -> [Tensor] {
    try RopeFrequencies.longAndShort(checkpoint, width: try rotaryWidth(checkpoint))
  }
}

/// SentencePiece with the added tokens of tokenizer.json, or byte-level BPE for Phi 4.
struct PhiTokenizer: TokenizerRule {
  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    let settings = try checkpoint.model.json("tokenizer_config.json")
    guard settings?["tokenizer_class"]?.string != "GPT2Tokenizer", checkpoint.has("tokenizer.model") else {
      try BytePairTokenizer(preferred: ["dbrx"]).write(checkpoint, to: &writer)
      return
    }
    var table = try SentencePieceTokenizer.table(checkpoint, looks: false)
    for entry in try checkpoint.model.json("tokenizer.json")?["added_tokens"]?.array ?? [] {
      guard let id = entry["id"]?.integer, let text = entry["content"]?.string else { continue }
      let isSpecial = entry["special"]?.bool ?? false
      table.set(id, Array(text.utf8), -1000, isSpecial ? TokenType.control : TokenType.userDefined)
    }
    let vocabulary = table.vocabulary
    vocabulary.write(model: "llama", pretokenizer: "default", to: &writer)
    try SpecialTokens(checkpoint, vocabularyCount: vocabulary.types.count).write(to: &writer)
  }
}
