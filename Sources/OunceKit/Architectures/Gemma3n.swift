internal import OunceCore

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Google's Gemma 3n: four streams side by side (AltUp), low-rank shortcuts (LAuReL), an embedding for each layer.
extension Architecture {
  static let gemma3n = Architecture(
    "gemma3n", ["Gemma3nForCausalLM", "Gemma3nForConditionalGeneration"], defaults: Gemma3n.defaults,
    derive: Gemma3n.derive,
    names: SourceNames(suffixes: [("_scale", "_scale.weight")]),
    tensors: [
      TensorRule("lm_head.weight", "output.weight"),
      TensorRule("model.embed_tokens.weight", "token_embd.weight", Gemma3n.padded),
      TensorRule("model.embed_tokens_per_layer.weight", "per_layer_token_embd.weight", Gemma3n.padded),
      TensorRule("model.altup_projections.{e}.weight", "altup_proj.weight"),
      TensorRule("model.altup_unembed_projections.{e}.weight", "altup_unembd_proj.weight"),
      TensorRule("model.norm.weight", "output_norm.weight"),
      TensorRule("model.per_layer_model_projection.weight", "per_layer_model_proj.weight"),
      TensorRule("model.per_layer_projection_norm.weight", "per_layer_proj_norm.weight"),
    ] + Decoder.attention + Decoder.headNorms + Decoder.feedForward + Gemma3n.fourNorms + Gemma3n.layerInputs
      + Decoder.layers(
        TensorRule("altup.correct_output_scale.weight", "altup_correct_scale.weight"),
        TensorRule("altup.correction_coefs.weight", "altup_correct_coef.weight"),
        TensorRule("altup.prediction_coefs.weight", "altup_predict_coef.weight"),
        TensorRule("altup.modality_router.weight", "altup_router.weight"),
        TensorRule("altup.router_norm.weight", "altup_router_norm.weight"),
        TensorRule("laurel.linear_left.weight", "laurel_l.weight"),
        TensorRule("laurel.linear_right.weight", "laurel_r.weight"),
        TensorRule("laurel.post_laurel_norm.weight", "laurel_post_norm.weight")),
    metadata: Gemma.thirdMetadata + [
      .integer("{arch}.altup.active_idx", "altup_active_idx"), .integer("{arch}.altup.num_inputs", "altup_num_inputs"),
      .integer("{arch}.embedding_length_per_layer_input", "hidden_size_per_layer_input"),
      .integer("{arch}.attention.shared_kv_layers", "num_kv_shared_layers"), Gemma3n.sparsity, Gemma3n.windows,
    ], tokenizer: GemmaTokenizer())
}

/// What Gemma 3n and 4 share.
enum Gemma3n {
  static let defaults: [String: JSON] = [
    "vocab_size": .integer(262_400), "max_position_embeddings": .integer(32_768), "rms_norm_eps": .double(1e-6),
    "rope_theta": .double(1e6), "rope_local_base_freq": .double(10_000), "num_attention_heads": .integer(8),
    "num_key_value_heads": .integer(2), "head_dim": .integer(256), "sliding_window": .integer(512),
    "hidden_size": .integer(2048), "hidden_size_per_layer_input": .integer(256), "intermediate_size": .integer(16_384),
    "num_hidden_layers": .integer(35), "final_logit_softcapping": .double(30), "altup_active_idx": .integer(0),
    "altup_num_inputs": .integer(4), "num_kv_shared_layers": .integer(15),
  ]

  static let fourNorms = Decoder.layers(
    TensorRule("input_layernorm.weight", "attn_norm.weight"),
    TensorRule("post_attention_layernorm.weight", "post_attention_norm.weight"),
    TensorRule("pre_feedforward_layernorm.weight", "ffn_norm.weight"),
    TensorRule("post_feedforward_layernorm.weight", "post_ffw_norm.weight"))

  static let layerInputs = Decoder.layers(
    TensorRule("per_layer_input_gate.weight", "inp_gate.weight"),
    TensorRule("per_layer_projection.weight", "proj.weight"),
    TensorRule("post_per_layer_input_norm.weight", "post_norm.weight"))

