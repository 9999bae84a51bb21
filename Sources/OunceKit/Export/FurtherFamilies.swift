internal import OunceCore

/// Decoders with settings of their own.
extension HuggingFaceForm {
  static let furtherDecoders: [HuggingFaceForm] = [
    .init(
      .commandR, "cohere",
      settings: { (source, settings) throws(OunceError) in
        settings["use_qk_norm"] = .bool(source.has("blk.0.attn_q_norm.weight"))
        settings["attention_bias"] = .bool(source.has("blk.0.attn_q.bias"))
      }),
    .init(
      .nemotron, "nemotron", names: ["layer_norm_eps": "norm_eps", "rms_norm_eps": "norm_eps"],
      settings: { (source, settings) throws(OunceError) in
        try ExportSettings.biases(source, &settings)
        try ExportSettings.rotaryShare("partial_rotary_factor")(source, &settings)
      }),
    .init(.exaone4, "exaone4", settings: ExportSettings.layerTypes),
    .init(
      .ernie, "ernie4_5", without: ["qkv_proj", "up_gate_proj"],
      settings: { (source, settings) throws(OunceError) in
        settings["use_bias"] = .bool(source.has("blk.0.attn_q.bias"))
      }),
    .init(
      .ernieMoe, "ernie4_5_moe", without: ["qkv_proj", "up_gate_proj"],
      settings: { (source, settings) throws(OunceError) in
        settings["use_bias"] = .bool(source.has("blk.0.attn_q.bias"))
      }),
    .init(.hunyuanDense, "hunyuan_v1_dense", settings: ExportSettings.biases),
    .init(.jais2, "jais2", settings: ExportSettings.biases),
    .init(
      .phiMoe, "phimoe", "PhimoeForCausalLM",
      settings: { (source, settings) throws(OunceError) in
        settings["attention_bias"] = .bool(source.has("blk.0.attn_q.bias"))
        settings["lm_head_bias"] = .bool(source.has("output.bias"))
        let window = source.integer("{arch}.attention.sliding_window") ?? 0
        settings["sliding_window"] = window > 0 ? .integer(window) : .null
      }),
    .init(
      .gpt2, "gpt2",
      names: [
        "num_hidden_layers": "n_layer", "num_attention_heads": "n_head", "hidden_size": "n_embd",
        "n_ctx": "n_positions", "layer_norm_epsilon": "layer_norm_epsilon",
      ]),
    .init(
      .starCoder, "gpt_bigcode",
      names: [
        "num_hidden_layers": "n_layer", "num_attention_heads": "n_head", "hidden_size": "n_embd",
        "n_positions": "n_positions", "layer_norm_epsilon": "layer_norm_epsilon",
      ], rename: inTransformer,
      settings: { (_, settings) throws(OunceError) in settings["multi_query"] = .bool(true) }),
    .init(
      .bloom, "bloom",
      names: [
        "num_hidden_layers": "n_layer", "num_attention_heads": "n_head", "layer_norm_epsilon": "layer_norm_epsilon",
      ], rename: inTransformer),
    .init(
      .falcon, "falcon", names: ["layer_norm_epsilon": "layer_norm_epsilon"], without: [".input_layernorm."],
      recognizes: { $0.has("blk.0.attn_norm_2.weight") }, rename: inTransformer,
      settings: { (source, settings) throws(OunceError) in
        try falcon(source, &settings)
        settings["new_decoder_architecture"] = .bool(true)
      }),
    .init(
      .falcon, "falcon", names: ["layer_norm_epsilon": "layer_norm_epsilon"], without: [".ln_mlp."],
      rename: inTransformer, settings: falcon),
    .init(
      .glm4, "glm4", without: [".gate_proj.", ".up_proj."],
      settings: { (source, settings) throws(OunceError) in
        try ExportSettings.biases(source, &settings)
        try ExportSettings.rotaryShare("partial_rotary_factor")(source, &settings)
      }),
    .init(
      .glm4Moe, "glm4_moe", names: ["num_local_experts": "n_routed_experts"],
      settings: { (source, settings) throws(OunceError) in
        try ExportSettings.biases(source, &settings)
        try ExportSettings.rotaryShare("partial_rotary_factor")(source, &settings)
        settings["use_qk_norm"] = .bool(source.has("blk.0.attn_q_norm.weight"))
      }),
    .init(
      .gptOss, "gpt_oss",
      rename: { name, _ in name.hasSuffix(".sinks.weight") ? String(name.dropLast(7)) : name },
      settings: { (source, settings) throws(OunceError) in
        settings["intermediate_size"] = source["{arch}.expert_feed_forward_length"]?.json
        // The published models do not round the borders of the stretched band, and llama.cpp does not either.
        if var scaling = settings["rope_scaling"]?.object {
          scaling["truncate"] = .bool(false)
          settings["rope_scaling"] = .object(scaling)
        }
      }),
    .init(
      .lfm2, "lfm2", names: ["rms_norm_eps": "norm_eps"], without: [".o_proj."], settings: convolutions),
    .init(
      .lfm2Moe, "lfm2_moe", names: ["rms_norm_eps": "norm_eps", "num_local_experts": "num_experts"],
      without: [".o_proj."],
      rename: { name, _ in name.hasSuffix(".expert_bias.bias") ? String(name.dropLast(5)) : name },
      settings: convolutions),
    .init(.miniMaxM2, "minimax_m2"),
    .init(
      .apertus, "apertus", added: activations,
      settings: { (source, settings) throws(OunceError) in
        try ExportSettings.biases(source, &settings)
        settings["hidden_act"] = .string("xielu")
      }),
    .init(
      .llama4, "llama4_text",
      // The file calls the experts' width what others call the width of dense layers.
      names: ["prefix_dense_intermediate_size": "intermediate_size_mlp", "intermediate_size_moe": "intermediate_size"],
      settings: { (source, settings) throws(OunceError) in
        guard source.integer("{arch}.attention.sliding_window") == 0 else { return }
        let layers = max(0, min(try source.require("{arch}.block_count"), Limits.blocks))
        settings["layer_types"] = .array(Array(repeating: .string("full_attention"), count: layers))
      }),
  ]

