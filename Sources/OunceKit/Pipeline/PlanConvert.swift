internal import OunceContainers
public import OunceCore
internal import OunceEncoding
internal import OrderedCollections

extension Model {
  /// Plans a conversion: to GGUF under its names, or to safetensors under the names of the source.
  public func plan(_ request: ConvertRequest) throws(OunceError) -> Plan {
    switch request.format {
    case .gguf: try planGGUF(request)
    case .safetensors: try planSafetensors(request)
    case .huggingFace: try planHuggingFace(request)
    }
  }

  private func planGGUF(_ request: ConvertRequest) throws(OunceError) -> Plan {
    let prepared = try Prepared(self, request.translation)
    let outputType = request.dtype ?? prepared.outputType
    var builder = PlanBuilder(prepared, split: request.split)
    builder.isBigEndian = request.isBigEndian
    var outputs: [OutputTensor] = []
    for (index, tensor) in prepared.model.tensors.enumerated() {
      outputs.append(try builder.converted(tensor.info, index, to: outputType))
    }
    var metadata = prepared.model.metadata
    var name = outputType ?? "converted"
    if let outputType, let recipe = Recipes.named(outputType) {
      metadata = prepared.metadata(
        fileType: prepared.fileTypeOfBlocks ?? recipe.fileType, isQuantized: prepared.isGGUF)
      name = recipe.name
    }
    let path = try prepared.outputPath(
      request.output, request.translation.vocabularyOnly ? nil : name, isOne: true)
    try builder.place(outputs, metadata, path, isQuantized: false)
    return builder.plan(inputs: files, allowsNonFinite: request.allowsNonFinite)
  }

  private func planSafetensors(_ request: ConvertRequest) throws(OunceError) -> Plan {
    var infos: [TensorInfo] = []
    for tensor in tensors {
      infos.append(try tensor.info.forSafetensors(dtype: request.dtype))
    }
    let metadata: Metadata = container == "safetensors" ? self.metadata : Metadata()
    let fileName = Paths.resolvedName(of: path).split(separator: ".").first.map(String.init) ?? "model"
    var output = request.output ?? "\(fileName).safetensors"
    if Paths.isFolder(output) { output = Paths.join(output, "\(fileName).safetensors") }
    let set = try SafetensorsContainer().split(metadata, infos, name: Paths.name(of: output), limits: request.split)
    var planned = PlannedFiles()
    planned.add(output, set, tensors, as: infos)
    return Plan(planned, inputs: files, allowsNonFinite: request.allowsNonFinite)
  }
}

extension TensorInfo {
  /// This tensor as safetensors can hold it: floats in `dtype` where one is given; blocks become floats, since the
  /// format has no name for them.
  func forSafetensors(dtype: String?) throws(OunceError) -> TensorInfo {
    let needsFloats = encoding.safetensorsType == nil
    guard encoding.kind == .float && dtype != nil || needsFloats else { return self }
    let name = dtype ?? "F32"
    let target = try Encodings.require(name)
    guard target.safetensorsType != nil, target is any WritableEncoding else {
      throw OunceError(
        .request, "safetensors cannot hold \(name)", subject: "tensor \(self.name)", remedy: "use F32, F16 or BF16")
    }
    return try TensorInfo(name: self.name, shape: shape, encoding: target)
  }
}
