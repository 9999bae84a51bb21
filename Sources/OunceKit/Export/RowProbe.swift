internal import OunceCore
internal import OunceEncoding

/// The way back of transforms that only choose and order rows: instead of a formula of its own for each, the rows of a
/// stand-in carry their numbers through the transforms, and where each comes out is where it is taken from.
enum RowProbe {
  /// One tensor on its way back, and what the rule of it did on the way to GGUF.
  struct Part {
    let tensor: Tensor
    let transforms: [any TensorTransform]
  }

  /// The tensor whose parts these are.
  ///
  /// - Parameters:
  ///   - parts: 1, 2 or 3 dimensions; with 3, each of the first has rows of its own.
  /// - Returns: nil when the transforms do more than choose rows, or the parts are not all of it.
  static func joined(
    _ parts: [Part], name: String, _ checkpoint: Checkpoint, _ match: NameMatch
  ) throws(OunceError) -> Tensor? {
    guard let first = parts.first?.tensor.info, (1...3).contains(first.shape.count) else { return nil }
    for part in parts where !areAlike(part.tensor.info, first) { return nil }
    // The dimension that was cut: rows, behind the experts where those are stacked.
    let dimension = first.shape.count == 3 ? 1 : 0
    var shape = first.shape
    shape[dimension] = parts.reduce(0) { $0 + $1.tensor.info.shape[dimension] }
    let count = shape.count == 1 ? shape[0] : shape.dropLast().reduce(1, *)
    // Single precision numbers rows exactly up to here.
    guard count < 1 << 24, let encoding = Encodings.named("F32") else { return nil }
    var probe = shape
    if shape.count > 1 { probe[shape.count - 1] = 1 }
    let numbers = (0..<count).map { Float($0) }
    let stand = try Tensor(
      name: name, shape: probe, encoding: encoding,
      data: Memory(bytes: Memory.bytes(of: numbers), rowByteCount: 4 * (probe.last ?? 1)))
    var places = [Int](repeating: -1, count: count)
    var next = 0
    for part in parts {
      var view = stand
      for transform in part.transforms { view = try transform.apply(view, checkpoint, match) }
      var expected = part.tensor.info.shape
      if expected.count > 1 { expected[expected.count - 1] = 1 }
      guard view.info.shape == expected else { return nil }
      for number in try view.floats() {
        guard let row = Int(exactly: number), places.indices.contains(row), places[row] < 0 else { return nil }
        places[row] = next
        next += 1
      }
    }
    guard next == count else { return nil }
    let order = places
    return try gathered(parts.map(\.tensor), shape, name: name) { order[$0] }
  }

  private static func areAlike(_ a: TensorInfo, _ b: TensorInfo) -> Bool {
    guard a.shape.count == b.shape.count, a.encoding.name == b.encoding.name else { return false }
    if a.shape.count > 1, a.shape.last != b.shape.last { return false }
    return a.shape.count < 3 || a.shape[0] == b.shape[0]
  }

  /// Rows (of vectors: elements) of all tensors, one after the other, in another order.
  private static func gathered(
    _ tensors: [Tensor], _ shape: [Int], name: String, source: @escaping @Sendable (Int) -> Int
  ) throws(OunceError) -> Tensor {
    let columns = shape.count == 1 ? 1 : shape.last ?? 1
    let flat = try tensors.map { (tensor) throws(OunceError) in
      try tensor.reshaped([tensor.info.elementCount / max(1, columns), columns])
    }
    let all = try Tensor.concatenated(flat, name: name)
    return try all.gathering(all.info.shape[0], source: source).reshaped(shape).renamed(name)
  }
}
