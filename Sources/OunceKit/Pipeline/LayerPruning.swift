internal import OrderedCollections
internal import OunceCore

/// Leaves layers out of a model and numbers the others anew (`--prune-layers` of llama-quantize).
struct LayerPruning {
  private let dropped: Set<Int>
  /// The new number of each layer that stays.
  private let numbers: [Int: Int]
  /// How many layers stay.
  private let count: Int

  /// - Throws: `OunceError` when a layer is not in the model, or none would stay.
  init(_ layers: [Int], of model: Model) throws(OunceError) {
    dropped = Set(layers)
    let present = Set(model.tensors.compactMap { LayerName(of: $0.info.name)?.layer })
    if let missing = layers.first(where: { !present.contains($0) }) {
      let range = present.isEmpty ? "it has none" : "it has layers \(present.min() ?? 0) to \(present.max() ?? 0)"
      throw OunceError(
        .request, "there is no layer \(missing): \(range)", file: model.path, remedy: "check --prune-layers")
    }
    let first = layers.min() ?? 0
    var next = 0
    var numbers: [Int: Int] = [:]
    for layer in present.sorted() where !dropped.contains(layer) {
      // As in the reference, gaps before the first layer that goes stay as they are.
      if layer < first { next = layer }
      numbers[layer] = next
      next += 1
    }
    guard !numbers.isEmpty else { throw OunceError(.request, "--prune-layers leaves no layer", file: model.path) }
    self.numbers = numbers
    count = next
  }

  /// The name of a tensor after pruning; nil: it goes.
  func name(_ name: String) -> String? {
    guard let place = LayerName(of: name) else { return name }
    return numbers[place.layer].map { place.renumbered($0) }
  }

  /// Sets the number of layers, and drops the values of layers that go.
  ///
  /// - Parameter matchesReference: only the number of layers, last among the keys, as llama-quantize does. What other
  ///   keys say of single layers is then about the wrong ones.
  func adjust(_ metadata: inout Metadata, matchesReference: Bool) {
    guard let architecture = metadata["general.architecture"]?.string else { return }
    let countKey = "\(architecture).block_count"
    if !matchesReference, let before = metadata[countKey]?.integer {
      for (key, value) in metadata where key.hasPrefix("\(architecture).") {
        if case .array(let array) = value, array.count == before {
          metadata[key] = .array(array.filtered { !dropped.contains($0) })
        }
      }
      let denseKey = "\(architecture).leading_dense_block_count"
      if let dense = metadata[denseKey]?.integer {
        metadata[denseKey] = .uint32(UInt32(clamping: dense - dropped.filter { $0 < dense }.count))
      }
    }
    metadata.setLast(.uint32(UInt32(clamping: count)), forKey: countKey)
  }
}

/// The name of a tensor that belongs to a layer: `blk.3.attn_q.weight`, `dec.blk.3.attn_q.weight`.
private struct LayerName {
  private let before: Substring
  let layer: Int
  private let after: Substring

  /// nil when the tensor belongs to none.
  init?(of name: String) {
    guard let match = name.firstMatch(of: /blk\.(\d+)\./), let layer = Int(match.output.1) else { return nil }
    before = name[..<match.output.1.startIndex]
    self.layer = layer
    after = name[match.output.1.endIndex...]
  }

  func renumbered(_ number: Int) -> String { "\(before)\(number)\(after)" }
}
