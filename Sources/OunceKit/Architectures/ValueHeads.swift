internal import OunceCore

/// Value heads of linear attention: checkpoints group them by key head, GGUF goes round the key heads.
struct ValueHeads: TensorTransform {
  enum Place: Sendable {
    /// One row (or element) a head.
    case none
    /// Every row belongs to a value head.
    case rows
    /// Rows of queries and keys come first.
    case behindQueriesAndKeys
    /// Every column belongs to a value head.
    case columns
  }
  private let place: Place
  private let isInverse: Bool

  init(_ place: Place) {
    self.place = place
    isInverse = false
  }

  private init(_ place: Place, isInverse: Bool) {
    self.place = place
    self.isInverse = isInverse
  }

  var inverse: (any TensorTransform)? { ValueHeads(place, isInverse: !isInverse) }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    let configuration = checkpoint.configuration
    guard checkpoint.architectureName != "qwen3next" else { return tensor }
    let keys = configuration.integer("linear_num_key_heads") ?? 0
    let values = configuration.integer("linear_num_value_heads") ?? 0
    guard keys > 0, values > 0, keys != values else { return tensor }
    let width = place == .none ? 1 : try configuration.require("linear_value_head_dim")
    let offset = place == .behindQueriesAndKeys ? try configuration.require("linear_key_head_dim") * keys * 2 : 0
    let shape = tensor.info.shape
    let count = (place == .columns ? shape.last : shape.first) ?? 0
    guard values % keys == 0, width > 0, count == offset + values * width else {
      throw OunceError(
        .malformed, "has the shape \(shape), which does not fit \(values) value heads of \(width)",
        subject: "tensor \(tensor.info.name)", remedy: "config.json and the weights do not belong together")
    }
    // A matrix of keys × values per key, transposed; the way back exchanges the two.
    let (outer, inner) = isInverse ? (values / keys, keys) : (keys, values / keys)
    let source: @Sendable (Int) -> Int = { index in
      guard index >= offset else { return index }
      let (head, element) = (index - offset).quotientAndRemainder(dividingBy: width)
      return offset + (head % outer * inner + head / outer) * width + element
    }
    return place == .columns
      ? try tensor.gatheringColumns(count, source: source) : try tensor.gathering(count, source: source)
  }
}

/// Some of query, key, value and gate of a projection that fuses them for each key head: `[q k v z]` becomes all
/// queries, all keys, ….
struct HeadParts: TensorTransform {
  private let parts: Range<Int>

  init(_ parts: Range<Int>) { self.parts = parts }

  var inverse: (any TensorTransform)? { nil }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    let configuration = checkpoint.configuration
    let heads = try configuration.require("linear_num_key_heads")
    let key = try configuration.require("linear_key_head_dim")
    let values = try configuration.require("linear_num_value_heads")
    let value = try configuration.require("linear_value_head_dim")
    guard heads > 0, key >= 0, values >= 0, value >= 0, values % heads == 0 else {
      throw OunceError(.malformed, "\(values) value heads cannot share \(heads) key heads", file: "config.json")
    }
    let sizes = [key, key, values / heads * value, values / heads * value]
    let starts = sizes.indices.map { sizes[..<$0].reduce(0, +) }
    let total = sizes.reduce(0, +)
    guard tensor.info.shape.first == heads * total else {
      throw OunceError(
        .malformed, "has the shape \(tensor.info.shape), expected \(heads * total) rows",
        subject: "tensor \(tensor.info.name)", remedy: "config.json and the weights do not belong together")
    }
    // One entry per row of the result: a few thousand.
    let order = parts.flatMap { part in
      (0..<heads).flatMap { head in (0..<sizes[part]).map { head * total + starts[part] + $0 } }
    }
    return try tensor.gathering(order.count) { order[$0] }
  }
}
