internal import OrderedCollections
internal import OunceCore

extension Model {
  /// The tensors of a checkpoint as mlx-lm stores them: the experts of a layer, which checkpoints keep apart, are one
  /// tensor (https://github.com/ml-explore/mlx-lm, `sanitize` of its models).
  ///
  /// | checkpoint | mlx-lm |
  /// |---|---|
  /// | `….mlp.experts.{e}.gate_proj.weight` | `….mlp.switch_mlp.gate_proj.weight` |
  /// | `….block_sparse_moe.experts.{e}.w1.weight` | `….block_sparse_moe.switch_mlp.gate_proj.weight` |
  ///
  /// - Parameter other: what has such names; nothing changes where it has none.
  func stackingExperts(like other: Model) throws(OunceError) -> Model {
    func isStacked(_ tensor: Tensor) -> Bool { tensor.info.name.contains(".switch_mlp.") }
    guard other.tensors.contains(where: isStacked), !tensors.contains(where: isStacked) else { return self }
    var stacks: OrderedDictionary<String, [Int: Tensor]> = [:]
    var rest: [Tensor] = []
    for tensor in tensors {
      guard let (name, expert) = Self.stackedName(tensor.info.name),
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

  private static func stackedName(_ name: String) -> (name: String, expert: Int)? {
    var pieces = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard let place = pieces.firstIndex(of: "experts"), pieces.count > place + 2, let expert = Int(pieces[place + 1]),
      expert >= 0
    else { return nil }
    let projections = ["w1": "gate_proj", "w2": "down_proj", "w3": "up_proj"]
    pieces[place + 2] = projections[pieces[place + 2]] ?? pieces[place + 2]
    pieces.replaceSubrange(place...place + 1, with: ["switch_mlp"])
    return (pieces.joined(separator: "."), expert)
  }
}
