internal import OunceCore

/// RoBERTa's table of positions, whose first rows are never read: GGUF lacks them, and the way back puts zeros there.
struct UnusedRows: TensorTransform {
  /// How many rows come before the others.
  let count: @Sendable (Checkpoint) -> Int
  private let isInverse: Bool

  init(isInverse: Bool = false, _ count: @escaping @Sendable (Checkpoint) -> Int) {
    self.count = count
    self.isInverse = isInverse
  }

  var inverse: (any TensorTransform)? { UnusedRows(isInverse: !isInverse, count) }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    let rows = tensor.info.shape.first ?? 0
    let count = min(count(checkpoint), Limits.blocks)
    guard isInverse else {
      let start = min(rows, count)
      return try tensor.gathering(rows - start) { $0 + start }
    }
    var shape = tensor.info.shape
    shape[0] = count
    let info = try TensorInfo(name: tensor.info.name, shape: shape, encoding: tensor.info.encoding)
    let zeros = Memory(bytes: [UInt8](repeating: 0, count: info.byteCount), rowByteCount: info.rowByteCount)
    return try Tensor.concatenated([Tensor(info: info, data: zeros), tensor], name: info.name)
  }
}
