internal import OunceCore

/// Gemma 3n and 4.
extension HuggingFaceForm {
  static let laterGemmas: [HuggingFaceForm] = [
    .init(
      .gemma3n, "gemma3n_text", rename: withoutSuffix(["_scale"]),
      settings: { (source, settings) throws(OunceError) in
        settings["rope_local_base_freq"] = source["{arch}.rope.freq_base_swa"]?.json
        settings["sliding_window"] = source["{arch}.attention.sliding_window"]?.json
        settings["vocab_size_per_layer_input"] = settings["vocab_size"]
        settings["laurel_rank"] = source.tensor("blk.0.laurel_l.weight")?.info.shape.first.map { .integer($0) }
        try ExportSettings.layerTypes(source, &settings)
        guard case .array(.float32(let scales))? = source["{arch}.activation_sparsity_scale"] else { return }
        settings["activation_sparsity_pattern"] = .array(
          try scales.map { (scale) throws(OunceError) in
            guard let share = Gemma3n.share(of: Double(scale)) else {
              throw OunceError(
                .unsupported, "no share of activations gives \(scale)", file: source.model.path,
                subject: "key gemma3n.activation_sparsity_scale")
            }
            return .double(share)
          })
      }),
    .init(
      .gemma4, "gemma4_text", "Gemma4ForCausalLM",
      names: [
        "num_local_experts": "num_experts", "num_experts_per_tok": "top_k_experts",
        "expert_intermediate_size": "moe_intermediate_size",
      ], without: ["experts.gate_up_proj.weight", "experts.down_proj.weight"], hasOwnRope: true,
      rename: withoutSuffix(["layer_scalar"]), settings: gemma4),
  ]

  /// Parameters of modules that are no matrices, which `SourceNames` called weights.
  private static func withoutSuffix(_ endings: [String]) -> @Sendable (String, ExportSource) -> String {
    { name, _ in
      endings.contains { name.hasSuffix($0 + ".weight") } ? String(name.dropLast(7)) : name
    }
  }

  /// Layers with a window and those that see everything have heads, and rotary positions, of their own.
  @Sendable private static func gemma4(_ source: ExportSource, _ settings: inout JSONObject) throws(OunceError) {
    try ExportSettings.layerTypes(source, &settings)
    let isSliding = (settings["layer_types"]?.array ?? []).map { $0.string == "sliding_attention" }
    let full = isSliding.indices.filter { !isSliding[$0] }
    settings["head_dim"] = source["{arch}.attention.key_length_swa"]?.json
    settings["global_head_dim"] = source["{arch}.attention.key_length"]?.json
    settings["sliding_window"] = source["{arch}.attention.sliding_window"]?.json
    settings["hidden_size_per_layer_input"] = source["{arch}.embedding_length_per_layer_input"]?.json
    settings["vocab_size_per_layer_input"] =
      source.tensor("per_layer_token_embd.weight")?.info.shape.first.map { .integer($0) } ?? settings["vocab_size"]
    if settings["final_logit_softcapping"] == nil { settings["final_logit_softcapping"] = .null }
    settings["attention_k_eq_v"] = .bool(
      full.contains { source.has("blk.\($0).attn_k.weight") && !hasValues(source, $0) })
    settings["enable_moe_block"] = .bool(source.has("blk.0.ffn_gate_inp.weight"))
    if case .array(.int32(let heads))? = source["{arch}.attention.head_count_kv"], heads.count == isSliding.count {
      settings["num_key_value_heads"] = zip(heads, isSliding).first { $0.1 }.map { .integer(Int($0.0)) }
      settings["num_global_key_value_heads"] = full.first.map { .integer(Int(heads[$0])) }
    }
    settings["use_double_wide_mlp"] = .bool(false)
    if case .array(.int32(let widths))? = source["{arch}.feed_forward_length"] {
      settings["intermediate_size"] = widths.first.map { .integer(Int($0)) }
      settings["use_double_wide_mlp"] = .bool(true)
    }
    let factors = try source.floats("rope_freqs.weight") ?? []
    guard !factors.isEmpty, factors.allSatisfy({ $0 == 1 || $0 == 1e30 }) else {
      throw OunceError(
        .unsupported, "expected a divisor of 1 or 1e30 for each of the pairs of a head", file: source.model.path,
        subject: "tensor rope_freqs.weight")
    }
    let share = Double(factors.count { $0 == 1 }) / Double(factors.count)
    settings["rope_parameters"] = .object([
      "full_attention": .object([
        "rope_type": .string("proportional"), "partial_rotary_factor": .double(share),
        "rope_theta": source["{arch}.rope.freq_base"]?.json ?? .double(1e6),
      ]),
      "sliding_attention": .object([
        "rope_type": .string("default"), "rope_theta": source["{arch}.rope.freq_base_swa"]?.json ?? .double(10_000),
      ]),
    ])
  }

  private static func hasValues(_ source: ExportSource, _ layer: Int) -> Bool {
    source.has("blk.\(layer).attn_v.weight")
  }
}

extension TokenizerParts {
  /// Gemma 4's BPE over characters, with merges, and with bytes for unknown ones.
  static func gemma4(
    _ source: ExportSource, _ vocabulary: ExportVocabulary
  ) throws(OunceError) -> TokenizerParts {
    guard case .array(.strings(let merges))? = source["tokenizer.ggml.merges"] else {
      throw OunceError(.malformed, "has no merges", file: source.model.path, subject: "key tokenizer.ggml.merges")
    }
    let mark = JSON.string("\u{2581}")
    let space = JSON.object(["String": .string(" ")])
    let unknown = source.integer("tokenizer.ggml.unknown_token_id").flatMap { id in
      vocabulary.texts.indices.contains(id) ? JSON.string(vocabulary.texts[id]) : nil
    }
    return TokenizerParts(
      normalizer: .object(["type": .string("Replace"), "pattern": space, "content": mark]),
      preTokenizer: .object([
        "type": .string("Split"), "pattern": space, "behavior": .string("MergedWithPrevious"), "invert": .bool(false),
      ]),
      decoder: sequence(
        "Sequence", "decoders",
        [
          .object(["type": .string("Replace"), "pattern": .object(["String": mark]), "content": .string(" ")]),
          .object(["type": .string("ByteFallback")]), .object(["type": .string("Fuse")]),
        ]),
      model: .object([
        "type": .string("BPE"), "dropout": .null, "unk_token": unknown ?? .null, "continuing_subword_prefix": .null,
        "end_of_word_suffix": .null, "fuse_unk": .bool(true), "byte_fallback": .bool(true),
        "ignore_merges": .bool(false), "vocab": vocabulary.model { vocabulary.texts[$0] },
        "merges": .array(merges.map { pair($0) }),
      ]), addsBegin: true)
  }

  /// A merge as two texts: a part may hold spaces itself, so that one text would not tell where it ends.
  private static func pair(_ merge: String) -> JSON {
    let parts = merge.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    return parts.count == 2 ? .array(parts.map { .string(String($0)) }) : .string(merge)
  }
}
