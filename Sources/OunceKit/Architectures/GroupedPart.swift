internal import OunceCore

/// Queries, keys or values of a projection that holds, for each key head, its queries, one key and one value.
struct GroupedPart: TensorTransform {
  enum Part: Sendable { case queries, keys, values }
  private let part: Part

  init(_ part: Part) { self.part = part }

  var inverse: (any TensorTransform)? { nil }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    let groups = try checkpoint.keyValueHeadCount
    let heads = try checkpoint.configuration.require("num_attention_heads", "n_head")
    let rows = tensor.info.shape.first ?? 0
    guard groups > 0, heads % groups == 0, rows % (heads + 2 * groups) == 0 else {
      throw OunceError(
        .malformed, "\(rows) rows cannot hold \(heads) queries in \(groups) groups with a key and a value each",
        subject: "tensor \(tensor.info.name)", remedy: "config.json and the weights do not belong together")
    }
    let width = rows / (heads + 2 * groups)
    let queries = heads / groups
    let (count, first) = part == .queries ? (queries, 0) : part == .keys ? (1, queries) : (1, queries + 1)
    return try tensor.gathering(groups * count * width) { row in
      let (head, element) = row.quotientAndRemainder(dividingBy: width)
      let (group, place) = head.quotientAndRemainder(dividingBy: count)
      return (group * (queries + 2) + first + place) * width + element
    }
  }
}
