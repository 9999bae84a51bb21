public import OunceCore

/// The order in which llama.cpp walks and writes tensors: those outside layers first, then layer by layer, by name.
public enum TensorOrder {
  /// The number after `blk.`; nil for a tensor outside the layers.
  public static func layer(of name: String) -> Int? {
    guard name.hasPrefix("blk.") else { return nil }
    return Int(name.dropFirst(4).prefix { $0.isASCII && $0.isNumber })
  }

  /// The indices of `tensors` in that order.
  public static func canonical(_ tensors: [TensorInfo]) -> [Int] {
    let keys = tensors.map { (layer: layer(of: $0.name) ?? -1, name: $0.name) }
    return tensors.indices.sorted { first, second in
      let (a, b) = (keys[first], keys[second])
      if a.layer != b.layer { return a.layer < b.layer }
      return a.name.utf8.lexicographicallyPrecedes(b.name.utf8)
    }
  }
}

extension TensorInfo {
  /// Dimensions without the leading ones of size 1, as ggml counts them; at least one.
  public var significantDimensionCount: Int {
    max(1, shape.drop { $0 == 1 }.count)
  }
}
