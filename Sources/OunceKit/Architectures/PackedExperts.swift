internal import OunceCore

/// Experts in MXFP4 that a checkpoint keeps apart, each with its codes and its scales: stacked as ggml's blocks without
/// loss, and written before everything else.
struct PackedExperts: Sendable {
  /// The names of codes and of the stacks, in the order in which the stacks of a layer are written.
  let rules: [TensorRule]
  /// What the names of scales have in place of `.weight`.
  let scaleSuffix: String

  /// Whether a checkpoint holds such experts.
  ///
  /// - Parameter rename: the name that rules know; nil: the tensor is not wanted.
  func areIn(_ model: Model, rename: (String) -> String? = { $0 }) -> Bool {
    let table = RuleTable(rules)
    return model.tensors.contains {
      Self.isCode($0.info) && rename($0.info.name).map { table.match($0) != nil } ?? false
    }
  }

  private static func isCode(_ info: TensorInfo) -> Bool { ["I8", "U8"].contains(info.encoding.name) }

  /// The stacks, layer by layer.
  ///
  /// - Parameter rename: the name that rules know; nil: the tensor is not wanted.
  /// - Throws: `OunceError` when an expert or a scale is missing, or they do not fit.
  func tensors(
    _ checkpoint: Checkpoint, rename: (String) throws(OunceError) -> String?
  ) throws(OunceError) -> [Tensor] {
    let table = RuleTable(rules)
    var scales: [String: Tensor] = [:]
    var stacks: [Int: [String: [Int: Tensor]]] = [:]
    for tensor in checkpoint.model.tensors {
      if tensor.info.name.hasSuffix(scaleSuffix) { scales[tensor.info.name] = tensor }
      guard Self.isCode(tensor.info), let name = try rename(tensor.info.name), let (found, match) = table.match(name),
        let rule = found.first, let layer = match.layer, let expert = match.expert
      else { continue }
      stacks[layer, default: [:]][rule.source, default: [:]][expert] = tensor
    }
    var result: [Tensor] = []
    for layer in stacks.keys.sorted() {
      for rule in rules {
        guard let parts = stacks[layer]?[rule.source] else { continue }
        result.append(try stacked(parts, scales, name: NameMatch(layer: layer).fill(rule.target ?? "")))
      }
    }
    return result
  }

  private func stacked(
    _ parts: [Int: Tensor], _ scales: [String: Tensor], name: String
  ) throws(OunceError) -> Tensor {
    var experts: [Tensor] = []
    for (place, expert) in parts.keys.sorted().enumerated() {
      guard place == expert, let codes = parts[expert] else {
        throw OunceError(
          .malformed, "expert \(place) is missing", subject: "tensor \(name)",
          remedy: "a shard may be missing; download all files of the model")
      }
      guard let scale = scales[codes.info.name.dropLast(7) + scaleSuffix], codes.info.shape.count == 2,
        scale.info.shape.count == 2
      else {
        throw OunceError(
          .malformed, "has no matrix of scales", subject: "tensor \(codes.info.name)",
          remedy: "a shard may be missing; download all files of the model")
      }
      experts.append(
        try MXFP4Source.tensor(
          try codes.reshaped([1] + codes.info.shape), try scale.reshaped([1] + scale.info.shape), name: name))
    }
    return try Tensor.concatenated(experts, name: name).renamed(name)
  }
}
