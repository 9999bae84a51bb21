internal import OunceCore

/// Families of the last years whose tables need little beside them.
extension HuggingFaceForm {
  static let recent: [HuggingFaceForm] = [
    // Of texts, the language model of GLM 4.1V computes what GLM 4 does.
    .init(
      .glm4Vision, "glm4", "Glm4ForCausalLM", without: [".gate_proj.", ".up_proj."],
      recognizes: { $0["{arch}.rope.dimension_sections"] != nil },
      settings: { (source, settings) throws(OunceError) in
        try ExportSettings.biases(source, &settings)
        try ExportSettings.rotaryShare("partial_rotary_factor")(source, &settings)
        guard case .array(.int32(let sections))? = source["{arch}.rope.dimension_sections"] else { return }
        settings["rope_scaling"] = .object([
          "rope_type": .string("default"), "mrope_section": .array(sections.prefix(3).map { .integer(Int($0)) }),
        ])
      }),
    .init(
      .glm4MoeLite, "glm4_moe_lite", names: ["num_local_experts": "n_routed_experts"],
      recognizes: { $0.string("tokenizer.ggml.pre") == "glm4" }, keepsFloats: [".e_score_correction_bias"],
      settings: { (source, settings) throws(OunceError) in try latentExperts(source, &settings) }),
    .init(
      .glmDsa, "glm_moe_dsa", names: ["num_local_experts": "n_routed_experts"],
      keepsFloats: [".e_score_correction_bias"],
      settings: { (source, settings) throws(OunceError) in
        try latentExperts(source, &settings)
        guard case .array(.bool(let isFull))? = source["{arch}.attention.indexer.types"] else { return }
        settings["indexer_types"] = .array(isFull.map { .string($0 ? "full" : "shared") })
      }),
    .init(
      .cohere2, "cohere2",
      settings: { (source, settings) throws(OunceError) in
        try ExportSettings.rotaryShare("rotary_pct")(source, &settings)
        settings["sliding_window_pattern"] = .integer(4)
      }),
    .init(
      .cohere2Moe, "cohere2_moe",
      names: [
        "num_local_experts": "num_experts", "prefix_dense_intermediate_size": "prefix_dense_intermediate_size",
      ],
      settings: { (source, settings) throws(OunceError) in
        try ExportSettings.layerTypes(source, &settings)
        settings["first_k_dense_replace"] = source["{arch}.leading_dense_block_count"]?.json
        settings["norm_topk_prob"] = source["{arch}.expert_weights_norm"]?.json
        settings["expert_selection_fn"] = try ExportSettings.gatingFunction(source)
        try ExportSettings.furtherLayers(source, &settings)
      }),
    .init(
      .mellum, "mellum", names: ["num_local_experts": "num_experts"],
      settings: { (source, settings) throws(OunceError) in
        try ExportSettings.layerTypes(source, &settings)
        settings["sliding_window"] = source["{arch}.attention.sliding_window"]?.json
        settings["use_sliding_window"] = .bool(source["{arch}.attention.sliding_window"] != nil)
        try ExportSettings.ropeByLayer(source, &settings)
      }),
    .init(
      .euroBert, "eurobert", rename: withoutModel,
      settings: { (_, settings) throws(OunceError) in settings["is_causal"] = .bool(false) }),
    .init(
      .lfm2Embedding, "lfm2", "Lfm2BidirectionalModel", names: ["rms_norm_eps": "norm_eps"], without: [".o_proj."],
      needsCode: true, recognizes: { $0.bool("{arch}.attention.causal") == false }, rename: withoutModel,
      settings: convolutions),
  ]

  /// Classes without a head lack the outer module.
  @Sendable private static func withoutModel(_ name: String, _ source: ExportSource) -> String {
    name.hasPrefix("model.") ? String(name.dropFirst(6)) : name
  }

  /// DeepSeek's shape under GLM's name, with layers that predict further tokens.
  private static func latentExperts(_ source: ExportSource, _ settings: inout JSONObject) throws(OunceError) {
    try latentAttention(source, &settings)
    settings["scoring_func"] = try ExportSettings.gatingFunction(source)
    settings["topk_method"] = .string("noaux_tc")
    try ExportSettings.furtherLayers(source, &settings)
  }
}
