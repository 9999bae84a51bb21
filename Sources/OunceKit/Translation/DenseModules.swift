internal import OunceContainers
internal import OunceCore

/// The dense layers that sentence-transformers puts behind a model, in folders of their own.
enum DenseModules {
  /// EmbeddingGemma's: the first is called `dense_2`, others `dense_3`.
  static func gemma(_ checkpoint: Checkpoint) throws(OunceError) -> [(name: String, path: String)] {
    guard checkpoint.options.includesDenseModules else { return [] }
    let modules = try checkpoint.model.json("modules.json")?.array ?? []
    return modules.compactMap { module in
      guard module["type"]?.string?.hasSuffix("Dense") ?? false, let path = module["path"]?.string,
        checkpoint.has(path + "/model.safetensors")
      else { return nil }
      return (path == "2_Dense" ? "dense_2" : "dense_3", path)
    }
  }

  /// The weights, under GGUF's names.
  @Sendable static func gemmaTensors(_ checkpoint: Checkpoint) throws(OunceError) -> [Tensor] {
    var result: [Tensor] = []
    for (name, path) in try gemma(checkpoint) { result += try tensors(checkpoint, path, name) }
    return result
  }

  /// How wide their inputs and outputs are.
  static let gemmaSizes = MetadataRule { (checkpoint, writer) throws(OunceError) in
    for (name, path) in try gemma(checkpoint) {
      guard let settings = try checkpoint.model.json(path + "/config.json"), let input = settings["in_features"],
        let output = settings["out_features"]
      else { continue }
      try writer.set("{arch}.\(name)_feat_in", count: input, of: "in_features")
      try writer.set("{arch}.\(name)_feat_out", count: output, of: "out_features")
    }
  }

  /// LFM 2.5's only one.
  @Sendable static func lfmTensors(_ checkpoint: Checkpoint) throws(OunceError) -> [Tensor] {
    try tensors(checkpoint, "1_Dense", "dense_2")
  }

  /// How wide its output is.
  static let lfmSize = MetadataRule.count("{arch}.embedding_length_out") { (checkpoint) throws(OunceError) in
    checkpoint.options.vocabularyOnly ? nil : try lfmTensors(checkpoint).first?.info.shape.first
  }

  private static func tensors(
    _ checkpoint: Checkpoint, _ path: String, _ name: String
  ) throws(OunceError) -> [Tensor] {
    guard let file = checkpoint.model.companions[path + "/model.safetensors"] else { return [] }
    let tensors = try SafetensorsContainer().read(file).tensors
    return tensors.filter { $0.info.name.hasSuffix("linear.weight") }.map { $0.renamed(name + ".weight") }
  }
}
