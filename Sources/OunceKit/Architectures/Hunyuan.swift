internal import OunceCore

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Tencent's dense Hunyuan: contexts stretched by a factor in the base of positions.
extension Architecture {
  static let hunyuanDense = Architecture(
    "hunyuan-dense", ["HunYuanDenseV1ForCausalLM"],
    defaults: [
      "max_position_embeddings": .integer(2048), "rms_norm_eps": .double(1e-5), "rope_theta": .double(10_000),
    ], derive: Nemotron.deriveKeyHeads,
    rename: { (name, checkpoint) throws(OunceError) in
      name == "lm_head.weight" && checkpoint.configuration.isTrue("tie_word_embeddings") ? nil : name
    },
    tensors: Decoder.ends + Decoder.norms + Decoder.attention + Decoder.feedForward
      + Decoder.layers(
        TensorRule("self_attn.query_layernorm.weight", "attn_q_norm.weight"),
        TensorRule("self_attn.key_layernorm.weight", "attn_k_norm.weight")),
    metadata: MetadataRule.common + [Hunyuan.positions], tokenizer: HunyuanTokenizer())

  /// The language model of HunyuanOCR: positions in four dimensions.
  static let hunyuanVL = Architecture(
    "hunyuan_vl", ["HunYuanVLForConditionalGeneration"],
    defaults: Architecture.hunyuanDense.defaults.merging(["eod_token_id": .integer(3)]) { first, _ in first },
    derive: Hunyuan.deriveVision, rename: Architecture.hunyuanDense.rename, tensors: Architecture.hunyuanDense.tensors,
    metadata: Architecture.hunyuanDense.metadata + [Hunyuan.sections],
    tokenizer: HunyuanTokenizer(endsDocuments: true))
}

enum Hunyuan {
  @Sendable static func deriveVision(_ checkpoint: inout Checkpoint) throws(OunceError) {
    try Nemotron.derive(&checkpoint)
    // One expert is none.
    if checkpoint.configuration.integer("num_experts") ?? 0 <= 1 { checkpoint.configuration["num_experts"] = nil }
    for name in ["rope_parameters", "rope_scaling"] {
      guard var rope = checkpoint.configuration[name]?.object,
        rope["xdrope_section"] != nil || rope["mrope_section"] != nil
      else { continue }
      if rope["rope_type"] == nil || rope["rope_type"]?.string == "dynamic" { rope["rope_type"] = .string("xdrope") }
      checkpoint.configuration[name] = .object(rope)
    }
  }

  /// The base stays as it is; what stretches positions is a setting of its own.
  static let sections = MetadataRule { (checkpoint, writer) throws(OunceError) in
    guard checkpoint.configuration.ropeType == "xdrope" else { return }
    let rope = JSON.object(checkpoint.configuration.rope)
    writer.set("{arch}.rope.freq_base", .float32(Float(rope["rope_theta"]?.double ?? 10_000)))
    writer.set("{arch}.rope.scaling.alpha", .float32(Float(rope["alpha"]?.double ?? 1)))
    writer.set("{arch}.rope.scaling.type", .string("none"))
    writer.set("{arch}.rope.scaling.factor", .float32(Float(rope["factor"]?.double ?? 1)))
    if let length = checkpoint.configuration["max_position_embeddings"] {
      try writer.set("{arch}.rope.scaling.original_context_length", count: length, of: "max_position_embeddings")
      try writer.set("{arch}.context_length", count: length, of: "max_position_embeddings")
    }
    // transformers 5 has another name for them.
    guard let sections = (rope["xdrope_section"] ?? rope["mrope_section"])?.array else { return }
    writer.set(
      "{arch}.rope.dimension_sections", .array(.int32(sections.map { Int32(clamping: $0.integer ?? 0) })))
  }

  /// A stretched context lives in the base of positions; the published lengths do not say how far it reaches.
  static let positions = MetadataRule { (checkpoint, writer) throws(OunceError) in
    let rope = JSON.object(checkpoint.configuration.rope)
    guard let type = checkpoint.configuration.ropeType, type == "dynamic" || type == "xdrope" else { return }
    let alpha = rope["alpha"]?.double ?? 50
    let base = rope["rope_theta"]?.double ?? 10_000
    let width = Double(try checkpoint.configuration.headDimension())
    writer.set("{arch}.rope.freq_base", .float32(Float(base * pow(alpha, width / (width - 2)))))
    writer.set("{arch}.rope.scaling.type", .string("none"))
    writer.set("{arch}.rope.scaling.factor", .float32(1))
    guard type == "dynamic" else { return }
    writer.set("{arch}.rope.scaling.original_context_length", .uint32(256 << 10))
    writer.set("{arch}.context_length", .uint32(256 << 10))
  }
}

/// Byte-level BPE; the end of a text is what the configuration calls the end of a document.
struct HunyuanTokenizer: TokenizerRule {
  /// Whether the configuration's end of a document is the end of a text.
  var endsDocuments = false

  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    // Some files say that there is no padding by a number below 0.
    let hasNoPadding = checkpoint.configuration.integer("pad_token_id") ?? 0 < 0
    try BytePairTokenizer(
      preferred: ["hunyuan-dense"], kinds: hasNoPadding ? ["bos", "eos", "unk", "sep", "cls", "mask"] : nil
    ).write(checkpoint, to: &writer)
    let ends = (try? checkpoint.model.json("generation_config.json")?["eos_token_id"]?.array) ?? []
    if endsDocuments, let end = checkpoint.configuration.integer("eod_token_id").flatMap(UInt32.init(exactly:)) {
      writer.set("tokenizer.ggml.eos_token_id", .uint32(end))
    }
    // transformers 4 knows no such setting of this class and drops it; the file's own end stays.
    if ends.count >= 2, let turn = ends.first?.integer.flatMap(UInt32.init(exactly:)) {
      writer.set("tokenizer.ggml.eot_token_id", .uint32(turn))
    }
  }
}
