internal import OunceCore

/// Google's Gemma 4: heads of another width in layers that see everything, experts beside the dense part.
extension Architecture {
  static let gemma4 = Architecture(
    "gemma4", ["Gemma4ForConditionalGeneration", "Gemma4ForCausalLM", "Gemma4UnifiedForConditionalGeneration"],
    names: SourceNames(
      suffixes: [("layer_scalar", "layer_scalar.weight"), ("per_dim_scale", "per_dim_scale.weight")]),
    tensors: [
      TensorRule("lm_head.weight", "output.weight"),
      TensorRule("model.embed_tokens.weight", "token_embd.weight", Gemma.vocabularyRows),
      TensorRule("model.embed_tokens_per_layer.weight", "per_layer_token_embd.weight"),
      TensorRule("model.norm.weight", "output_norm.weight"),
      TensorRule("model.per_layer_model_projection.weight", "per_layer_model_proj.weight"),
      TensorRule("model.per_layer_projection_norm.weight", "per_layer_proj_norm.weight"),
    ] + Decoder.attention + Decoder.headNorms + Decoder.feedForward + Gemma3n.fourNorms + Gemma3n.layerInputs
      + Gemma4.experts + Decoder.layers(TensorRule("layer_scalar.weight", "layer_output_scale.weight")),
    computed: Gemma4.frequencies, metadata: Gemma.thirdMetadata + Gemma4.metadata, tokenizer: Gemma4Tokenizer())
}

enum Gemma4 {
  static let experts = Decoder.layers(
    TensorRule("pre_feedforward_layernorm_2.weight", "pre_ffw_norm_2.weight"),
    TensorRule("post_feedforward_layernorm_1.weight", "post_ffw_norm_1.weight"),
    TensorRule("post_feedforward_layernorm_2.weight", "post_ffw_norm_2.weight"),
    TensorRule("router.proj.weight", "ffn_gate_inp.weight"), TensorRule("router.scale", "ffn_gate_inp.scale"),
    TensorRule("router.per_expert_scale", "ffn_down_exps.scale"),
    TensorRule("experts.gate_up_proj", "ffn_gate_up_exps.weight"),
    TensorRule("experts.down_proj", "ffn_down_exps.weight"),
    TensorRule("experts.gate_up_proj.weight", "ffn_gate_up_exps.weight"),
    TensorRule("experts.down_proj.weight", "ffn_down_exps.weight"))

