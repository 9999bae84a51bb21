/// The columns of another tensor in another order, or a choice of them. Elements are whole bytes.
public struct ColumnGather: TensorData {
  private let base: any TensorData
  private let baseRowByteCount: Int
  private let elementByteCount: Int
  private let columnCount: Int
  /// The base's column for each column.
  private let source: @Sendable (Int) -> Int

  public init(
    _ base: any TensorData, baseRowByteCount: Int, elementByteCount: Int, columnCount: Int,
    source: @escaping @Sendable (Int) -> Int
  ) {
    self.base = base
    self.baseRowByteCount = baseRowByteCount
    self.elementByteCount = elementByteCount
    self.columnCount = columnCount
    self.source = source
  }

  public func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    guard !rows.isEmpty, columnCount > 0 else { return }
    var whole = Buffer(byteCount: rows.count * baseRowByteCount)
    try whole.withMutableBytes(0..<whole.byteCount) { (span) throws(OunceError) in
      try base.read(rows: rows, into: &span)
    }
    let runs = runs
    let rowByteCount = columnCount * elementByteCount
    whole.withBytes(0..<whole.byteCount) { source in
      unsafe bytes.withUnsafeMutableBytes { target in
        unsafe source.withUnsafeBytes { source in
          guard let from = source.baseAddress, let to = target.baseAddress else { return }
          for row in 0..<rows.count {
            let (source, target) = (row * baseRowByteCount, row * rowByteCount)
            for run in runs {
              unsafe copyElements(
                from: from + source + run.source, to: to + target + run.target, byteCount: run.byteCount)
            }
          }
        }
      }
    }
  }

  /// Bytes of a row that stay neighbours.
  private struct Run {
    var source: Int
    var target: Int
    var byteCount: Int
  }

  private var runs: [Run] {
    var runs: [Run] = []
    for column in 0..<columnCount {
      let from = source(column) * elementByteCount
      if let last = runs.last, last.source + last.byteCount == from {
        runs[runs.count - 1].byteCount += elementByteCount
      } else {
        runs.append(Run(source: from, target: column * elementByteCount, byteCount: elementByteCount))
      }
    }
    return runs
  }
}

/// Single elements move as one word, longer runs as a block.
@inline(__always)
private func copyElements(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, byteCount: Int) {
  switch byteCount {
  case 1: unsafe target.storeBytes(of: source.load(as: UInt8.self), as: UInt8.self)
  case 2: unsafe target.storeBytes(of: source.loadUnaligned(as: UInt16.self), as: UInt16.self)
  case 4: unsafe target.storeBytes(of: source.loadUnaligned(as: UInt32.self), as: UInt32.self)
  default: unsafe target.copyMemory(from: source, byteCount: byteCount)
  }
}
