public import OrderedCollections
public import OunceCore

/// What a caller may decide about a translation.
public struct TranslationOptions: Sendable {
  /// The name of the BPE pre-tokenizer, where the structure of tokenizer.json does not tell.
  public var pretokenizer: String?
  /// The value of `general.name`.
  public var modelName: String?
  /// A JSON file of metadata that wins over what the model card says.
  public var metadataFile: InputFile?
  /// Whether tensors keep the names of the checkpoint, 1:1, without an architecture.
  public var usesOriginalNames: Bool
  /// Whether layers that predict further tokens are left out (`--no-nextn`).
  public var withoutNextPrediction: Bool
  /// Whether only the layers that predict further tokens are kept, with the embedding and the head (`--mtp`).
  public var onlyNextPrediction = false
  /// Whether only the DSpark drafter is kept that a DeepSeek V4 carries (`--dspark`).
  public var onlySparkDrafter = false
  /// Whether the dense layers behind an embedding model are written too, where the folder has them.
  public var includesDenseModules = true
  /// Whether queries, keys and values of a layer become one tensor, where the family's graph knows it (`--fuse-qkv`).
  public var fusesQueryKeyValue = false
  /// Whether the gates and the projections of a layer's experts become one tensor (`--fuse-gate-up-exps`).
  public var fusesGateUpExperts = false
  /// Whether weights that were FP8 are stored as Q8_0, whatever the type of the others (`--fp8-as-q8`).
  public var storesFP8AsQ8 = false
  /// The model for which a drafter proposes tokens: its settings and its vocabulary (`--target-model-dir`).
  public var targetModel: Model?
  /// Rules of the user's own (docs/rules.md), in the place of a known family's.
  public var rulesFile: InputFile?
  /// Whether only the tokenizer and the settings are written.
  public var vocabularyOnly: Bool
  /// Whether a checkpoint without a tokenizer is translated all the same, with a note: for a plan that is only looked
  /// at. Its sizes lack the vocabulary.
  public var toleratesMissingTokenizer = false

  public init(
    pretokenizer: String? = nil, modelName: String? = nil, metadataFile: InputFile? = nil,
    usesOriginalNames: Bool = false, withoutNextPrediction: Bool = false, vocabularyOnly: Bool = false
  ) {
    self.pretokenizer = pretokenizer
    self.modelName = modelName
    self.metadataFile = metadataFile
    self.usesOriginalNames = usesOriginalNames
    self.withoutNextPrediction = withoutNextPrediction
    self.vocabularyOnly = vocabularyOnly
  }
}

/// A checkpoint under GGUF names: views only, nothing is read.
public struct Translation: Sendable {
  /// The tensors in the order in which the reference converter writes them. `metadata` lacks `general.file_type` and
  /// `general.quantization_version`, which depend on the recipe: see `convertedMetadata` and `quantizedMetadata`.
  public var model: Model
  /// The value of `general.architecture`; nil with `usesOriginalNames`.
  public let architecture: Architecture?
  /// What the user should know.
  public var notes: [String]
  /// The parts of the model's name.
  public let name: ModelName
  /// Encodings that the converter uses whatever the output type, by the tensor's name.
  public let forcedEncodings: [String: String]
  /// Adapters that the checkpoint carries for single tasks: files of their own.
  var taskAdapters: [TaskAdapter] = []
  /// How many keys of `model.metadata` precede `general.file_type` in the reference converter's output.
  /// Nil: it writes none for this family.
  let fileTypeIndex: Int?
  /// How many keys of `model.metadata` precede `general.quantization_version` there.
  let quantizationVersionIndex: Int

  /// The metadata as the reference converter writes it.
  ///
  /// - Parameter fileType: ggml's number of the recipe, such as 1 for F16; nil: the file type is left out.
  public func convertedMetadata(fileType: UInt32?) -> Metadata {
    var metadata = Metadata()
    for (index, entry) in model.metadata.enumerated() {
      insert(before: index, fileType, into: &metadata)
      metadata[entry.key] = entry.value
    }
    insert(before: model.metadata.count, fileType, into: &metadata)
    return metadata
  }

  private func insert(before index: Int, _ fileType: UInt32?, into metadata: inout Metadata) {
    if index == fileTypeIndex, let fileType { metadata["general.file_type"] = .uint32(fileType) }
    if index == quantizationVersionIndex { metadata["general.quantization_version"] = .uint32(2) }
  }

  /// The metadata as llama-quantize writes it: the two keys come last.
  public func quantizedMetadata(fileType: UInt32) -> Metadata {
    var metadata = model.metadata
    metadata["general.quantization_version"] = .uint32(2)
    metadata["general.file_type"] = .uint32(fileType)
    return metadata
  }

  /// The encoding in which the reference converter stores a tensor: `TensorInfo.converterEncoding`, but for tensors
  /// whose encoding is forced.
  public func converterEncoding(of info: TensorInfo, _ outputType: String) -> String {
    guard let wanted = forcedEncodings[info.name], info.shape.count > 1, !info.name.hasSuffix("_norm.weight"),
      let encoding = Encodings.named(wanted)
    else { return info.converterEncoding(outputType) }
    return info.columnCount % encoding.elementsPerBlock == 0 ? wanted : "F16"
  }

