/// The same bytes cut into rows of another size.
public struct Reshaped: TensorData {
  private let base: any TensorData
  private let baseRowByteCount: Int
  private let rowByteCount: Int

  public init(_ base: any TensorData, baseRowByteCount: Int, rowByteCount: Int) {
    self.base = base
    self.baseRowByteCount = baseRowByteCount
    self.rowByteCount = rowByteCount
  }

  public func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    guard baseRowByteCount > 0 else { return }
    let range = rows.lowerBound * rowByteCount..<rows.upperBound * rowByteCount
    let baseRows = range.lowerBound / baseRowByteCount..<(range.upperBound + baseRowByteCount - 1) / baseRowByteCount
    let start = baseRows.lowerBound * baseRowByteCount
    if start == range.lowerBound, baseRows.count * baseRowByteCount == range.count {
      try base.read(rows: baseRows, into: &bytes)
      return
    }
    var whole = Buffer(byteCount: baseRows.count * baseRowByteCount)
    try whole.withMutableBytes(0..<whole.byteCount) { (span) throws(OunceError) in
      try base.read(rows: baseRows, into: &span)
    }
    whole.withBytes(range.lowerBound - start..<range.upperBound - start) { bytes.copy($0) }
  }
}
