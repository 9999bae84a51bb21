internal import OunceCore

/// Small models that propose tokens for a large one, from what its layers say: EAGLE 3, DFlash and DSpark. The target's
/// folder gives the vocabulary (`TranslationOptions.targetModel`).
extension Architecture {
  static let eagle3: Architecture = Architecture(
    "eagle3", ["LlamaForCausalLMEagle3", "Eagle3LlamaForCausalLM", "Eagle3Speculator", "Eagle3DraftModel"],
    variant: { Drafter.isEagle($0) ? nil : Architecture.llama }, derive: Drafter.deriveEagle,
    rename: Drafter.renameEagle,
    tensors: Llama.tensors
      + Decoder.layers(TensorRule("hidden_norm.weight", "attn_norm_2.weight"))
      + [
        TensorRule("fc.weight", "fc.weight"), TensorRule("input_norm.weight", "enc.output_norm.weight"),
        TensorRule("d2t", "d2t", AbsoluteIds()).written(last: true), .ignored("t2d"),
      ], computed: RopeFrequencies.llama3, leadingMetadata: Drafter.eagleMetadata, metadata: Llama.metadata,
    tokenizer: TargetTokenizer(rule: LlamaTokenizer()))

  static let dFlash = Architecture(
    "dflash", ["DFlashDraftModel", "DFlash2DraftModel"], defaults: Qwen.third, names: Drafter.names,
    rename: Drafter.renameFlash, tensors: Drafter.flashTensors, computed: MaskEmbedding.tensors,
    metadata: MetadataRule.common + MetadataRule.pooling + Drafter.flashMetadata,
    tokenizer: TargetTokenizer(maskKey: "mask_token_id"))

  /// The assistant of Muse Glimmer, as transformers has it.
  static let museGlimmerAssistant = Architecture(
    "dflash", ["MuseGlimmerAssistantModel"],
    defaults: [
      "rope_theta": .double(500_000), "max_position_embeddings": .integer(131_072), "rms_norm_eps": .double(1e-5),
      "sliding_window": .integer(2048), "block_size": .integer(16), "mask_token_id": .integer(201_818),
    ], derive: Drafter.deriveAssistant,
    tensors: Drafter.flashTensors.map { $0.renamed { $0.hasPrefix("model.") ? String($0.dropFirst(6)) : $0 } } + [
      TensorRule("encoder.fc.weight", "fc.weight"),
      TensorRule("encoder.output_norm_enc.weight", "enc.output_norm.weight"),
    ], metadata: MetadataRule.common + Drafter.assistantMetadata,
    tokenizer: TargetTokenizer(maskKey: "mask_token_id", isMaskNested: false))

  /// DFlash with a head that knows the token before.
  static let dSpark = Architecture(
    "dflash",
    ["Qwen3DSparkModel", "DSparkDraftModel", "DSparkSpeculator", "Lfm2DSparkDraftModel", "LingDSparkModel"],
    defaults: Qwen.third, derive: Drafter.deriveSpark, names: Drafter.names, rename: Drafter.renameSpark,
    tensors: Drafter.flashTensors + [
      TensorRule("model.d2t", "d2t", AbsoluteIds()).written(last: true), .ignored("model.t2d"),
    ] + Drafter.sparkTensors, computed: MaskEmbedding.tensors,
    metadata: MetadataRule.common + MetadataRule.pooling + Drafter.flashMetadata + Drafter.sparkMetadata,
    tokenizer: TargetTokenizer(maskKey: "mask_token_id"))
}

enum Drafter {
  /// Nested settings of EAGLE's speculators count as the file's own.
  static func isEagle(_ configuration: Configuration) -> Bool {
    var configuration = configuration
    configuration.lift("transformer_layer_config")
    return configuration.contains("draft_vocab_size") && configuration.integer("num_hidden_layers") == 1
  }

  @Sendable static func deriveEagle(_ checkpoint: inout Checkpoint) throws(OunceError) {
    checkpoint.configuration.lift("transformer_layer_config")
    // Classes of transformers fill in what the file does not say.
    guard checkpoint.configuration.string("model_type") == "llama" else { return }
    try Llama.derive(&checkpoint)
  }

  /// The one layer has a name of its own.
  @Sendable static func renameEagle(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    if name.hasPrefix("midlayer.") { return "model.layers.0." + name.dropFirst(9) }
    return ["layers.", "embed_tokens.", "norm."].contains { name.hasPrefix($0) } ? "model." + name : name
  }