  /// The name of an output file without its extension: `Qwen3-0.6B-Q4_K_M`.
  ///
  /// - Parameter encoding: the recipe's name; nil for a file that holds the vocabulary only.
  public func defaultFileStem(encoding: String?) -> String { name.fileStem(encoding: encoding) }
}

extension Model {
  /// This checkpoint under GGUF names, with the metadata that the reference converter would write.
  ///
  /// - Throws: `OunceError` of kind `.unsupported` for an unknown architecture or pre-tokenizer, `.malformed` when
  ///   configuration and tensors contradict each other.
  public func translated(_ options: TranslationOptions = .init()) throws(OunceError) -> Translation {
    if options.usesOriginalNames { return try translatedUnderOwnNames(options) }
    let (checkpoint, architecture) = try checkpoint(options)
    return try checkpoint.translated(by: architecture)
  }

  /// What the rules of this checkpoint's architecture may ask, and the architecture.
  func checkpoint(_ options: TranslationOptions) throws(OunceError) -> (Checkpoint, Architecture) {
    guard let json = try json("config.json") else {
      throw OunceError(
        .notFound, "has no config.json, which names the architecture", file: path,
        remedy: companions["adapter_config.json"] != nil
          ? "it is an adapter: name the folder of its base model with --base"
          : "download all files of the model, or convert the tensors 1:1 under their own names with --no-map")
    }
    let configuration = Configuration(json)
    let className: String
    let architecture: Architecture
    if let file = options.rulesFile {
      className = (try? Self.className(json)) ?? ""
      architecture = try RuleFile(file).architecture()
    } else {
      className = try Self.className(json)
      guard let family = Architectures.named(className) else { throw Architectures.unknown(className) }
      architecture = try options.onlySparkDrafter ? family.sparkDrafter : family.variant(configuration) ?? family
    }
    // Rules, like the reference, see the planes of quantized weights: `dequantized` joins them.
    var planes = self
    planes.tensors = try tensors.planes.unstackingExperts()
    var checkpoint = Checkpoint(
      model: planes, options: options, configuration: configuration, architectureName: architecture.name,
      className: className)
    checkpoint.configuration.fill(architecture.defaults)
    try architecture.derive(&checkpoint)
    checkpoint.configuration.gatherRope()
    return (checkpoint, architecture)
  }

  /// The class of the language model: in multimodal configurations the nested settings name it.
  static func className(_ json: JSON) throws(OunceError) -> String {
    let text = json["text_config"]?["architectures"]?.array?.first?.string
    if let name = text ?? json["architectures"]?.array?.first?.string { return name }
    if let layer = json["ssm_cfg"] { return (layer["layer"]?.string ?? "Mamba") + "ForCausalLM" }
    throw OunceError(
      .unsupported, "names no class under \"architectures\"", file: "config.json",
      remedy: "tensors can still be converted 1:1 under their own names with --no-map")
  }

  private func translatedUnderOwnNames(_ options: TranslationOptions) throws(OunceError) -> Translation {
    let name = ModelName(folder: Paths.resolvedName(of: path), parameterCount: tensors.parameters.total)
    var model = self
    model.metadata = ["general.type": .string("model"), "general.name": .string(options.modelName ?? name.title)]
    return Translation(
      model: model, architecture: nil,
      notes: ["tensors keep their own names; programs that need an architecture will not load the file"],
      name: name, forcedEncodings: [:], fileTypeIndex: model.metadata.count,
      quantizationVersionIndex: model.metadata.count)
  }
}

extension Checkpoint {
  fileprivate func translated(by architecture: Architecture) throws(OunceError) -> Translation {
    var checkpoint = self
    let tensors = options.vocabularyOnly ? [] : try checkpoint.translateTensors(by: architecture)
    var general = try GeneralMetadata(checkpoint, parameters: tensors.parameters)
    if options.vocabularyOnly || options.onlyNextPrediction { general.name.sizeLabel = nil }
    general.name.isDraft = options.onlyNextPrediction
    var writer = MetadataWriter(architectureName: checkpoint.architectureName)
    writer.set("general.architecture", .string(checkpoint.architectureName))
    for rule in architecture.leadingMetadata { try rule.apply(checkpoint, to: &writer) }
    writer.set("general.type", .string("model"))
    general.write(to: &writer)
    for rule in architecture.metadata { try rule.apply(checkpoint, to: &writer) }
    let quantizationVersionIndex = writer.metadata.count
    do { try architecture.tokenizer.write(checkpoint, to: &writer) } catch {
      guard options.toleratesMissingTokenizer, error.kind == .notFound else { throw error }
      checkpoint.notes.append("the folder \(error.problem): sizes lack the vocabulary, and the run itself would refuse")
    }
    var model = model
    model.tensors = tensors
    model.metadata = writer.metadata
    var translation = Translation(
      model: model, architecture: architecture, notes: checkpoint.notes, name: general.name,
      forcedEncodings: checkpoint.forcedEncodings, fileTypeIndex: writer.fileTypeIndex,
      quantizationVersionIndex: quantizationVersionIndex)
    if !options.vocabularyOnly { translation.taskAdapters = try checkpoint.taskAdapters(by: architecture) }
    return translation
  }
}
