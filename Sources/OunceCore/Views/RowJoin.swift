/// The rows of several tensors, one tensor after the other: experts that are stacked, projections that are fused.
public struct RowJoin: TensorData {
  private let parts: [any TensorData]
  /// `ends[i]` is the number of rows of parts `0...i`.
  private let ends: [Int]
  private let rowByteCount: Int

  public init(_ parts: [(data: any TensorData, rowCount: Int)], rowByteCount: Int) {
    self.parts = parts.map(\.data)
    var end = 0
    ends = parts.map { part in
      end += part.rowCount
      return end
    }
    self.rowByteCount = rowByteCount
  }

  public func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    var row = rows.lowerBound
    var part = firstPart(after: row)
    while row < rows.upperBound {
      let partStart = part == 0 ? 0 : ends[part - 1]
      let count = min(ends[part], rows.upperBound) - row
      if count > 0 {
        let start = (row - rows.lowerBound) * rowByteCount
        try bytes.withSlice(start..<start + count * rowByteCount) { (slice) throws(OunceError) in
          try parts[part].read(rows: row - partStart..<row - partStart + count, into: &slice)
        }
        row += count
      }
      part += 1
    }
  }

  /// The part that holds `row`.
  private func firstPart(after row: Int) -> Int {
    var low = 0
    var high = ends.count
    while low < high {
      let middle = (low + high) / 2
      if ends[middle] <= row { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
