internal import OunceCore

/// What DFlash and DSpark share.
extension Drafter {
  /// Exports leave the outer module out.
  static let names = SourceNames(added: "model.", suffixes: [("sink", "sink.weight"), ("sinks", "sinks.weight")])

  static let flashTensors =
    Decoder.norms + Decoder.feedForward
    + [
      TensorRule("model.embed_tokens.weight", "token_embd.weight"),
      TensorRule("model.norm.weight", "output_norm.weight"), TensorRule("model.lm_head.weight", "output.weight"),
      TensorRule("model.fc.weight", "fc.weight"), TensorRule("model.hidden_norm.weight", "enc.output_norm.weight"),
      TensorRule("model.candidate_selector.predecessor_codebook", "selector_predecessor.weight"),
      TensorRule("model.candidate_selector.successor_codebook", "selector_successor.weight"),
      TensorRule("model.candidate_selector.hidden_projection.*", "selector_hidden.*"),
    ]
    + Decoder.layers(
      TensorRule("self_attn.q_proj.*", "attn_q.*", halves), TensorRule("self_attn.k_proj.*", "attn_k.*", halves),
      TensorRule("self_attn.q_norm.weight", "attn_q_norm.weight", halves),
      TensorRule("self_attn.k_norm.weight", "attn_k_norm.weight", halves),
      TensorRule("self_attn.v_proj.*", "attn_v.*"), TensorRule("self_attn.o_proj.*", "attn_output.*"),
      TensorRule("self_attn.sinks.weight", "attn_sinks.weight"),
      TensorRule("attention_conv.base_kernel", "attn_conv_base"),
      TensorRule("attention_conv.kernel_projection.*", "attn_conv_proj.*"),
      TensorRule("mlp_conv.base_kernel", "ffn_conv_base"), TensorRule("mlp_conv.kernel_projection.*", "ffn_conv_proj.*")
    )

  /// Heads whose halves are interleaved have them apart in GGUF.
  private static let halves = Custom { (tensor, checkpoint, _) throws(OunceError) in
    guard checkpoint.configuration["rope_is_neox_style"]?.bool == false else { return tensor }
    let width = try checkpoint.configuration.headDimension()
    let rows = tensor.info.shape.first ?? 0
    guard width > 0, width % 2 == 0, rows % width == 0 else {
      throw OunceError(
        .malformed, "\(rows) rows do not fit heads of \(width) rows", subject: "tensor \(tensor.info.name)",
        remedy: "config.json and the weights do not belong together")
    }
    return try tensor.gathering(rows) { row in
      let place = row % width
      return row - place + place % (width / 2) * 2 + place / (width / 2)
    }
  }

  /// DSpark's heads: one that knows the token before, one that says how sure the drafter is.
  static let sparkTensors = [
    TensorRule("model.markov_head.markov_w1.weight", "markov_w1.weight"),
    TensorRule("model.markov_head.markov_w2.weight", "markov_w2.weight"),
    TensorRule("model.confidence_head.proj.*", "conf_proj.*"),
  ]

  /// Embeddings may be there without being the drafter's own, or are written with the row of the mask.
  @Sendable static func renameFlash(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    guard name == "model.embed_tokens.weight" else { return name }
    return checkpoint.configuration["has_embed_tokens"]?.bool == false || MaskEmbedding.isIn(checkpoint) ? nil : name
  }

  /// A setting of the member `dflash_config`, or beside it.
  static func setting(_ checkpoint: Checkpoint, _ name: String) -> JSON? {
    let value = checkpoint.configuration["dflash_config"]?[name] ?? checkpoint.configuration[name]
    return value == .null ? nil : value
  }

  private static func number(_ key: String, _ name: String) -> MetadataRule {
    .value(key) { (checkpoint) throws(OunceError) in
      setting(checkpoint, name)?.double.map { .float32(Float($0)) }
    }
  }

  private static func size(_ key: String, _ name: String) -> MetadataRule {
    .count(key) { (checkpoint) throws(OunceError) in
      checkpoint.configuration["dflash_config"]?["conv_kernel_size"] == nil
        ? nil : checkpoint.configuration["dflash_config"]?[name]?.integer
    }
  }

  /// What goes into a layer is what the one before gives.
  private static let targetLayers = MetadataRule.value("{arch}.target_layers") { (checkpoint) throws(OunceError) in
    guard let layers = setting(checkpoint, "target_layer_ids")?.array, !layers.isEmpty else { return nil }
    return .array(.int32(layers.map { Int32(clamping: min($0.integer ?? 0, Limits.blocks) + 1) }))
  }

