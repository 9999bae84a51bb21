internal import OunceContainers
public import OunceCore
internal import OunceEncoding
internal import OrderedCollections

extension Model {
  /// Plans the quantization of a checkpoint or a GGUF file: the bytes that llama.cpp's converter and quantizer would
  /// write in two steps.
  ///
  /// - Throws: `OunceError` when the model cannot be translated, a recipe does not fit or names collide.
  public func plan(_ request: QuantizeRequest) throws(OunceError) -> Plan {
    let prepared = try Prepared(self, request.translation)
    var builder = PlanBuilder(prepared, split: request.split)
    for recipe in request.recipes {
      try builder.add(
        recipe, request, path: prepared.outputPath(request.output, recipe.name, isOne: request.recipes.count == 1))
    }
    return builder.plan(inputs: files, allowsNonFinite: request.allowsNonFinite)
  }
}

extension Prepared {
  /// The path of one output.
  func outputPath(_ output: String?, _ encoding: String, isOne: Bool) throws(OunceError) -> String {
    guard let output else { return fileName(encoding: encoding) }
    if Paths.isFolder(output) { return Paths.join(output, fileName(encoding: encoding)) }
    guard isOne else {
      throw OunceError(
        .request, "several recipes need a folder, and this is none", file: output, remedy: "make the folder first")
    }
    return output
  }
}

/// Collects files and the tensors that go into them, so that a tensor that several files want is read once.
struct PlanBuilder {
  private let prepared: Prepared
  private let split: ShardLimits
  private var files: [Plan.File] = []
  private var targets: [[Plan.Target]]
  private var notes: [String]

  init(_ prepared: Prepared, split: ShardLimits) {
    self.prepared = prepared
    self.split = split
    targets = Array(repeating: [], count: prepared.model.tensors.count)
    notes = prepared.notes
  }

  func plan(inputs: [InputFile], allowsNonFinite: Bool) -> Plan {
    let steps = zip(prepared.model.tensors, targets).filter { !$1.isEmpty }.map { Plan.Step(source: $0, targets: $1) }
    return Plan(files: files, steps: steps, notes: notes, inputs: inputs, allowsNonFinite: allowsNonFinite)
  }

  /// Adds the file of one recipe.
  mutating func add(_ recipe: Recipe, _ request: QuantizeRequest, path: String) throws(OunceError) {
    let tensors = prepared.model.tensors.map(\.info)
    let isMix = try Encodings.require(recipe.encoding).kind == .quantized
    // From a checkpoint, a float recipe is the converter's work: its order, its metadata.
    let isConversion = !isMix && !prepared.isGGUF
    let order = isConversion ? Array(tensors.indices) : TensorOrder.canonical(tensors)
    var outputs: [OutputTensor] = []
    if isConversion {
      for index in order { outputs.append(try converted(tensors[index], index, to: recipe.encoding)) }
    } else {
      outputs = try chosen(recipe, request, tensors, order)
    }
    var metadata = prepared.metadata(fileType: recipe.fileType, isQuantized: !isConversion)
    if let importance = request.importance { metadata.merge(importance.record) { $1 } }
    try place(outputs, metadata, path, isQuantized: !isConversion)
  }

  /// One tensor as the reference converter stores it.
  mutating func converted(_ info: TensorInfo, _ index: Int, to outputType: String?) throws(OunceError) -> OutputTensor {
    guard info.encoding.kind == .float, let outputType else {
      return OutputTensor(index: index, info: info)
    }
    let encoding = try Encodings.require(info.converterEncoding(outputType))
    return OutputTensor(
      index: index, info: try TensorInfo(name: info.name, shape: info.shape, encoding: encoding))
  }

