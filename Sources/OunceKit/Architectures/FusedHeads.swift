internal import OunceCore

/// A projection whose rows hold query, key and value head by head: taken apart into all queries, all keys, all values.
struct FusedHeads: TensorTransform {
  /// For each group of heads: how many query heads share one key and one value.
  private let groups: @Sendable (Checkpoint) throws(OunceError) -> (count: Int, queries: Int)

  /// - Parameter groups: how many groups of heads there are, and how many query heads each has.
  init(_ groups: @escaping @Sendable (Checkpoint) throws(OunceError) -> (count: Int, queries: Int)) {
    self.groups = groups
  }

  /// One key and one value for each query.
  static let equal = FusedHeads { (checkpoint) throws(OunceError) in
    (try checkpoint.configuration.require("n_head", "num_attention_heads"), 1)
  }

  var inverse: (any TensorTransform)? { nil }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    let (count, queries) = try groups(checkpoint)
    let rows = tensor.info.shape.first ?? 0
    guard count > 0, queries > 0, rows % (count * (queries + 2)) == 0 else {
      throw OunceError(
        .malformed, "\(rows) rows cannot hold queries, keys and values of \(count) groups of \(queries) heads",
        subject: "tensor \(tensor.info.name)", remedy: "config.json and the weights do not belong together")
    }
    let width = rows / (count * (queries + 2))
    return try tensor.gathering(rows) { row in
      let (head, element) = row.quotientAndRemainder(dividingBy: width)
      let group: Int
      let place: Int
      if head < count * queries {
        (group, place) = head.quotientAndRemainder(dividingBy: queries)
      } else {
        group = (head - count * queries) % count
        place = queries + (head - count * queries) / count
      }
      return (group * (queries + 2) + place) * width + element
    }
  }
}

extension RowSlice {
  /// All queries, all keys or all values of a projection that holds them one after the other.
  static func attention(_ part: GroupedPart.Part) -> RowSlice {
    RowSlice { (_, checkpoint) throws(OunceError) in
      let width = try checkpoint.configuration.headDimension()
      let queries = try checkpoint.configuration.require("num_attention_heads", "n_head") * width
      let keys = try checkpoint.keyValueHeadCount * width
      guard keys >= 0 else { throw OunceError(.malformed, "has a negative count of heads", file: "config.json") }
      switch part {
      case .queries: return 0..<queries
      case .keys: return queries..<queries + keys
      case .values: return queries + keys..<queries + keys * 2
      }
    }
  }
}