  static let flashMetadata: [MetadataRule] = [
    .count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in
      guard let factor = checkpoint.configuration.rope["partial_rotary_factor"]?.double else { return nil }
      return try Configuration.whole(Double(try checkpoint.configuration.headDimension()) * factor)
    },
    .value("{arch}.attention.value_scale") { (checkpoint) throws(OunceError) in
      checkpoint.configuration["dflash_config"]?["attention_value_scale"]?.double.map { .float32(Float($0)) }
    },
    .count("{arch}.block_size") { (checkpoint) throws(OunceError) in setting(checkpoint, "block_size")?.integer ?? 16 },
    size("{arch}.conv_kernel_size", "conv_kernel_size"), size("{arch}.conv_group_size", "conv_group_size"),
    size("{arch}.selector_rank", "selector_rank"), size("{arch}.selector_top_k", "selector_top_k"),
    number("{arch}.logit_scale", "output_multiplier"),
    .value("{arch}.final_logit_softcapping") { (checkpoint) throws(OunceError) in
      guard let cap = setting(checkpoint, "final_logit_softcapping")?.double, cap > 0 else { return nil }
      return .float32(Float(cap))
    }, number("{arch}.embedding_scale", "input_embedding_scale"),
    targetLayers,
    MetadataRule { (checkpoint, writer) throws(OunceError) in
      let everywhere = checkpoint.configuration["dflash_config"]?["use_swa"]?.bool ?? false
      guard everywhere || checkpoint.configuration.isTrue("use_sliding_window") else { return }
      let wide = checkpoint.configuration["dflash_config"]?["swa_window_size"]
      guard let window = (wide == .null ? nil : wide) ?? checkpoint.configuration["sliding_window"], window.integer != 0
      else { return }
      try writer.set("{arch}.attention.sliding_window", count: window, of: "sliding_window")
      let types = checkpoint.configuration.array("layer_types") ?? []
      let pattern =
        everywhere
        ? Array(repeating: true, count: try checkpoint.blockCount) : types.map { $0.string == "sliding_attention" }
      writer.set("{arch}.attention.sliding_window_pattern", .array(.bool(pattern)))
    },
    .value("{arch}.attention.causal") { (checkpoint) throws(OunceError) in
      let value = checkpoint.configuration["is_causal"] ?? checkpoint.configuration["dflash_config"]?["causal"]
      return value?.bool.map { .bool($0) }
    },
    .value("{arch}.rope.dimension_sections") { (checkpoint) throws(OunceError) in
      // A drafter of a multimodal model sees the first of its dimensions only.
      var target = try target(checkpoint)
      target.gatherRope()
      guard target.rope["mrope_section"] != nil else { return nil }
      return .array(.int32([Int32(clamping: try checkpoint.configuration.headDimension() / 2), 0, 0, 0]))
    },
  ]

  @Sendable static func deriveAssistant(_ checkpoint: inout Checkpoint) throws(OunceError) {
    let layers = try checkpoint.blockCount
    checkpoint.configuration.fill([
      "layer_types": .array(Array(repeating: .string("sliding_attention"), count: layers)),
      "target_layer_ids": .array([1, 13, 25, 37, 49].map { .integer($0) }),
    ])
  }

  static let assistantMetadata: [MetadataRule] = [
    .integer("{arch}.block_size", "block_size"), targetLayers,
    .positive("{arch}.attention.sliding_window", "sliding_window"),
    .value("{arch}.attention.sliding_window_pattern") { (checkpoint) throws(OunceError) in
      guard checkpoint.configuration.integer("sliding_window") ?? 0 != 0,
        let types = checkpoint.configuration.array("layer_types"), !types.isEmpty
      else { return nil }
      return .array(.bool(types.map { $0.string == "sliding_attention" }))
    },
  ]

  @Sendable static func deriveSpark(_ checkpoint: inout Checkpoint) throws(OunceError) {
    let isEagle =
      checkpoint.configuration.contains("transformer_layer_config")
      || checkpoint.configuration.contains("aux_hidden_state_layer_ids")
    if !checkpoint.configuration.contains("sample_from_anchor") {
      checkpoint.configuration["sample_from_anchor"] = .bool(!isEagle)
    }
    checkpoint.configuration.lift("transformer_layer_config")
    guard (checkpoint.configuration.string("markov_head_type") ?? "vanilla") == "vanilla" else {
      throw OunceError(
        .unsupported, "only heads of the type \"vanilla\" can be converted", file: "config.json",
        subject: "markov_head_type")
    }
    guard !checkpoint.configuration.contains("dflash_config") else { return }
    var own = JSONObject()
    own["mask_token_id"] = checkpoint.configuration["mask_token_id"]
    own["target_layer_ids"] = checkpoint.configuration["target_layer_ids"]
    if let layers = checkpoint.configuration.array("aux_hidden_state_layer_ids") {
      own["target_layer_ids"] = .array(layers.map { .integer(max(0, min($0.integer ?? 0, Limits.blocks)) - 1) })
    }
    checkpoint.configuration["dflash_config"] = .object(own)
  }

  /// A head that is the target's own is left out.
  @Sendable static func renameSpark(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    isWholeVocabulary(checkpoint) && name.hasSuffix("lm_head.weight") ? nil : try renameFlash(name, checkpoint)
  }

  /// Whether every token of the target may be proposed.
  static func isWholeVocabulary(_ checkpoint: Checkpoint) -> Bool {
    let own = checkpoint.configuration.integer("draft_vocab_size")
    return own == nil || own == 0 || own == checkpoint.configuration.integer("vocab_size")
  }

  static let sparkMetadata: [MetadataRule] = [
    .bool("{arch}.sample_from_anchor", "sample_from_anchor"),
    .value("{arch}.has_confidence_head") { (checkpoint) throws(OunceError) in
      .bool(checkpoint.model.tensors.contains { $0.info.name.contains("confidence_head.proj") })
    },
  ]
}
