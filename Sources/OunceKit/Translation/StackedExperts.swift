internal import OrderedCollections
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
  static let mark = ".switch_mlp."
  private static let letters = ["gate_proj": "w1", "down_proj": "w2", "up_proj": "w3"]

  /// The experts of `tensor`, one each; nil: it is no stack of experts.
  static func experts(of tensor: Tensor) throws(OunceError) -> [Tensor]? {
    let name = tensor.info.name
    guard let range = name.firstRange(of: mark), tensor.info.shape.count >= 2 else { return nil }
    let count = tensor.info.shape[0]
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

extension StackedExperts {
  /// The stack that holds the tensor of one expert, and its place in it; nil: it is none.
  static func stack(holding name: String) -> (name: String, expert: Int)? {
    var pieces = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard let place = pieces.firstIndex(of: "experts"), pieces.count > place + 2, let expert = Int(pieces[place + 1]),
      expert >= 0
    else { return nil }
    pieces[place + 2] = letters.first { $0.value == pieces[place + 2] }?.key ?? pieces[place + 2]
    pieces.replaceSubrange(place...place + 1, with: ["switch_mlp"])
    return (pieces.joined(separator: "."), expert)
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

extension Model {
  /// The other way: this checkpoint with the experts of a layer in one tensor.
  ///
  /// - Parameter other: what has such names; nothing changes where it has none.
  func stackingExperts(like other: Model) throws(OunceError) -> Model {
    func isStacked(_ tensor: Tensor) -> Bool { tensor.info.name.contains(StackedExperts.mark) }
    guard other.tensors.contains(where: isStacked), !tensors.contains(where: isStacked) else { return self }
    var stacks: OrderedDictionary<String, [Int: Tensor]> = [:]
    var rest: [Tensor] = []
    for tensor in tensors {
      guard let (name, expert) = StackedExperts.stack(holding: tensor.info.name),
        stacks[name, default: [:]].updateValue(tensor, forKey: expert) == nil
      else {
        rest.append(tensor)
        continue
      }
    }
    var model = self
    for (name, parts) in stacks {
      let ordered = (0..<parts.count).compactMap { parts[$0] }
      // Where one is missing, all stay as they are, and are told to be.
      guard ordered.count == parts.count, let stack = try? Tensor.stacked(ordered, name: name) else {
        rest += parts.sorted { $0.key < $1.key }.map(\.value)
        continue
      }
      rest.append(stack)
    }
    model.tensors = rest
    return model
  }
}
