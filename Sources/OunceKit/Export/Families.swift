internal import OunceCore

/// The families with a way back. Where several entries share an architecture, the first that recognizes a model wins.
extension HuggingFaceForm {
  static let all: [HuggingFaceForm] = decoders + neox + encoders

  private static let decoders: [HuggingFaceForm] = [
    .init(
      .llama, "mixtral", "MixtralForCausalLM", recognizes: { $0.integer("{arch}.expert_count") ?? 0 > 0 }),
    .init(.llama, "llama", settings: Settings.biases),
    .init(.arcee, "arcee", settings: Settings.biases),
    .init(.smollm3, "smollm3", settings: Settings.biases),
    .init(.qwen2, "qwen2"),
    .init(.qwen3, "qwen3", settings: Settings.biases),
    .init(.qwen2Moe, "qwen2_moe", names: ["num_local_experts": "num_experts"], settings: Settings.denseLayers),
    .init(
      .qwen3Moe, "qwen3_moe", names: ["num_local_experts": "num_experts"],
      settings: { (source, settings) throws(OunceError) in
        try Settings.denseLayers(source, &settings)
        // llama.cpp always divides by the sum of the chosen experts' weights.
        settings["norm_topk_prob"] = .bool(true)
      }),
    .init(.gemma, "gemma"),
    .init(.gemma2, "gemma2", settings: Settings.gemmaScale),
    .init(
      .gemma3, "gemma3_text",
      settings: { (source, settings) throws(OunceError) in
        try Settings.gemmaScale(source, &settings)
        settings["rope_local_base_freq"] = source["{arch}.rope.freq_base_swa"]?.json
        settings["sliding_window"] = source["{arch}.attention.sliding_window"]?.json
      }),
    .init(.granite, "granite", settings: Settings.biases),
    .init(
      .graniteMoe, "granitemoeshared", "GraniteMoeSharedForCausalLM",
      recognizes: { $0.integer("{arch}.expert_shared_feed_forward_length") ?? 0 > 0 }, settings: Settings.biases),
    .init(.graniteMoe, "granitemoe", settings: Settings.biases),
    .init(.olmo, "olmo"),
    .init(
      .olmo2, "olmo3", "Olmo3ForCausalLM", recognizes: { $0["{arch}.attention.sliding_window"] != nil },
      settings: Settings.layerTypes),
    .init(.olmo2, "olmo2"),
    .init(.olmoe, "olmoe", names: ["num_local_experts": "num_experts"]),
    .init(.seedOss, "seed_oss", settings: Settings.biases),
    .init(
      .phi3, "phi3",
      settings: { (source, settings) throws(OunceError) in
        try Settings.rotaryShare("partial_rotary_factor")(source, &settings)
        let window = source.integer("{arch}.attention.sliding_window") ?? 0
        settings["sliding_window"] = window > 0 ? .integer(window) : .null
      }),
    .init(
      .phi2, "phi", without: [".o_proj."],
      settings: { (source, settings) throws(OunceError) in
        try Settings.rotaryShare("partial_rotary_factor")(source, &settings)
        settings["intermediate_size"] = source.tensor("blk.0.ffn_up.weight")?.info.shape.first.map { .integer($0) }
      }),
  ]

  private static let neox: [HuggingFaceForm] = [
    .init(
      .stableLm, "stablelm",
      settings: { (source, settings) throws(OunceError) in
        try Settings.rotaryShare("partial_rotary_factor")(source, &settings)
        settings["use_qkv_bias"] = .bool(source.has("blk.0.attn_q.bias"))
        settings["qk_layernorm"] = .bool(source.has("blk.0.attn_q_norm.weight"))
      }),
    .init(.gptNeoX, "gpt_neox", settings: Settings.rotaryShare("rotary_pct")),
    .init(
      .starCoder2, "starcoder2", names: ["layer_norm_eps": "norm_epsilon"],
      settings: { (source, settings) throws(OunceError) in
        settings["use_bias"] = .bool(source.has("blk.0.attn_q.bias"))
      }),
  ]

  private static let encoders: [HuggingFaceForm] = [
    .init(
      .bert, "bert", recognizes: { $0.vocabularyKind == "bert" && $0.has("token_types.weight") },
      settings: { (source, settings) throws(OunceError) in
        settings["type_vocab_size"] = source.tensor("token_types.weight")?.info.shape.first.map { .integer($0) }
      }),
    .init(
      .distilBert, "distilbert",
      names: [
        "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads", "hidden_size": "dim",
        "prefix_dense_intermediate_size": "hidden_dim",
      ], without: ["encoder.layer."], recognizes: { $0.vocabularyKind == "bert" }),
  ]
}

/// Settings that several families find the same way.
private enum Settings {
  typealias Rule = @Sendable (ExportSource, inout JSONObject) throws(OunceError) -> Void

  /// Whether projections have biases.
  @Sendable static func biases(_ source: ExportSource, _ settings: inout JSONObject) throws(OunceError) {
    settings["attention_bias"] = .bool(source.has("blk.0.attn_q.bias"))
    settings["mlp_bias"] = .bool(source.has("blk.0.ffn_up.bias"))
  }

  /// The layers without experts.
  @Sendable static func denseLayers(_ source: ExportSource, _ settings: inout JSONObject) throws(OunceError) {
    let count = min(try source.require("{arch}.block_count"), Limits.blocks)
    let dense = (0..<count).filter { source.has("blk.\($0).ffn_gate.weight") }
    settings["mlp_only_layers"] = .array(dense.map { .integer($0) })
    settings["decoder_sparse_step"] = .integer(1)
  }

  /// Gemma divides scores by the root of a number that GGUF does not hold: the width of a head, but for the models of
  /// 27 billion weights.
  @Sendable static func gemmaScale(_ source: ExportSource, _ settings: inout JSONObject) throws(OunceError) {
    let layers = try source.require("{arch}.block_count")
    let heads = try source.require("{arch}.attention.head_count")
    let isLargest = [46: "gemma2", 62: "gemma3"][layers] == source.architectureName
    let width =
      isLargest && heads > 0
      ? try source.require("{arch}.embedding_length") / heads : try source.require("{arch}.attention.key_length")
    settings["query_pre_attn_scalar"] = .integer(width)
  }

  /// Which layers see a window only.
  @Sendable static func layerTypes(_ source: ExportSource, _ settings: inout JSONObject) throws(OunceError) {
    guard case .array(.bool(let pattern))? = source["{arch}.attention.sliding_window_pattern"] else { return }
    settings["layer_types"] = .array(pattern.map { .string($0 ? "sliding_attention" : "full_attention") })
  }

  /// The share of a head that is rotated.
  static func rotaryShare(_ name: String) -> Rule {
    { (source, settings) throws(OunceError) in
      let heads = try source.require("{arch}.attention.head_count")
      let size = try source.require("{arch}.embedding_length")
      guard heads > 0, size >= heads, let rotated = source.integer("{arch}.rope.dimension_count") else { return }
      settings[name] = .double(Double(rotated) / Double(size / heads))
    }
  }
}
