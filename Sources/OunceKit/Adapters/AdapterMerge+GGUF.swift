internal import OunceCore

extension Model {
  /// This GGUF model with the weights of an adapter added: its tensors are taken back to the names of the checkpoint,
  /// changed there, and taken forth again. Blocks become F32 where they change; everything else stays as it is.
  ///
  /// - Throws: `OunceError` when the family has no way back, or the adapter does not fit.
  func mergingUnderGGUFNames(_ adapter: Adapter) throws(OunceError) -> Model {
    let source = try ExportSource(self)
    let form = try HuggingFaceForm.of(source)
    let settings = try form.configuration(of: source, dtype: "F32")
    let tensors = try TensorReversal(form, try form.checkpoint(settings, self), source).tensors()
    let checkpoint = Model(path: path, container: "safetensors", tensors: tensors, files: files)
    let changed = try checkpoint.merging([adapter])
    var forth = try form.checkpoint(settings, changed)
    let targets = try adapter.targets(form.architecture, forth)
    var made: [String: Tensor] = [:]
    for tensor in try forth.translateTensors(by: form.architecture) { made[tensor.info.name] = tensor }
    var merged = self
    for (index, tensor) in self.tensors.enumerated() where targets.contains(tensor.info.name) {
      guard let new = made[tensor.info.name], new.info.elementCount == tensor.info.elementCount else {
        throw OunceError(
          .unsupported, "has another shape with the adapter, but the file's vocabulary stays", file: adapter.path,
          subject: "tensor \(tensor.info.name)",
          remedy: "give --lora with the checkpoint that the adapter was trained on")
      }
      let shape = try new.reshaped(tensor.info.shape)
      merged.tensors[index] = Tensor(info: shape.info, data: shape.data)
    }
    merged.files += adapter.files
    return merged
  }
}

extension Adapter {
  /// The GGUF names of the tensors that the adapter changes.
  fileprivate func targets(
    _ architecture: Architecture, _ checkpoint: Checkpoint
  ) throws(OunceError) -> Set<String> {
    let table = RuleTable(architecture.tensors)
    var targets: Set<String> = []
    for name in changes.keys {
      guard let (rules, match) = try architecture.rules(for: name, in: table, checkpoint) else { continue }
      for rule in rules {
        if let target = rule.target { targets.insert(match.fill(target)) }
      }
    }
    return targets
  }
}
