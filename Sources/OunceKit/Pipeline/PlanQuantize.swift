internal import OrderedCollections
public import OunceCore
internal import OunceEncoding

extension Model {
  /// Plans the quantization of a checkpoint or a GGUF file: the bytes that llama.cpp's converter and quantizer would
  /// write in two steps.
  ///
  /// - Throws: `OunceError` when the model cannot be translated, a recipe, a rule or an importance matrix does not fit,
  ///   or names collide.
  public func plan(_ request: QuantizeRequest) throws(OunceError) -> Plan {
    try checkSafety()
    let prepared = try Prepared(self, request.translation, prunedLayers: request.prunedLayers)
    var builder = PlanBuilder(prepared, split: request.split)
    builder.coverage = request.importance.map { ImportanceCoverage(unusedOf: $0, in: prepared) }
    if request.keepsSplit { builder.groups = try groupsOfSource(prepared, request) }
    for recipe in request.recipes {
      try builder.add(
        recipe, request, path: prepared.outputPath(request.output, recipe.name, isOne: request.recipes.count == 1))
    }
    return builder.plan(inputs: files, allowsNonFinite: request.allowsNonFinite)
  }

  /// The tensors of each file of the source, as indices.
  private func groupsOfSource(_ prepared: Prepared, _ request: QuantizeRequest) throws(OunceError) -> [[Int]] {
    guard prepared.isGGUF else {
      throw OunceError(
        .request, "--keep-split needs a GGUF source: a checkpoint's files hold other tensors than GGUF has", file: path,
        remedy: "--split-max-size cuts the output")
    }
    guard request.split == .init() else {
      throw OunceError(.request, "--keep-split and the --split options exclude each other")
    }
    let files = Dictionary(grouping: prepared.model.tensors.indices, by: { prepared.model.tensors[$0].fileIndex })
    return files.sorted { $0.key < $1.key }.map(\.value)
  }
}

extension PlanBuilder {
  /// Adds the file of one recipe.
  mutating func add(_ recipe: Recipe, _ request: QuantizeRequest, path: String) throws(OunceError) {
    let tensors = prepared.model.tensors.map(\.info)
    let isMix = try recipe.encoding.map { name throws(OunceError) in try Encodings.require(name).kind == .quantized }
    // From a checkpoint, a float recipe is the converter's work: its order, its metadata.
    let isConversion = isMix != true && !prepared.isGGUF
    let keepsOrder = isConversion || groups != nil
    let order = keepsOrder ? Array(tensors.indices) : TensorOrder.canonical(tensors)
    var outputs: [OutputTensor] = []
    if isConversion {
      let outputType = recipe.encoding ?? prepared.outputType
      for index in order { outputs.append(try converted(tensors[index], index, to: outputType)) }
    } else {
      outputs = try chosen(recipe, request, tensors, order)
    }
    var metadata = prepared.metadata(fileType: recipe.fileType, isQuantized: !isConversion)
    metadata.setLast(request.metadataOverrides, matchesReference: request.matchesReference)
    if let importance = request.importance, !importance.isEmpty, !isConversion {
      for (key, value) in importance.record(matchesReference: request.matchesReference) {
        metadata.setLast(value, forKey: key)
      }
    }
    prepared.adjustForPruning(&metadata, matchesReference: request.matchesReference)
    try place(outputs, metadata, path, isQuantized: !isConversion)
  }

  /// The encoding of each tensor by a recipe, and the weights that it is quantized with.
  private mutating func chosen(
    _ recipe: Recipe, _ request: QuantizeRequest, _ tensors: [TensorInfo], _ order: [Int]
  ) throws(OunceError) -> [OutputTensor] {
    var before: [TensorInfo] = []
    for index in order {
      let info = tensors[index]
      before.append(
        try TensorInfo(name: info.name, shape: info.shape, encoding: try prepared.encodingBeforeRecipe(index)))
    }
    let importance = request.importance.flatMap { $0.isEmpty ? nil : $0 }
    var hyperparameters = prepared.model.metadata
    hyperparameters.setLast(request.metadataOverrides, matchesReference: request.matchesReference)
    let traits = ModelTraits(metadata: hyperparameters, hasImportance: importance != nil)
    let path = prepared.model.path
    let choices = try recipe.choose(for: before, traits: traits, overrides: request.overrides, path: path)
    var outputs: [OutputTensor] = []
    var fallbacks = Fallbacks.Tally()
    var needy: [String] = []
    for (position, index) in order.enumerated() {
      let (choice, info) = (choices[position], before[position])
      if info.encoding.kind == .quantized, choice.encoding.name != info.encoding.name, !request.allowsRequantizing {
        throw OunceError(
          .request, "is \(info.encoding.name) already, and quantizing it again would lose more", file: path,
          subject: "tensor \(info.name)",
          remedy: "start from the original weights, or accept the loss with --allow-requantize")
      }
      let isChanged = choice.encoding.name != info.encoding.name
      let name = prepared.importanceName(index)
      let weights = isChanged ? coverage?.weights(for: info, name, importance, choice) : nil
      if weights == nil, recipe.needsImportance(info, choice) { needy.append(info.name) }
      fallbacks.count(choice)
      outputs.append(
        OutputTensor(
          index: index,
          info: try TensorInfo(
            name: info.name, shape: info.shape, encoding: choice.encoding.asWritten(request.matchesReference)),
          before: info.encoding, meant: choice.meant, importance: weights))
    }
    try coverage?.checkFit(path: request.importance?.path ?? path)
    try recipe.refuseWithoutImportance(needy, path)
    if let note = fallbacks.note(recipe.name, of: order.count) { notes.append(note) }
    return outputs
  }
}

extension Encoding {
  /// The encoding that writes: the reference's own where it is to be matched.
  fileprivate func asWritten(_ matchesReference: Bool) -> any Encoding {
    matchesReference ? (self as? any CorrectedEncoding)?.reference ?? self : self
  }
}

extension Recipe {
  /// Whether the chosen encoding is worthless for a tensor without importance weights.
  fileprivate func needsImportance(_ info: TensorInfo, _ choice: Choice) -> Bool {
    choice.isQuantizable && choice.encoding.name != info.encoding.name
      && encodingsThatNeedImportance.contains(choice.encoding.name)
      && !["token_embd.weight", "per_layer_token_embd.weight", "output.weight"].contains(info.name)
  }

  /// - Parameter names: tensors whose encoding is worthless without importance weights.
  fileprivate func refuseWithoutImportance(_ names: [String], _ path: String) throws(OunceError) {
    guard let first = names.first else { return }
    let others = names.count > 1 ? " and \(names.count - 1) more" : ""
    throw OunceError(
      .request, "\(name) needs importance weights: without them the file would be worthless", file: path,
      subject: "tensor \(first)\(others)",
      remedy: "pass --imatrix with weights for these tensors, or choose a larger recipe, such as Q3_K_M or IQ4_XS")
  }
}
