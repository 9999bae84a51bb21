internal import OunceCore

/// config.json from the metadata of a GGUF file.
extension HuggingFaceForm {
  /// - Parameter dtype: the type of the floats that are written: "BF16", …
  func configuration(of source: ExportSource, dtype: String) throws(OunceError) -> JSONObject {
    var settings = JSONObject()
    for rule in architecture.leadingMetadata + architecture.metadata {
      guard let key = rule.key, let name = rule.names.first else { continue }
      if let value = source[key]?.json {
        settings[names[name] ?? name] = value
      } else if let name = rule.names.first(where: { architecture.defaults[$0] != nil }) {
        // What the class would assume where nothing is said is not so.
        settings[names[name] ?? name] = .null
      }
    }
    if !hasOwnRope { try Self.addRope(source, &settings) }
    if architecture.defaults["rope_scaling"] != nil, settings["rope_scaling"] == nil {
      settings["rope_scaling"] = .null
    }
    if let rows = source.tensor("token_embd.weight")?.info.shape.first { settings["vocab_size"] = .integer(rows) }
    settings["tie_word_embeddings"] = .bool(!source.has("output.weight"))
    for (name, key) in [("bos", "bos"), ("eos", "eos"), ("pad", "padding")] {
      settings["\(name)_token_id"] = source.integer("tokenizer.ggml.\(key)_token_id").map { .integer($0) } ?? .null
    }
    try self.settings(source, &settings)
    settings["architectures"] = .array([.string(className)])
    settings["model_type"] = .string(modelType)
    settings["torch_dtype"] = .string(["BF16": "bfloat16", "F16": "float16"][dtype] ?? "float32")
    return settings.sorted
  }

  /// Rotary positions, in the spelling that every version of transformers reads.
  private static func addRope(_ source: ExportSource, _ settings: inout JSONObject) throws(OunceError) {
    func number(_ key: String) -> JSON? { source["{arch}.rope.\(key)"]?.json }
    if let base = number("freq_base") { settings["rope_theta"] = base }
    var scaling = JSONObject()
    switch source.string("{arch}.rope.scaling.type") {
    case "linear":
      scaling = ["rope_type": .string("linear")]
      scaling["factor"] = number("scaling.factor")
    case "yarn":
      scaling = ["rope_type": .string("yarn")]
      let names = [
        ("factor", "factor"), ("original_context_length", "original_max_position_embeddings"),
        ("yarn_ext_factor", "extrapolation_factor"), ("yarn_attn_factor", "attention_factor"),
        ("yarn_beta_fast", "beta_fast"), ("yarn_beta_slow", "beta_slow"),
      ]
      for (key, name) in names {
        if let value = number("scaling." + key) { scaling[name] = value }
      }
    default: break
    }
    if let factors = try source.floats("rope_freqs.weight") {
      scaling = try llama3(factors, source, theta: settings["rope_theta"])
    }
    if let long = try source.floats("rope_factors_long.weight"),
      let short = try source.floats("rope_factors_short.weight")
    {
      func list(_ values: [Float]) -> JSON { MetadataValue.array(.float32(values)).json ?? .null }
      // Classes that read it accept these three names alone.
      scaling = ["type": .string("longrope"), "long_factor": list(long), "short_factor": list(short)]
    }
    if let length = number("scaling.original_context_length"), scaling["rope_type"]?.string != "yarn" {
      settings["original_max_position_embeddings"] = length
    }
    if !scaling.isEmpty { settings["rope_scaling"] = .object(scaling) }
  }

  /// The four numbers from which the factors of the `llama3` stretching follow: GGUF keeps the factors alone, so the
  /// numbers are those that give the same factors, bit for bit.
  private static func llama3(
    _ factors: [Float], _ source: ExportSource, theta: JSON?
  ) throws(OunceError) -> JSONObject {
    guard factors.count <= 65_536 / 2, let largest = factors.max() else { return [:] }
    for exponent in 7...20 {
      for (low, high) in [(1.0, 4.0), (1.0, 2.0), (1.0, 8.0), (2.0, 4.0), (1.0, 1.5)] {
        let scaling: JSONObject = [
          "rope_type": .string("llama3"), "factor": .double(Double("\(largest)") ?? Double(largest)),
          "low_freq_factor": .double(low), "high_freq_factor": .double(high),
          "original_max_position_embeddings": .integer(1 << exponent),
        ]
        var configuration = Configuration(.object(["rope_scaling": .object(scaling), "rope_theta": theta ?? .null]))
        configuration.gatherRope()
        let checkpoint = Checkpoint(
          model: source.model, options: .init(), configuration: configuration,
          architectureName: source.architectureName, className: "")
        let made = try RopeFrequencies.llama3(checkpoint, width: factors.count * 2, paddedTo: factors.count * 2)
        if try made.first?.floats() == factors { return scaling }
      }
    }
    throw OunceError(
      .unsupported, "no known stretching of positions gives these \(factors.count) factors", file: source.model.path,
      subject: "tensor rope_freqs.weight")
  }
}

extension JSONObject {
  /// The members in the order of their names, as transformers writes its files.
  var sorted: JSONObject {
    var result = JSONObject()
    for name in keys.sorted() { result[name] = self[name] }
    return result
  }
}