  static let metadata: [MetadataRule] = [
    .integer("{arch}.attention.shared_kv_layers", "num_kv_shared_layers"),
    .count("{arch}.embedding_length_per_layer_input") { (checkpoint) throws(OunceError) in
      checkpoint.configuration.integer("hidden_size_per_layer_input") ?? 0
    }, Gemma3n.windows,
    .count("{arch}.attention.key_length") { (checkpoint) throws(OunceError) in try fullHeadWidth(checkpoint) },
    .count("{arch}.attention.value_length") { (checkpoint) throws(OunceError) in try fullHeadWidth(checkpoint) },
    .integer("{arch}.attention.key_length_swa", "head_dim"), .integer("{arch}.attention.value_length_swa", "head_dim"),
    .integer("{arch}.expert_feed_forward_length", "expert_intermediate_size", "moe_intermediate_size"),
    .value("{arch}.feed_forward_length") { (checkpoint) throws(OunceError) in
      // Layers that borrow keys and values may have a feed-forward part twice as wide.
      guard checkpoint.configuration.isTrue("use_double_wide_mlp") else { return nil }
      let width = Int32(try checkpoint.configuration.require("intermediate_size"))
      let count = try checkpoint.blockCount
      let first = count - (checkpoint.configuration.integer("num_kv_shared_layers") ?? 0)
      return .array(.int32((0..<count).map { $0 < first ? width : width * 2 }))
    },
    .value("{arch}.attention.head_count_kv") { (checkpoint) throws(OunceError) in
      guard let full = fullLayers(checkpoint, "num_global_key_value_heads", "num_key_value_heads"),
        let heads = checkpoint.configuration.integer("num_key_value_heads")
      else { return nil }
      let types = checkpoint.configuration.array("layer_types") ?? []
      return .array(
        .int32(types.map { Int32(clamping: $0.string == "sliding_attention" ? heads : full) }))
    },
    .count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in try fullHeadWidth(checkpoint) },
    .count("{arch}.rope.dimension_count_swa") { (checkpoint) throws(OunceError) in
      let factor = checkpoint.configuration.rope["partial_rotary_factor"]?.double ?? 1
      return try Configuration.whole(Double(try checkpoint.configuration.require("head_dim")) * factor)
    }, suppressedTokens,
  ]

  /// Tokens that are never to be generated; the unified models list them.
  private static let suppressedTokens = MetadataRule.value("tokenizer.ggml.suppress_tokens") {
    (checkpoint) throws(OunceError) in
    guard checkpoint.className == "Gemma4UnifiedForConditionalGeneration",
      let tokens = try checkpoint.model.json("generation_config.json")?["suppress_tokens"]?.array
    else { return nil }
    return .array(.int32(tokens.compactMap(\.integer).map { Int32(clamping: $0) }))
  }

  private static func fullHeadWidth(_ checkpoint: Checkpoint) throws(OunceError) -> Int {
    if let width = fullLayers(checkpoint, "global_head_dim", "head_dim"), (0...Limits.modelSize).contains(width) {
      return width
    }
    throw OunceError(
      .malformed, "does not say how wide the heads of layers are that see everything", file: "config.json",
      subject: "global_head_dim", remedy: "take config.json from the model's page")
  }

  /// A setting of the layers that see everything: under a name of its own, or among the settings of single layers.
  private static func fullLayers(_ checkpoint: Checkpoint, _ name: String, _ nameInLayer: String) -> Int? {
    if let value = checkpoint.configuration.integer(name) { return value }
    let types = checkpoint.configuration.array("layer_types") ?? []
    for (key, settings) in checkpoint.configuration["per_layer_config"]?.object ?? [:] {
      guard let layer = Int(key), types.indices.contains(layer), types[layer].string == "full_attention",
        let value = settings[nameInLayer]?.integer
      else { continue }
      return value
    }
    return nil
  }

  /// Divisors of the layers that see everything: the part of a head that does not rotate is divided by a huge number.
  @Sendable static func frequencies(_ checkpoint: Checkpoint) throws(OunceError) -> [Tensor] {
    let rope = checkpoint.configuration.fullRope
    guard rope["rope_type"]?.string == "proportional", let factor = rope["partial_rotary_factor"]?.double else {
      throw OunceError(
        .malformed, "expected proportional positions under \"full_attention\"", file: "config.json",
        subject: "rope_parameters")
    }
    let width = try fullHeadWidth(checkpoint)
    let rotated = try Configuration.whole(Double(width) * factor / 2)
    guard (0...width / 2).contains(rotated) else {
      throw OunceError(.malformed, "\(rotated) of \(width / 2) pairs cannot rotate", file: "config.json")
    }
    return [
      try RopeFrequencies.tensor("rope_freqs.weight", (0..<width / 2).map { $0 < rotated ? 1 : 1e30 })
    ]
  }
}

/// BPE over characters with bytes for unknown ones, merges included. Tokens that frame thoughts and calls stay visible.
struct Gemma4Tokenizer: TokenizerRule {
  private static let visible: Set<String> = [
    "<|channel>", "<channel|>", "<|tool_call>", "<tool_call|>", "<|tool_response>", "<tool_response|>", "<|\"|>",
  ]

  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    let tokenizer = try HuggingFaceTokenizer(checkpoint)
    let vocabulary = try ByteFallbackTokenizer.vocabulary(tokenizer, userDefined: Self.visible)
    vocabulary.write(model: "gemma4", pretokenizer: nil, to: &writer)
    try SpecialTokens(checkpoint, tokenizer: tokenizer.json, merges: .wanted).write(to: &writer)
    writer.set("tokenizer.ggml.add_space_prefix", .bool(false))
    writer.set("tokenizer.ggml.add_bos_token", .bool(true))
  }
}

/// Gemma 4's assistants: small models that predict further tokens from another one's states.
extension Architecture {
  static let gemma4Assistant = Architecture(
    "gemma4-assistant", ["Gemma4AssistantForCausalLM", "Gemma4UnifiedAssistantForCausalLM"],
    names: SourceNames(
      suffixes: Architecture.gemma4.names.suffixes, ignoredPrefixes: ["lm_head.weight", "masked_embedding"]),
    tensors: Architecture.gemma4.tensors + [
      TensorRule("pre_projection.weight", "nextn.pre_projection.weight"),
      TensorRule("post_projection.weight", "nextn.post_projection.weight"),
    ], computed: Gemma4.frequencies,
    metadata: Architecture.gemma4.metadata + [
      .integer("{arch}.embedding_length_out", "backbone_hidden_size"),
      .count("{arch}.nextn_predict_layers") { (checkpoint) throws(OunceError) in try checkpoint.blockCount },
    ], tokenizer: Gemma4Tokenizer())
}
