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
    metadata: MetadataRule.common + MiMo.metadata, tokenizer: BytePairTokenizer(preferred: ["qwen2"]))
}

enum MiMo {
  /// The configuration does not count the further layers; every published model has three.
  private static let furtherLayers = 3

  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    let quantization = checkpoint.configuration["quantization_config"]
    let isFused = checkpoint.model.tensors.contains { $0.info.name.hasSuffix("qkv_proj.weight_scale_inv") }
    guard quantization?["store_dtype"]?.string != "mxfp4", !isFused else {
      throw OunceError(
        .unsupported, "weights that were quantized for several processors at once cannot be put together again",
        file: "config.json", subject: "quantization_config", remedy: "use a checkpoint in BF16")
    }
    if !checkpoint.options.withoutNextPrediction { checkpoint.extraBlockCount = furtherLayers }
  }

  @Sendable static func rename(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
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
