internal import OunceCore

/// DSpark drafters of Gemma 4 and DeepSeek V4, which have their target's layers rather than Qwen's.
extension Architecture {
  /// Gemma 4's: four norms and a scale in each layer, values that are the keys.
  static let gemma4Spark = Architecture(
    "dflash", ["Gemma4DSparkModel"], derive: Gemma4Spark.derive,
    names: SourceNames(
      added: "model.", replaced: [("confidence_proj.", "confidence_head.proj.")],
      suffixes: Drafter.names.suffixes + [(".layer_scalar", ".layer_scalar.weight")]),
    rename: { (name, checkpoint) throws(OunceError) in
      // Embeddings may be there without being the drafter's own.
      let isForeign = checkpoint.configuration["has_embed_tokens"]?.bool == false
      return isForeign && name == "model.embed_tokens.weight" ? nil : name
    },
    tensors: Drafter.flashTensors.filter { !$0.source.hasSuffix("post_attention_layernorm.*") }
      + Decoder.layers(
        TensorRule("post_attention_layernorm.weight", "post_attention_norm.weight"),
        TensorRule("pre_feedforward_layernorm.weight", "ffn_norm.weight"),
        TensorRule("post_feedforward_layernorm.weight", "post_ffw_norm.weight"),
        TensorRule("layer_scalar.weight", "layer_output_scale.weight")) + Drafter.sparkTensors,
    computed: Gemma4Spark.frequencies,
    metadata: MetadataRule.common + MetadataRule.pooling + Drafter.flashMetadata + Gemma4Spark.metadata,
    tokenizer: TargetTokenizer(maskKey: "mask_token_id"))

  /// DeepSeek V4's: layers of the target's kind, without compressed keys and without tables that route.
  static let deepSeek4Spark = Architecture(
    "dflash", ["DeepseekV4DSparkModel"], defaults: Architecture.deepSeek4.defaults, derive: DeepSeek4Spark.derive,
    names: Architecture.deepSeek4.names, rename: DeepSeek4Spark.rename,
    tensors: Architecture.deepSeek4.tensors + [
      TensorRule("main_proj.weight", "fc.weight"), TensorRule("main_norm.weight", "enc.output_norm.weight"),
      TensorRule("markov_head.markov_w1.weight", "markov_w1.weight"),
      TensorRule("markov_head.markov_w2.weight", "markov_w2.weight"),
      TensorRule("confidence_head.proj.weight", "conf_proj.weight"),
    ],
    computed: { (checkpoint) throws(OunceError) in
      try DeepSeek4.packed.tensors(checkpoint) { (name) throws(OunceError) in DeepSeek4Spark.place(name) }
    }, metadata: DeepSeek4.settings + DeepSeek4Spark.metadata,
    tokenizer: TargetTokenizer(
      rule: BytePairTokenizer(preferred: ["deepseek-v3"]), maskKey: "dspark_noise_token_id", isMaskNested: false))
}

extension Architecture {
  /// The family of the drafter that a model's folder carries, for a user who wants nothing else of it.
  var sparkDrafter: Architecture {
    get throws(OunceError) {
      guard name == Architecture.deepSeek4.name || huggingFaceNames == Architecture.deepSeek4Spark.huggingFaceNames
      else {
        throw OunceError(
          .request, "only a DeepSeek V4 carries a DSpark drafter in its folder", file: "config.json",
          remedy: "leave --dspark out; drafters with folders of their own need only --target-model-dir")
      }
      return .deepSeek4Spark
    }
  }
}