  /// The trained parameters of Apertus's activation: one number for each layer.
  @Sendable private static func activations(_ source: ExportSource) throws(OunceError) -> [Tensor] {
    guard let encoding = Encodings.named("F32") else { throw OunceError(.unsupported, "F32 is not in the catalog") }
    let layers = try source.require("{arch}.block_count")
    var result: [Tensor] = []
    for name in Apertus.parameters {
      guard case .array(.float32(let values))? = source["xielu.\(name)"], values.count == layers else {
        throw OunceError(
          .unsupported, "expected a number for each of \(layers) layers", file: source.model.path,
          subject: "key xielu.\(name)")
      }
      result += try values.enumerated().map { (layer, value) throws(OunceError) in
        try Tensor(
          name: "model.layers.\(layer).mlp.act_fn.\(name)", shape: [1], encoding: encoding,
          data: Memory(floats: [value]))
      }
    }
    return result
  }

  /// The outer module that `SourceNames` takes off.
  @Sendable private static func inTransformer(_ name: String, _ source: ExportSource) -> String {
    name.hasPrefix("lm_head.") ? name : "transformer." + name
  }

  @Sendable private static func falcon(_ source: ExportSource, _ settings: inout JSONObject) throws(OunceError) {
    let keys = source.integer("{arch}.attention.head_count_kv") ?? 1
    settings["num_kv_heads"] = .integer(keys)
    settings["multi_query"] = .bool(keys == 1)
    settings["new_decoder_architecture"] = .bool(false)
    settings["bias"] = .bool(source.has("blk.0.attn_qkv.bias"))
  }

  /// Layers without key heads are convolutions.
  @Sendable static func convolutions(
    _ source: ExportSource, _ settings: inout JSONObject
  ) throws(OunceError) {
    guard case .array(.int32(let heads))? = source["{arch}.attention.head_count_kv"] else { return }
    settings["layer_types"] = .array(heads.map { .string($0 == 0 ? "conv" : "full_attention") })
    settings["num_key_value_heads"] = .integer(Int(heads.max() ?? 0))
    settings["block_auto_adjust_ff_dim"] = .bool(false)
  }
}
