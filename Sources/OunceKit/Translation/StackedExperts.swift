internal import OunceCore

/// Experts as mlx-lm stores them: those of a layer in one tensor, `….switch_mlp.gate_proj.weight` of shape
/// `[experts, rows, columns]`, where the published checkpoint has one tensor for each.
///
/// | mlx-lm | checkpoint |
/// |---|---|
/// | `mlp.switch_mlp.gate_proj.weight` | `mlp.experts.3.gate_proj.weight` |
/// | `block_sparse_moe.switch_mlp.gate_proj.weight` | `block_sparse_moe.experts.3.w1.weight` (down: `w2`, up: `w3`) |
///
/// Source: `sanitize` of the models in mlx-lm, which stacks them under these names.
enum StackedExperts {
  private static let mark = ".switch_mlp."
  private static let letters = ["gate_proj": "w1", "down_proj": "w2", "up_proj": "w3"]

  /// The experts of `tensor`, one each; nil: it is no stack of experts.
  static func experts(of tensor: Tensor) throws(OunceError) -> [Tensor]? {
    let name = tensor.info.name
    guard let range = name.firstRange(of: mark), let count = tensor.info.shape.first, tensor.info.shape.count >= 2 else {
      return nil
    }
    guard count <= Limits.experts else {
      throw OunceError(
        .malformed, "has \(count) experts, more than the limit of \(Limits.experts)", subject: "tensor \(name)")
    }
    let layer = String(name[..<range.lowerBound])
    var part = String(name[range.upperBound...])
    if layer.hasSuffix(".block_sparse_moe"), let dot = part.firstIndex(of: "."),
      let letter = letters[String(part[..<dot])]
    {
      part = letter + part[dot...]
    }
    let shape = Array(tensor.info.shape.dropFirst())
    return try (0..<count).map { (expert) throws(OunceError) in
      try tensor.gathering(1) { _ in expert }.reshaped(shape).renamed("\(layer).experts.\(expert).\(part)")
    }
  }
}

extension Limits {
  /// Experts of one layer: published models have at most 512.
  static let experts = 4096
}

extension [Tensor] {
  /// These tensors with one for each expert.
  func unstackingExperts() throws(OunceError) -> [Tensor] {
    var result: [Tensor] = []
    result.reserveCapacity(count)
    for tensor in self {
      if let experts = try StackedExperts.experts(of: tensor) { result += experts } else { result.append(tensor) }
    }
    return result
  }
}