  private mutating func chosen(
    _ recipe: Recipe, _ request: QuantizeRequest, _ tensors: [TensorInfo], _ order: [Int]
  ) throws(OunceError) -> [OutputTensor] {
    var before: [TensorInfo] = []
    for index in order {
      let info = tensors[index]
      before.append(
        try TensorInfo(name: info.name, shape: info.shape, encoding: try prepared.encodingBeforeRecipe(info)))
    }
    let traits = ModelTraits(metadata: prepared.model.metadata, hasImportance: request.importance != nil)
    let choices = try recipe.choose(for: before, traits: traits, overrides: request.overrides)
    var outputs: [OutputTensor] = []
    var fallbacks: [String: Int] = [:]
    for (position, index) in order.enumerated() {
      let (choice, info) = (choices[position], before[position])
      if info.encoding.kind == .quantized, choice.encoding.name != info.encoding.name, !request.allowsRequantizing {
        throw OunceError(
          .request, "is \(info.encoding.name) already, and quantizing it again would lose more",
          file: prepared.model.path, subject: "tensor \(info.name)",
          remedy: "start from the original weights, or accept the loss with --allow-requantize")
      }
      let isChanged = choice.encoding.name != info.encoding.name
      let importance = isChanged ? try request.importance?.weights(for: info) : nil
      if importance == nil { try recipe.checkNeed(of: info, choice, prepared.model.path) }
      if let meant = choice.meant { fallbacks["\(meant) → \(choice.encoding.name)", default: 0] += 1 }
      outputs.append(
        OutputTensor(
          index: index, info: try TensorInfo(name: info.name, shape: info.shape, encoding: choice.encoding),
          before: info.encoding, meant: choice.meant, importance: importance))
    }
    if !fallbacks.isEmpty {
      let list = fallbacks.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }.joined(separator: ", ")
      notes.append(
        "\(recipe.name): rows of \(fallbacks.values.reduce(0, +)) of \(order.count) tensors are no whole blocks, "
          + "so they take another type: \(list)")
    }
    return outputs
  }

  /// Gives each tensor its place in the file, or the files, of one output.
  mutating func place(
    _ outputs: [OutputTensor], _ metadata: Metadata, _ path: String, isQuantized: Bool
  ) throws(OunceError) {
    let folder = Paths.folder(of: path)
    // ggml drops slowest dimensions of size 1 where the converter keeps them.
    let container = GGUFContainer(options: .init(dropsLeadingOnes: isQuantized))
    let set = try container.split(
      metadata, outputs.map(\.info), name: Paths.name(of: path), limits: split)
    for shard in set.shards {
      // A path that was given is kept as it was spelled.
      let path = set.shards.count == 1 ? path : Paths.join(folder, shard.name)
      guard !files.contains(where: { $0.path == path }) else {
        throw OunceError(.request, "two outputs would have this name", file: path)
      }
      for (position, offset) in zip(shard.tensors, shard.layout.offsets) {
        let output = outputs[position]
        targets[output.index].append(
          Plan.Target(
            file: files.count, offset: offset, info: output.info, before: output.before, meant: output.meant,
            importance: output.importance))
      }
      files.append(Plan.File(path: path, header: shard.layout.header, byteCount: shard.layout.byteCount))
    }
  }
}

/// One tensor of one output.
struct OutputTensor {
  /// Index into the tensors of the source.
  let index: Int
  let info: TensorInfo
  /// The encoding that the two-step way has between checkpoint and quantizer.
  var before: (any Encoding)?
  var meant: String?
  var importance: [Float]?
}

extension Recipe {
  /// Refuses an encoding that is worthless for a tensor without importance weights.
  fileprivate func checkNeed(of info: TensorInfo, _ choice: Choice, _ path: String) throws(OunceError) {
    guard choice.isQuantizable, encodingsThatNeedImportance.contains(choice.encoding.name),
      !["token_embd.weight", "per_layer_token_embd.weight", "output.weight"].contains(info.name)
    else { return }
    throw OunceError(
      .request, "\(choice.encoding.name) without importance weights would be worthless", file: path,
      subject: "tensor \(info.name)",
      remedy: "pass --imatrix with weights for this tensor, or choose a larger recipe, such as Q3_K_M or IQ4_XS")
  }
}