  static let eagleMetadata: [MetadataRule] = [
    .value("{arch}.target_layers") { (checkpoint) throws(OunceError) in
      if let listed = checkpoint.configuration.array("eagle_aux_hidden_state_layer_ids"), !listed.isEmpty {
        return .array(.int32(listed.map { Int32(clamping: $0.integer ?? 0) }))
      }
      let count = try target(checkpoint).require("num_hidden_layers")
      return .array(.int32([2, Int32(count / 2), Int32(count - 3)]))
    },
    .count("{arch}.target_hidden_size") { (checkpoint) throws(OunceError) in
      if let size = checkpoint.configuration.integer("target_hidden_size") { return size }
      return try target(checkpoint).require("hidden_size")
    },
    .value("{arch}.norm_before_residual") { (checkpoint) throws(OunceError) in
      .bool(checkpoint.configuration.isTrue("norm_before_residual"))
    },
    .value("{arch}.norm_before_fc") { (checkpoint) throws(OunceError) in
      .bool(checkpoint.configuration.isTrue("norm_before_fc"))
    },
  ]

  /// The settings of the model for which tokens are proposed.
  static func target(_ checkpoint: Checkpoint) throws(OunceError) -> Configuration {
    guard let json = try model(checkpoint).json("config.json") else {
      throw OunceError(.notFound, "has no config.json", file: try model(checkpoint).path)
    }
    return Configuration(json)
  }

  static func model(_ checkpoint: Checkpoint) throws(OunceError) -> Model {
    guard let target = checkpoint.options.targetModel else {
      throw OunceError(
        .request, "proposes tokens for another model, whose vocabulary it shares", file: checkpoint.model.path,
        remedy: "name the folder of that model with --target-model-dir")
    }
    return target
  }
}

/// The vocabulary of the model for which tokens are proposed.
struct TargetTokenizer: TokenizerRule {
  /// How it is read; nil: as the target's family does.
  var rule: (any TokenizerRule)?
  /// Which setting is the token that stands for those to come.
  var maskKey: String?
  /// Whether it is one of `dflash_config`.
  var isMaskNested = true

  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    let target = try Drafter.model(checkpoint)
    var rule = rule
    if rule == nil, let json = try target.json("config.json") {
      let className = try Model.className(json)
      guard let family = Architectures.named(className) else { throw Architectures.unknown(className) }
      rule = (family.variant(Configuration(json)) ?? family).tokenizer
    }
    let own = Checkpoint(
      model: target, options: checkpoint.options, configuration: checkpoint.configuration,
      architectureName: checkpoint.architectureName, className: checkpoint.className)
    try rule?.write(own, to: &writer)
    guard let maskKey else { return }
    let configuration = checkpoint.configuration
    if let mask = isMaskNested ? configuration["dflash_config"]?[maskKey] : configuration[maskKey], mask != .null {
      try writer.set("tokenizer.ggml.mask_token_id", count: mask, of: maskKey)
    }
  }
}

/// Ids of the target's tokens: checkpoints store their distance from the place.
struct AbsoluteIds: TensorTransform {
  var inverse: (any TensorTransform)? { nil }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    guard tensor.info.encoding.name == "I64", tensor.info.elementCount <= Limits.vocabulary else {
      throw OunceError(
        .unsupported,
        "expected at most \(Limits.vocabulary) whole numbers of 64 bits, found "
          + "\(tensor.info.elementCount) of \(tensor.info.encoding.name)", subject: "tensor \(tensor.info.name)")
    }
    let count = try Drafter.target(checkpoint).integer("vocab_size") ?? Limits.vocabulary
    let flat = try tensor.reshaped([tensor.info.elementCount])
    return Tensor(info: flat.info, data: AbsoluteIdData(distances: flat, idCount: count))
  }
}

private struct AbsoluteIdData: TensorData {
  let distances: Tensor
  let idCount: Int

  func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    var source = [UInt8](repeating: 0, count: rows.count * distances.info.rowByteCount)
    try source.withMutableRawSpan { (span) throws(OunceError) in try distances.data.read(rows: rows, into: &span) }
    var seen = Set<Int64>()
    for place in 0..<source.count / 8 {
      var number: UInt64 = 0
      for index in (0..<8).reversed() { number = number << 8 | UInt64(source[place * 8 + index]) }
      let (id, overflow) = Int64(bitPattern: number).addingReportingOverflow(Int64(place))
      guard !overflow, id >= 0, id < idCount, seen.insert(id).inserted else {
        throw OunceError(
          .malformed, "element \(place) stands for token \(id), expected another one of \(idCount)",
          subject: "tensor \(distances.info.name)", remedy: "the drafter and the target do not belong together")
      }
      bytes.storeBytes(of: id.littleEndian, toByteOffset: place * 8, as: Int64.self)
    }
  }
}
