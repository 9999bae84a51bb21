public import OrderedCollections
public import OunceCore

extension SafetensorsContainer: SplittableContainer {
  /// Splits as `save_pretrained` does: shards are filled in the order of the tensors, each has the metadata, and
  /// `<name>.index.json` says which tensor is where. A model that fits into one file has no index.
  public func split(
    _ metadata: Metadata, _ tensors: [TensorInfo], name: String, limits: ShardLimits
  ) throws(OunceError) -> ShardedLayout {
    var limits = limits
    // Metadata is in every shard, so a first one without tensors would say nothing.
    limits.isFirstWithoutTensors = false
    let groups = limits.groups(tensors)
    guard groups.count > 1 else {
      return ShardedLayout(
        shards: [.init(name: name, tensors: Array(tensors.indices), layout: try layout(metadata, tensors))])
    }
    guard groups.count <= Limits.shards else {
      throw OunceError(
        .request, "\(groups.count) shards are more than the limit of \(Limits.shards)", remedy: "make them larger")
    }
    let base = name.hasSuffix(".safetensors") ? String(name.dropLast(12)) : name
    var shards: [ShardedLayout.Shard] = []
    for (number, group) in groups.enumerated() {
      shards.append(
        .init(
          name: ShardName.name(base, number + 1, of: groups.count, ending: "safetensors"), tensors: group,
          layout: try layout(metadata, group.map { tensors[$0] })))
    }
    return ShardedLayout(
      shards: shards, index: ("\(base).safetensors\(ShardIndex.ending)", index(shards, tensors)))
  }

  /// The index, byte for byte as Python's `json.dumps(…, indent=2, sort_keys=True)` and a line feed.
  private func index(_ shards: [ShardedLayout.Shard], _ tensors: [TensorInfo]) -> [UInt8] {
    let byteCount = tensors.reduce(0) { $0 + $1.byteCount }
    var places = shards.flatMap { shard in shard.tensors.map { (tensors[$0].name, shard.name) } }
    // Python compares code points, which is the order of UTF-8 bytes.
    places.sort { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
    var text = "{\n  \"metadata\": {\n    \"total_size\": \(byteCount)\n  },\n  \"weight_map\": {"
    for (index, (tensor, shard)) in places.enumerated() {
      text += (index == 0 ? "\n    " : ",\n    ") + "\(ascii(tensor)): \(ascii(shard))"
    }
    text += places.isEmpty ? "}\n}\n" : "\n  }\n}\n"
    return Array(text.utf8)
  }

  /// `text` in quotes, all but ASCII as escapes.
  private func ascii(_ text: String) -> String {
    JSONWriter.quoted(text).utf16.map { unit in
      if let scalar = Unicode.Scalar(unit), scalar.isASCII { return String(scalar) }
      let digits = String(unit, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }.joined()
  }
}
