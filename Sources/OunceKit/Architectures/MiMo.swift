internal import OunceCore

/// Xiaomi's MiMo V2: values narrower than keys, sinks, windows in most layers, three layers that predict further
/// tokens.
extension Architecture {
  static let miMo2 = Architecture(
    "mimo2", ["MiMoV2FlashForCausalLM", "MiMoV2ForCausalLM"], defaults: ["layernorm_epsilon": .double(1e-5)],
    derive: MiMo.derive, names: SourceNames(suffixes: [("attention_sink_bias", "attention_sink_bias.weight")]),
    rename: MiMo.rename,
    tensors: Decoder.ends + Decoder.norms + Decoder.attention + Decoder.feedForward + NextPrediction.tensors
      + Decoder.layers(
        TensorRule("self_attn.qkv_proj.weight", "attn_qkv.weight"),
        TensorRule("self_attn.attention_sink_bias.weight", "attn_sinks.weight"),
        TensorRule("pre_mlp_layernorm.weight", "ffn_norm.weight"),
        TensorRule("final_layernorm.weight", "layer_output_norm.weight"),
        TensorRule("mlp.gate.weight", "ffn_gate_inp.weight"),
        TensorRule("mlp.gate.e_score_correction.bias", "exp_probs_b.bias"),
        TensorRule("mlp.experts.{e}.gate_proj.weight", "ffn_gate_exps.weight"),
        TensorRule("mlp.experts.{e}.up_proj.weight", "ffn_up_exps.weight"),
        TensorRule("mlp.experts.{e}.down_proj.weight", "ffn_down_exps.weight")),
    computed: { (checkpoint) throws(OunceError) in
      try MiMo.packed.tensors(checkpoint) { (name) in checkpoint.hasPackedExperts ? name : nil }
    }, unscale: MiMo.unscale,
    metadata: MetadataRule.common + MiMo.metadata, tokenizer: BytePairTokenizer(preferred: ["qwen2"]))
}

enum MiMo {
  /// The configuration does not count the further layers; every published model has three.
  private static let furtherLayers = 3

  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    let quantization = checkpoint.configuration["quantization_config"]
    if quantization?["store_dtype"]?.string == "mxfp4" {
      guard (quantization?["mxfp4_block_size"]?.integer ?? 32) == 32 else {
        throw OunceError(
          .unsupported, "blocks of MXFP4 have 32 elements", file: "config.json", subject: "quantization_config")
      }
      checkpoint.hasPackedExperts = true
    }
    if !checkpoint.options.withoutNextPrediction { checkpoint.extraBlockCount = furtherLayers }
  }

  /// Experts in MXFP4; the stacks in the alphabetical order in which the reference writes them.
  static let packed = PackedExperts(
    rules: Decoder.layers(
      TensorRule("mlp.experts.{e}.down_proj.weight", "ffn_down_exps.weight"),
      TensorRule("mlp.experts.{e}.gate_proj.weight", "ffn_gate_exps.weight"),
      TensorRule("mlp.experts.{e}.up_proj.weight", "ffn_up_exps.weight")), scaleSuffix: ".weight_scale")

  /// Queries, keys and values of four or eight processors, each with its own part of the heads and its own scales: put
  /// together as all queries, all keys, all values.
  @Sendable static func unscale(
    _ weight: Tensor, _ scale: Tensor, _ checkpoint: Checkpoint
  ) throws(OunceError) -> Tensor? {
    let name = weight.info.name
    guard name.hasSuffix("qkv_proj.weight"), weight.info.shape.count == 2, scale.info.shape.count == 2 else {
      return nil
    }
    let place = name.dropFirst(name.hasPrefix("model.mtp.layers.") ? 17 : 13).prefix { $0.isASCIIDigit }
    let layer = (Int(place) ?? 0) + (name.hasPrefix("model.mtp.") ? try checkpoint.blockCount : 0)
    let pattern = checkpoint.configuration.array("hybrid_layer_pattern") ?? []
    let hasWindow = !pattern.indices.contains(layer) || pattern[layer].integer == 1
    let heads = try checkpoint.configuration.require("num_attention_heads")
    let keys = try checkpoint.configuration.require(hasWindow ? "swa_num_key_value_heads" : "num_key_value_heads")
    let width = try checkpoint.configuration.require("head_dim")
    let parts = [heads * width, keys * width, keys * (try checkpoint.configuration.require("v_head_dim"))]
    let (rows, block) = (weight.info.shape[0], 128)
    let count = [8, 4].first { count in
      rows % count == 0 && scale.info.shape[0] == count * ((rows / count + block - 1) / block)
    }
    guard parts.reduce(0, +) == rows, let count, parts.allSatisfy({ $0 % count == 0 }) else { return nil }
    let (own, ownScales) = (rows / count, scale.info.shape[0] / count)
    let pieces = try (0..<count).map { (index) throws(OunceError) in
      try ScaledSource.tensor(
        try weight.gathering(own) { $0 + index * own }, try scale.gathering(ownScales) { $0 + index * ownScales },
        block: (block, block))
    }
    let starts = [0, parts[0], parts[0] + parts[1]]
    return try Tensor.concatenated(pieces, name: name).renamed(name).gathering(rows) { row in
      let part = row < starts[1] ? 0 : row < starts[2] ? 1 : 2
      let (processor, rest) = (row - starts[part]).quotientAndRemainder(dividingBy: parts[part] / count)
      return processor * own + starts[part] / count + rest
    }
  }

  @Sendable static func rename(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    if checkpoint.hasPackedExperts, name.contains(".mlp.experts.") { return nil }
    guard name.hasPrefix("model.mtp.layers.") else { return try NextPrediction.rename(name, checkpoint) }
    let rest = name.dropFirst(17)
    guard checkpoint.extraBlockCount > 0, let layer = Int(rest.prefix { $0.isASCIIDigit }), layer < furtherLayers
    else { return nil }
    let first = try checkpoint.configuration.require("num_hidden_layers")
    return "model.layers.\(first + layer)\(rest.drop { $0.isASCIIDigit })"
  }

  /// 1 for layers with a window, which the further layers have too.
  private static func pattern(_ checkpoint: Checkpoint) -> [Int32] {
    (checkpoint.configuration.array("hybrid_layer_pattern") ?? []).map { Int32(clamping: $0.integer ?? 0) }
      + Array(repeating: 1, count: checkpoint.extraBlockCount)
  }

  static let metadata: [MetadataRule] = [
    .value("{arch}.attention.head_count_kv") { (checkpoint) throws(OunceError) in
      let full = Int32(try checkpoint.configuration.require("num_key_value_heads"))
      let window = Int32(try checkpoint.configuration.require("swa_num_key_value_heads"))
      return .array(.int32(pattern(checkpoint).map { $0 == 1 ? window : full }))
    },
    .integer("{arch}.attention.sliding_window", "sliding_window"),
    .value("{arch}.attention.sliding_window_pattern") { (checkpoint) throws(OunceError) in
      .array(.int32(pattern(checkpoint)))
    },
    .integer("{arch}.attention.value_length", "v_head_dim"), .integer("{arch}.expert_count", "n_routed_experts"),
    .integer("{arch}.expert_feed_forward_length", "moe_intermediate_size"),
    .count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in
      let factor = checkpoint.configuration.rope["partial_rotary_factor"]?.double ?? 1
      return try Configuration.whole(Double(try checkpoint.configuration.require("head_dim")) * factor)
    },
    .float("{arch}.attention.layer_norm_rms_epsilon", "layernorm_epsilon"),
    .float("{arch}.attention.value_scale", "attention_value_scale"), NextPrediction.count,
  ]
}
