internal import OunceCore

/// What a rule does to a tensor's numbers or shape: a view, so that nothing is read before the plan runs.
protocol TensorTransform: Sendable {
  /// The tensor as the other side stores it.
  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor
  /// The transform of the way back; nil: there is none.
  var inverse: (any TensorTransform)? { get }
}

/// Rotary positions: checkpoints of transformers keep the two halves of each head's rows apart, GGUF interleaves them.
struct Interleaved: TensorTransform {
  /// Which count of heads the rows belong to.
  enum Heads: Sendable { case query, keyValue }
  let heads: Heads
  private let isInverse: Bool

  init(_ heads: Heads) {
    self.heads = heads
    isInverse = false
  }

  private init(_ heads: Heads, isInverse: Bool) {
    self.heads = heads
    self.isInverse = isInverse
  }

  var inverse: (any TensorTransform)? { Interleaved(heads, isInverse: !isInverse) }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    let count =
      switch heads {
      case .query: try checkpoint.configuration.require("n_heads", "num_attention_heads", "n_head")
      case .keyValue: try checkpoint.keyValueHeadCount
      }
    let rows = tensor.info.shape.first ?? 0
    guard count > 0, rows % (count * 2) == 0 else {
      throw OunceError(
        .malformed, "\(rows) rows cannot be divided among \(count) heads of even width",
        subject: "tensor \(tensor.info.name)", remedy: "config.json and the weights do not belong together")
    }
    let width = rows / count
    let half = width / 2
    let isInverse = isInverse
    return try tensor.gathering(rows) { row in
      let (head, place) = row.quotientAndRemainder(dividingBy: width)
      if isInverse { return head * width + place % half * 2 + place / half }
      return head * width + place % 2 * half + place / 2
    }
  }
}

/// A part of the rows, from and to counts that the configuration decides: a fused projection that is split.
struct RowSlice: TensorTransform {
  let range: @Sendable (_ rowCount: Int, Checkpoint) throws(OunceError) -> Range<Int>

  init(_ range: @escaping @Sendable (_ rowCount: Int, Checkpoint) throws(OunceError) -> Range<Int>) {
    self.range = range
  }

  /// Part `index` of `count` equal parts.
  init(_ index: Int, of count: Int) {
    range = { (rows, _) throws(OunceError) in rows / count * index..<rows / count * (index + 1) }
  }

  /// Several parts of one tensor join again in the order of their rules, which the way back does by name.
  var inverse: (any TensorTransform)? { nil }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    let rows = tensor.info.shape.first ?? 0
    let range = try range(rows, checkpoint)
    guard range.lowerBound >= 0, range.upperBound <= rows else {
      throw OunceError(
        .malformed, "has \(rows) rows, but rows \(range) are wanted", subject: "tensor \(tensor.info.name)",
        remedy: "config.json and the weights do not belong together")
    }
    let start = range.lowerBound
    return try tensor.gathering(range.count) { $0 + start }
  }
}

/// Drops dimensions of size 1, as convolution kernels of depth 1 have.
struct Squeezed: TensorTransform {
  /// The dimension, counted from the first.
  let dimension: Int

  init(_ dimension: Int) { self.dimension = dimension }

  var inverse: (any TensorTransform)? { Unsqueezed(dimension) }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    var shape = tensor.info.shape
    guard shape.indices.contains(dimension), shape[dimension] == 1 else { return tensor }
    shape.remove(at: dimension)
    return try tensor.reshaped(shape)
  }
}

/// Adds a dimension of size 1.
struct Unsqueezed: TensorTransform {
  let dimension: Int

  init(_ dimension: Int) { self.dimension = dimension }

  var inverse: (any TensorTransform)? { Squeezed(dimension) }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    var shape = tensor.info.shape
    shape.insert(1, at: min(dimension, shape.count))
    return try tensor.reshaped(shape)
  }
}
