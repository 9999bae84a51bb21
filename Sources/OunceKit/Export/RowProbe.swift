internal import OunceCore
internal import OunceEncoding

/// The way back of transforms that only choose and order elements: instead of a formula of its own for each, a stand-in
/// carries numbers through the transforms, and where each comes out is where it is taken from.
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
  /// - Returns: nil when the transforms do more than choose rows or columns, or the parts are not all of it.
  static func joined(
    _ parts: [Part], name: String, _ checkpoint: Checkpoint, _ match: NameMatch
  ) throws(OunceError) -> Tensor? {
    guard let first = parts.first?.tensor.info, (1...3).contains(first.shape.count) else { return nil }
    // The dimension that was cut: rows, behind the experts where those are stacked.
    let rows = first.shape.count == 3 ? 1 : 0
    if let joined = try joined(parts, along: rows, isWhole: false, name: name, checkpoint, match) { return joined }
    guard first.shape.count == 2 else { return nil }
    return try joined(parts, along: 1, isWhole: true, name: name, checkpoint, match)
  }

  /// - Parameter isWhole: whether every element has a number, not only every row.
  private static func joined(
    _ parts: [Part], along dimension: Int, isWhole: Bool, name: String, _ checkpoint: Checkpoint, _ match: NameMatch
  ) throws(OunceError) -> Tensor? {
    guard var shape = parts.first?.tensor.info.shape, let encoding = Encodings.named("F32") else { return nil }
    for part in parts where !areAlike(part.tensor.info, shape, parts[0].tensor.info.encoding, except: dimension) {
      return nil
    }
    shape[dimension] = parts.reduce(0) { $0 + $1.tensor.info.shape[dimension] }
    func numbered(_ shape: [Int]) -> [Int] { shape.count > 1 && !isWhole ? shape.dropLast() + [1] : shape }
    let probe = numbered(shape)
    let count = probe.reduce(1, *)
    // Single precision numbers exactly up to here.
    guard count < 1 << 24 else { return nil }
    let stand = try Tensor(
      name: name, shape: probe, encoding: encoding,
      data: Memory(bytes: Memory.bytes(of: (0..<count).map { Float($0) }), rowByteCount: 4 * (probe.last ?? 1)))
    var places = [Int](repeating: -1, count: count)
    var next = 0
    for part in parts {
      var view = stand
      for transform in part.transforms {
        guard let changed = try? transform.apply(view, checkpoint, match) else { return nil }
        view = changed
      }
      guard view.info.shape == numbered(part.tensor.info.shape) else { return nil }
      for number in try view.floats() {
        guard let row = Int(exactly: number), places.indices.contains(row), places[row] < 0 else { return nil }
        places[row] = next
        next += 1
      }
    }
    guard next == count else { return nil }
    let order = places
    return try gathered(parts.map(\.tensor), shape, columnCount: isWhole || shape.count == 1 ? 1 : shape.last ?? 1) {
      order[$0]
    }.renamed(name)
  }

  private static func areAlike(
    _ info: TensorInfo, _ shape: [Int], _ encoding: any Encoding, except dimension: Int
  ) -> Bool {
    guard info.shape.count == shape.count, info.encoding.name == encoding.name else { return false }
    return shape.indices.allSatisfy { $0 == dimension || info.shape[$0] == shape[$0] }
  }

  /// Rows of `columnCount` elements of all tensors, one after the other, in another order.
  private static func gathered(
    _ tensors: [Tensor], _ shape: [Int], columnCount: Int, source: @escaping @Sendable (Int) -> Int
  ) throws(OunceError) -> Tensor {
    let flat = try tensors.map { (tensor) throws(OunceError) in
      try tensor.reshaped([tensor.info.elementCount / max(1, columnCount), columnCount])
    }
    let all = try Tensor.concatenated(flat, name: "")
    return try all.gathering(all.info.shape[0], source: source).reshaped(shape)
  }
}