enum Gemma4Spark {
  /// What llama.cpp's graph takes for granted, and where settings that follow from others stand.
  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    let configuration = checkpoint.configuration
    let layers = try checkpoint.blockCount
    let types = configuration.array("layer_types") ?? []
    let heads = checkpoint.model.tensors.contains { ["lm_head.weight", "model.lm_head.weight"].contains($0.info.name) }
    let markov = configuration["dflash_config"]?["markov_head_type"] ?? configuration["markov_head_type"]
    let needs: [(name: String, isMet: Bool, wanted: String)] = [
      ("attention_k_eq_v", configuration.isTrue("attention_k_eq_v"), "true"),
      ("layer_types", types.count == layers && types.allSatisfy { $0.string == "full_attention" }, "full attention"),
      (
        "hidden_activation", (configuration.string("hidden_activation") ?? activation) == activation,
        "\"\(activation)\""
      ),
      ("attention_bias", !configuration.isTrue("attention_bias"), "false"),
      ("enable_moe_block", !configuration.isTrue("enable_moe_block"), "false"),
      ("draft_vocab_size", Drafter.isWholeVocabulary(checkpoint), "the whole vocabulary"),
      ("tie_word_embeddings", heads || configuration.isTrue("tie_word_embeddings"), "true, or an lm_head.weight"),
      ("markov_head_type", (markov?.string ?? "vanilla") == "vanilla", "\"vanilla\""),
      ("final_logit_softcapping", configuration.double("final_logit_softcapping") ?? 0 == 0, "none"),
      ("target_layer_ids", Drafter.setting(checkpoint, "target_layer_ids")?.array?.isEmpty == false, "layers"),
      ("mask_token_id", Drafter.setting(checkpoint, "mask_token_id") != nil, "the id of a token"),
    ]
    if let unmet = needs.first(where: { !$0.isMet }) {
      throw OunceError(
        .unsupported, "a DSpark drafter of Gemma 4 needs \(unmet.wanted) here", file: "config.json",
        subject: unmet.name)
    }
    var own = configuration["dflash_config"]?.object ?? [:]
    own["mask_token_id"] = Drafter.setting(checkpoint, "mask_token_id")
    checkpoint.configuration["dflash_config"] = .object(own)
    let stated = configuration["rope_parameters"]?.object ?? [:]
    let usual: JSONObject = [
      "rope_type": .string("proportional"), "partial_rotary_factor": .double(0.25), "rope_theta": .double(1_000_000),
    ]
    let rope = stated.isEmpty ? .object(usual) : JSON.object(stated)["full_attention"] ?? .object(stated)
    checkpoint.configuration["rope_parameters"] = rope
  }

  private static let activation = "gelu_pytorch_tanh"

  static let metadata: [MetadataRule] = [
    .count("{arch}.attention.head_count_kv") { (checkpoint) throws(OunceError) in
      try checkpoint.configuration.require("num_global_key_value_heads")
    }, width("{arch}.attention.key_length"), width("{arch}.attention.value_length"),
    width("{arch}.rope.dimension_count"),
    .value("{arch}.embedding_scale") { (checkpoint) throws(OunceError) in
      .float32(Float(Double(try checkpoint.configuration.require("hidden_size")).squareRoot()))
    }, .constant("{arch}.attention.scale", .float32(1)),
    .constant("{arch}.hidden_activation", .string(activation)),
    .value("{arch}.sample_from_anchor") { (checkpoint) throws(OunceError) in
      .bool(checkpoint.configuration["sample_from_anchor"]?.bool ?? true)
    },
    .value("{arch}.has_confidence_head") { (checkpoint) throws(OunceError) in
      .bool(
        checkpoint.model.tensors.contains {
          $0.info.name.contains("confidence_head.proj") || $0.info.name.contains("confidence_proj.")
        })
    },
  ]

  private static func width(_ key: String) -> MetadataRule {
    .count(key) { (checkpoint) throws(OunceError) in try checkpoint.configuration.require("global_head_dim") }
  }

  /// Divisors of positions: pairs that do not rotate are divided by a huge number.
  @Sendable static func frequencies(_ checkpoint: Checkpoint) throws(OunceError) -> [Tensor] {
    let rope = checkpoint.configuration.fullRope
    let type = rope["rope_type"]?.string
    guard type == "proportional" else {
      guard type == "default" else {
        throw OunceError(
          .unsupported, "expected default or proportional positions, found \"\(type ?? "none")\"", file: "config.json",
          subject: "rope_parameters")
      }
      return []
    }
    let pairs = try checkpoint.configuration.require("global_head_dim") / 2
    let factor = rope["partial_rotary_factor"]?.double ?? 0.25
    let rotated = try Configuration.whole(Double(pairs) * factor)
    guard factor > 0, factor <= 1, Double(pairs) * factor == Double(rotated) else {
      throw OunceError(
        .malformed, "a share of \(factor) of \(2 * pairs) elements is no even number above 0", file: "config.json",
        subject: "partial_rotary_factor")
    }
    return [try RopeFrequencies.tensor("rope_freqs.weight", (0..<pairs).map { $0 < rotated ? 1 : 1e30 })]
  }
}

enum DeepSeek4Spark {
  /// The drafter's layers are counted by its tensors: `num_hidden_layers` is the target's.
  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    checkpoint.options.storesFP8AsQ8 = true
    checkpoint.keepsEncodings = true
    checkpoint.hasPackedExperts = DeepSeek4.packed.areIn(checkpoint.model, rename: place)
    var count = 0
    for tensor in checkpoint.model.tensors {
      guard let name = place(tensor.info.name), name.hasPrefix("layers."),
        let layer = Int(name.dropFirst(7).prefix { $0.isASCIIDigit }), layer < Limits.blocks
      else { continue }
      count = max(count, layer + 1)
    }
    guard count > 0 else {
      throw OunceError(
        .unsupported, "has no tensors under \"mtp.\", which are the drafter's", file: checkpoint.model.path,
        remedy: "convert it without --dspark")
    }
    checkpoint.configuration["num_hidden_layers"] = .integer(count)
    checkpoint.configuration["compress_ratios"] = .array(Array(repeating: .integer(0), count: count))
    checkpoint.configuration["num_hash_layers"] = .integer(0)
  }

  private static let roots: Set<String> = [
    "main_proj.weight", "main_proj.scale", "main_norm.weight", "markov_head.markov_w1.weight",
    "markov_head.markov_w2.weight", "confidence_head.proj.weight", "norm.weight", "hc_head_fn", "hc_head_base",
    "hc_head_scale",
  ]

  /// `mtp.0.…` is the first layer, or stands beside all layers; nil: not the drafter's.
  static func place(_ name: String) -> String? {
    let words = name.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    guard words.count == 3, words[0] == "mtp" else { return nil }
    return roots.contains(words[2]) ? words[2] : "layers.\(words[1]).\(words[2])"
  }

  /// Packed experts are written first; nothing routes by a table, or sees pictures.
  @Sendable static func rename(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    guard let name = place(name) else { return nil }
    if name.hasSuffix(".ffn.gate.tid2eid") || name.hasSuffix(".ffn.gate.bias_vl") { return nil }
    return checkpoint.hasPackedExperts && name.contains(".ffn.experts.") ? nil : name
  }

  static let metadata: [MetadataRule] = [
    .count("{arch}.block_size") { (checkpoint) throws(OunceError) in
      try checkpoint.configuration.require("dspark_block_size")
    },
    .value("{arch}.target_layers") { (checkpoint) throws(OunceError) in
      let layers = checkpoint.configuration.array("dspark_target_layer_ids") ?? []
      return .array(.int32(layers.map { Int32(clamping: min($0.integer ?? 0, Limits.blocks) + 1) }))
    },
  ]
}
