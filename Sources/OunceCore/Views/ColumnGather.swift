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
    let order = (0..<columnCount).map(source)
    var whole = Buffer(byteCount: rows.count * baseRowByteCount)
    try whole.withMutableBytes(0..<rows.count * baseRowByteCount) { (span) throws(OunceError) in
      try base.read(rows: rows, into: &span)
    }
    for row in 0..<rows.count {
      for (column, from) in order.enumerated() {
        let start = row * baseRowByteCount + from * elementByteCount
        whole.withBytes(start..<start + elementByteCount) {
          bytes.copy($0, to: (row * columnCount + column) * elementByteCount)
        }
      }
    }
  }
}