  /// Tokens for pictures and sounds have no rows of their own in checkpoints: they are zero.
  /// The way back keeps them: a model with such rows computes the same.
  static let padded = Custom(
    { (tensor, checkpoint, _) throws(OunceError) in
      let count = checkpoint.configuration.integer("vocab_size") ?? 0
      guard let rows = tensor.info.shape.first, tensor.info.shape.count == 2, count > rows, count <= Limits.vocabulary
      else { return tensor }
      let zeros = try Tensor(
        name: tensor.info.name, shape: [count - rows, tensor.info.shape[1]], encoding: tensor.info.encoding,
        data: ZeroRows())
      return try Tensor.concatenated([tensor, zeros], name: tensor.info.name)
    }, back: { (tensor, _, _) in tensor })

  static let windows = MetadataRule.value("{arch}.attention.sliding_window_pattern") {
    (checkpoint) throws(OunceError) in
    let types = checkpoint.configuration.array("layer_types") ?? []
    return .array(.bool(types.map { $0.string == "sliding_attention" }))
  }

  /// How many standard deviations an activation must exceed the mean to count, from the share that must not.
  static let sparsity = MetadataRule.value("{arch}.activation_sparsity_scale") { (checkpoint) throws(OunceError) in
    let shares = checkpoint.configuration.array("activation_sparsity_pattern") ?? []
    return .array(.float32(shares.map { quantile(Float($0.double ?? 0)) }))
  }

  /// The share that gives a number of standard deviations: the shortest decimal that comes back as the same number.
  static func share(of scale: Double) -> Double? {
    if scale == -.infinity { return 0 }
    if scale == .infinity { return 1 }
    let share = (1 + erf(scale / 2.0.squareRoot())) / 2
    var step = 10.0
    for _ in 1...9 {
      let rounded = (share * step).rounded() / step
      if quantile(Float(rounded)) == Float(scale) { return rounded }
      step *= 10
    }
    return quantile(Float(share)) == Float(scale) ? share : nil
  }

  /// The quantile of the normal distribution, rounded to single precision where the reference rounds.
  private static func quantile(_ share: Float) -> Float {
    let goal = Double(2 * share - 1)
    if abs(goal) >= 1 { return goal < 0 ? -.infinity : .infinity }
    // Newton's steps on erf(x) = goal, from a bound that is safe for every goal.
    var x = 0.0
    for _ in 0..<100 {
      let step = (erf(x) - goal) / (2 / Double.pi.squareRoot() * exp(-x * x))
      let next = x - max(-0.5, min(0.5, step))
      if next == x { break }
      x = next
    }
    return Float(x) * Float(2.0.squareRoot())
  }

  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    let layers = try checkpoint.blockCount
    // The tokenizer is as large as the embedding, not as the embeddings of the layers.
    checkpoint.configuration["vocab_size_per_layer_input"] = checkpoint.configuration["vocab_size"]
    if let width = checkpoint.configuration["intermediate_size"], width.array == nil {
      checkpoint.configuration["intermediate_size"] = .array(Array(repeating: width, count: layers))
    }
    if checkpoint.configuration["layer_types"] == nil {
      checkpoint.configuration["layer_types"] = .array(
        (1...max(1, layers)).map { .string($0 % 5 == 0 ? "full_attention" : "sliding_attention") })
    }
    switch checkpoint.configuration["activation_sparsity_pattern"] {
    case .array: break
    case let share?:
      checkpoint.configuration["activation_sparsity_pattern"] = .array(Array(repeating: share, count: layers))
    case nil:
      checkpoint.configuration["activation_sparsity_pattern"] = .array(
        (0..<layers).map { .double(layers > 10 && $0 < 10 ? 0.95 : 0) })
    }
  }
}

/// Rows that hold nothing but zero bytes.
struct ZeroRows: TensorData {
  func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    for offset in bytes.byteOffsets { bytes.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self) }
  }
}
