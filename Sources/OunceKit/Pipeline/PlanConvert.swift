internal import OunceContainers
public import OunceCore
internal import OunceEncoding

extension Model {
  /// Plans a conversion: to GGUF under its names, or to safetensors under the names of the source.
  public func plan(_ request: ConvertRequest) throws(OunceError) -> Plan {
    switch request.format {
    case .gguf: try planGGUF(request)
    case .safetensors: try planSafetensors(request)
    }
  }

  private func planGGUF(_ request: ConvertRequest) throws(OunceError) -> Plan {
    let prepared = try Prepared(self, request.translation)
    let outputType: String? =
      switch prepared.origin {
      case .checkpoint(_, let own): request.dtype ?? own
      case .gguf: request.dtype
      }
    var builder = PlanBuilder(prepared, split: request.split)
    var outputs: [OutputTensor] = []
    for (index, tensor) in prepared.model.tensors.enumerated() {
      outputs.append(try builder.converted(tensor.info, index, to: outputType))
    }
    var metadata = prepared.model.metadata
    var name = outputType ?? "converted"
    if let outputType, let recipe = Recipes.named(outputType) {
      metadata = prepared.metadata(fileType: recipe.fileType, isQuantized: prepared.isGGUF)
      name = recipe.name
    }
    try builder.place(outputs, metadata, try prepared.outputPath(request.output, name, isOne: true))
    return builder.plan(inputs: files, allowsNonFinite: request.allowsNonFinite)
  }

  private func planSafetensors(_ request: ConvertRequest) throws(OunceError) -> Plan {
    var infos: [TensorInfo] = []
    for tensor in tensors {
      infos.append(try tensor.info.forSafetensors(dtype: request.dtype))
    }
    let metadata: Metadata = container == "safetensors" ? metadata : [:]
    let layout = try SafetensorsContainer().layout(metadata, infos)
    let fileName = Paths.resolvedName(of: path).split(separator: ".").first.map(String.init) ?? "model"
    var output = request.output ?? "\(fileName).safetensors"
    if Paths.isFolder(output) { output = Paths.join(output, "\(fileName).safetensors") }
    let steps = tensors.indices.map { index in
      Plan.Step(
        source: tensors[index],
        targets: [
          Plan.Target(
            file: 0, offset: layout.offsets[index], info: infos[index], before: nil, meant: nil, importance: nil)
        ])
    }
    return Plan(
      files: [Plan.File(path: output, header: layout.header, byteCount: layout.byteCount)], steps: steps,
      inputs: files, allowsNonFinite: request.allowsNonFinite)
  }
}

extension TensorInfo {
  /// This tensor as safetensors can hold it: floats in `dtype` where one is given; blocks become floats, since the
  /// format has no name for them.
  fileprivate func forSafetensors(dtype: String?) throws(OunceError) -> TensorInfo {
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
