public import OunceCore
public import OrderedCollections

extension GGUFContainer: SplittableContainer {
  /// Splits as the reference converter does: shards are filled in the order of the tensors, `isFirstWithoutTensors` is
  /// its `--no-tensor-first-split`. A model that fits into one file is not split.
  public func split(
    _ metadata: Metadata, _ tensors: [TensorInfo], name: String, limits: ShardLimits
  ) throws(OunceError) -> ShardedLayout {
    try split(metadata, tensors, name: name, groups: limits.groups(tensors))
  }

  /// Splits into given groups of tensors, such as those of the source (`--keep-split` of llama-quantize).
  public func split(
    _ metadata: Metadata, _ tensors: [TensorInfo], name: String, groups: [[Int]]
  ) throws(OunceError) -> ShardedLayout {
    guard groups.count > 1 else {
      return ShardedLayout(
        shards: [.init(name: name, tensors: Array(tensors.indices), layout: try layout(metadata, tensors))])
    }
    guard let count = UInt16(exactly: groups.count), groups.count <= Limits.shards else {
      throw OunceError(
        .request, "\(groups.count) shards are more than the limit of \(Limits.shards)", remedy: "make them larger")
    }
    let base = name.hasSuffix(".gguf") ? String(name.dropLast(5)) : name
    var shards: [ShardedLayout.Shard] = []
    for (number, group) in groups.enumerated() {
      var pairs = number == 0 ? metadata : Self.alignmentOnly(metadata)
      for key in Self.splitKeys { pairs.removeValue(forKey: key) }
      pairs[Self.splitNumberKey] = .uint16(UInt16(number))
      pairs[Self.splitCountKey] = .uint16(count)
      pairs[Self.splitTensorCountKey] = .int32(Int32(tensors.count))
      shards.append(
        .init(
          name: ShardName.name(base, number + 1, of: groups.count, ending: "gguf"), tensors: group,
          layout: try layout(pairs, group.map { tensors[$0] }, isPadded: true)))
    }
    return ShardedLayout(shards: shards)
  }

  /// Later shards have no metadata but their place in the set, and the alignment when it is not the usual one: the
  /// reference omits it, but no reader could find the data then.
  private static func alignmentOnly(_ metadata: Metadata) -> Metadata {
    guard let alignment = metadata[alignmentKey] else { return [:] }
    return [alignmentKey: alignment]
  }
}
