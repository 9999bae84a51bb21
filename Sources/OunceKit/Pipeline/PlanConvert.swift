internal import OunceContainers
public import OunceCore
internal import OunceEncoding
internal import OrderedCollections

extension Model {
  /// Plans a conversion: to GGUF under its names, to another container under the names of the source, to a folder under
  /// those of transformers.
  ///
  /// - Throws: `OunceError` when the container cannot hold a tensor, or the source is not to be trusted.
  public func plan(_ request: ConvertRequest) throws(OunceError) -> Plan {
    try checkSafety()
    switch request.format {
    case .gguf: return try planGGUF(request)
    case .huggingFace: return try planHuggingFace(request)
    case .mlx: return try planMLX(request)
    case .container(let container): return try planContainer(container, request)
    }
  }

  private func planGGUF(_ request: ConvertRequest) throws(OunceError) -> Plan {
    let prepared = try Prepared(self, request.translation)
    let outputType = request.dtype ?? prepared.outputType
    var builder = PlanBuilder(prepared, split: request.split)
    builder.isBigEndian = request.isBigEndian
    var outputs: [OutputTensor] = []
    // Under their own names tensors are no model of llama.cpp's: they are copied.
    let isCopy = request.translation.usesOriginalNames && request.dtype == nil
    for (index, tensor) in prepared.model.tensors.enumerated() {
      outputs.append(
        isCopy
          ? OutputTensor(index: index, info: try tensor.info.fitting(GGUFContainer(), dtype: nil))
          : try builder.converted(tensor.info, index, to: outputType))
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
    try builder.placeTaskAdapters(beside: path)
    return builder.plan(inputs: files, allowsNonFinite: request.allowsNonFinite)
  }
}
