/// The rows of another tensor in another order: a permutation, or a choice.
public struct RowGather: TensorData {
  private let base: any TensorData
  private let rowByteCount: Int
  /// The base's row for each row.
  private let source: @Sendable (Int) -> Int

  public init(_ base: any TensorData, rowByteCount: Int, source: @escaping @Sendable (Int) -> Int) {
    self.base = base
    self.rowByteCount = rowByteCount
    self.source = source
  }

  public func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    var row = rows.lowerBound
    while row < rows.upperBound {
      // Neighbours that stay neighbours are read in one go.
      let first = source(row)
      var count = 1
      while row + count < rows.upperBound, source(row + count) == first + count { count += 1 }
      let start = (row - rows.lowerBound) * rowByteCount
      try bytes.withSlice(start..<start + count * rowByteCount) { (slice) throws(OunceError) in
        try base.read(rows: first..<first + count, into: &slice)
      }
      row += count
    }
  }
}
