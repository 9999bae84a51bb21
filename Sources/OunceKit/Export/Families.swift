internal import OunceCore

/// The families with a way back. Where several entries share an architecture, the first that recognizes a model wins.
extension HuggingFaceForm {
  static let all: [HuggingFaceForm] =
    recent + decoders + neox + furtherDecoders + laterGemmas + experts + stateSpaces + hybrids + encoders
    + encoderDecoders
    + modelsWithCode

  private static let decoders: [HuggingFaceForm] = [
    .init(
      .mistral3, "ministral3", "Ministral3ForCausalLM", hasOwnRope: true,
      recognizes: { $0["{arch}.attention.temperature_scale"] != nil }, settings: ExportSettings.ministral),
    .init(
      .llama, "mixtral", "MixtralForCausalLM", recognizes: { $0.integer("{arch}.expert_count") ?? 0 > 0 }),
    // Without pictures, the language models of the multimodal lines compute what these do.
    .init(.llama, "llama", also: ["mistral3"], settings: ExportSettings.biases),
    .init(.arcee, "arcee", settings: ExportSettings.biases),
    .init(.smollm3, "smollm3", settings: ExportSettings.biases),
    .init(.qwen2, "qwen2", also: ["qwen2vl"]),
    .init(.qwen3, "qwen3", without: ["rerank."], also: ["qwen3vl"], settings: ExportSettings.biases),
    .init(.qwen2Moe, "qwen2_moe", names: ["num_local_experts": "num_experts"], settings: ExportSettings.denseLayers),
    .init(
      .qwen3Moe, "qwen3_moe", names: ["num_local_experts": "num_experts"], also: ["qwen3vlmoe"],
      settings: { (source, settings) throws(OunceError) in
        try ExportSettings.denseLayers(source, &settings)
        // llama.cpp always divides by the sum of the chosen experts' weights.
        settings["norm_topk_prob"] = .bool(true)
      }),
    .init(.gemma, "gemma"),
    .init(.gemma2, "gemma2", settings: ExportSettings.gemmaScale),
    .init(
      .gemma3, "gemma3_text",
      settings: { (source, settings) throws(OunceError) in
        try ExportSettings.gemmaScale(source, &settings)
        settings["rope_local_base_freq"] = source["{arch}.rope.freq_base_swa"]?.json
        settings["sliding_window"] = source["{arch}.attention.sliding_window"]?.json
      }),
    .init(.granite, "granite", settings: ExportSettings.biases),
    .init(
      .graniteMoe, "granitemoeshared", "GraniteMoeSharedForCausalLM",
      recognizes: { $0.integer("{arch}.expert_shared_feed_forward_length") ?? 0 > 0 }, settings: ExportSettings.biases),
    .init(.graniteMoe, "granitemoe", settings: ExportSettings.biases),
    .init(.olmo, "olmo"),
    .init(
      .olmo2, "olmo3", "Olmo3ForCausalLM", recognizes: { $0["{arch}.attention.sliding_window"] != nil },
      settings: ExportSettings.layerTypes),
    .init(.olmo2, "olmo2"),
    .init(.olmoe, "olmoe", names: ["num_local_experts": "num_experts"]),
    .init(.seedOss, "seed_oss", settings: ExportSettings.biases),
    .init(
      .phi3, "phi3",
      settings: { (source, settings) throws(OunceError) in
        try ExportSettings.rotaryShare("partial_rotary_factor")(source, &settings)
        let window = source.integer("{arch}.attention.sliding_window") ?? 0
        settings["sliding_window"] = window > 0 ? .integer(window) : .null
      }),
    .init(
      .phi2, "phi", without: [".o_proj."],
      settings: { (source, settings) throws(OunceError) in
        try ExportSettings.rotaryShare("partial_rotary_factor")(source, &settings)
        settings["intermediate_size"] = source.tensor("blk.0.ffn_up.weight")?.info.shape.first.map { .integer($0) }
      }),
  ]

  private static let neox: [HuggingFaceForm] = [
    .init(
      .stableLm, "stablelm",
      settings: { (source, settings) throws(OunceError) in
        try ExportSettings.rotaryShare("partial_rotary_factor")(source, &settings)
        settings["use_qkv_bias"] = .bool(source.has("blk.0.attn_q.bias"))
        settings["qk_layernorm"] = .bool(source.has("blk.0.attn_q_norm.weight"))
      }),
    .init(.gptNeoX, "gpt_neox", settings: ExportSettings.rotaryShare("rotary_pct")),
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
      .roberta, "roberta", recognizes: { $0.vocabularyKind == "gpt2" }, settings: ExportSettings.shiftedPositions),
    .init(
      .xlmRoberta, "xlm-roberta", recognizes: { $0.vocabularyKind == "t5" },
      settings: ExportSettings.shiftedPositions),
    .init(
      .modernBert, "modernbert", names: ["layer_norm_eps": "norm_eps"],
      settings: { (source, settings) throws(OunceError) in
        settings["global_rope_theta"] = source["{arch}.rope.freq_base"]?.json
        settings["local_rope_theta"] = source["{arch}.rope.freq_base_swa"]?.json
        settings["hidden_activation"] = source["{arch}.hidden_activation"]?.json
      }),
    .init(
      .distilBert, "distilbert",
      names: [
        "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads", "hidden_size": "dim",
        "prefix_dense_intermediate_size": "hidden_dim",
      ], without: ["encoder.layer."], recognizes: { $0.vocabularyKind == "bert" }),
  ]
}
