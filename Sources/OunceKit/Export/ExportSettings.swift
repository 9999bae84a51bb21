internal import OunceCore

/// Settings that several families find the same way.
enum ExportSettings {
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

  /// RoBERTa counts positions from behind the padding token.
  @Sendable static func shiftedPositions(
    _ source: ExportSource, _ settings: inout JSONObject
  ) throws(OunceError) {
    let padding = source.integer("tokenizer.ggml.padding_token_id") ?? 1
    settings["pad_token_id"] = .integer(padding)
    settings["max_position_embeddings"] = .integer(try source.require("{arch}.context_length") + padding + 1)
    settings["type_vocab_size"] = source.tensor("token_types.weight")?.info.shape.first.map { .integer($0) }
  }

  /// How router scores become weights; null where the file does not say.
  static func gatingFunction(_ source: ExportSource) throws(OunceError) -> JSON {
    guard let number = source.integer("{arch}.expert_gating_func") else { return .null }
    for name in ["softmax", "sigmoid", "sqrtsoftplus"] {
      if Int(try MetadataRule.gatingFunction(name)) == number { return .string(name) }
    }
    throw OunceError(
      .unsupported, "the router function \(number) is not known", file: source.model.path,
      subject: "key \(source.architectureName).expert_gating_func")
  }

  /// Layers that predict further tokens, which stand behind those that the configuration counts.
  static func furtherLayers(_ source: ExportSource, _ settings: inout JSONObject) throws(OunceError) {
    let extra = source.integer("{arch}.nextn_predict_layers") ?? 0
    settings["num_nextn_predict_layers"] = .integer(extra)
    settings["num_hidden_layers"] = .integer(max(0, try source.require("{arch}.block_count") - extra))
  }

  /// Positions of layers that see everything, and of those with a window.
  static func ropeByLayer(_ source: ExportSource, _ settings: inout JSONObject) throws(OunceError) {
    var full = settings.removeValue(forKey: "rope_scaling")?.object ?? ["rope_type": .string("default")]
    full["rope_theta"] = settings.removeValue(forKey: "rope_theta")
    var window: JSONObject = ["rope_type": .string("default")]
    window["rope_theta"] = source["{arch}.rope.freq_base_swa"]?.json ?? full["rope_theta"]
    settings["rope_parameters"] = .object([
      "full_attention": .object(full), "sliding_attention": .object(window),
    ])
  }

  /// Ministral 3 stretches positions and, with them, the temperature of attention.
  @Sendable static func ministral(_ source: ExportSource, _ settings: inout JSONObject) throws(OunceError) {
    var rope: JSONObject = ["rope_type": .string("yarn")]
    let names = [
      ("freq_base", "rope_theta"), ("scaling.factor", "factor"), ("scaling.yarn_beta_fast", "beta_fast"),
      ("scaling.original_context_length", "original_max_position_embeddings"), ("scaling.yarn_beta_slow", "beta_slow"),
      ("scaling.yarn_ext_factor", "extrapolation_factor"), ("scaling.yarn_attn_factor", "attention_factor"),
      ("scaling.yarn_log_multiplier", "mscale_all_dim"), ("scaling.yarn_log_multiplier", "mscale"),
    ]
    for (key, name) in names {
      if let value = source["{arch}.rope." + key]?.json { rope[name] = value }
    }
    rope["llama_4_scaling_beta"] = source["{arch}.attention.temperature_scale"]?.json
    settings["rope_parameters"] = .object(rope)
  }

  /// The first of the layers that have something, and how many layers lie between one and the next. Where no layer has
  /// it, the first lies behind all of them.
  static func period(_ layers: [Bool]) -> (offset: Int, period: Int) {
    let found = layers.indices.filter { layers[$0] }
    guard let first = found.first else { return (layers.count, layers.count + 1) }
    return (first, found.count > 1 ? found[1] - first : layers.count)
  }

  /// The decimal with the fewest digits behind the point that `gives` the number that a file holds.
  static func shortest(_ value: Double, gives: (Double) -> Bool) -> Double {
    var step = 1.0
    for _ in 0..<9 {
      let rounded = (value * step).rounded() / step
      if gives(rounded) { return rounded }
      step *= 10
    }
    return value
  }

  /// The share of a head that is rotated.
  static func rotaryShare(_ name: String) -> Rule {
    { (source, settings) throws(OunceError) in
      let heads = try source.require("{arch}.attention.head_count")
      let size = try source.require("{arch}.embedding_length")
      guard heads > 0, size >= heads, let rotated = source.integer("{arch}.rope.dimension_count") else { return }
      let width = source.integer("{arch}.attention.key_length") ?? size / heads
      if width > 0 { settings[name] = .double(Double(rotated) / Double(width)) }
    }
  }
}
