/// Matrices with rows and columns exchanged, one after the other. Elements are whole bytes.
///
/// Rows of the result are columns of the base, so a read passes over one whole matrix of the base, in blocks of rows.
public struct Transposed: TensorData {
  private let base: any TensorData
  /// The base's rows and columns of one matrix.
  private let rowCount: Int
  private let columnCount: Int
  private let elementByteCount: Int

  public init(_ base: any TensorData, rowCount: Int, columnCount: Int, elementByteCount: Int) {
    self.base = base
    self.rowCount = rowCount
    self.columnCount = columnCount
    self.elementByteCount = elementByteCount
  }

  public func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    var row = rows.lowerBound
    while row < rows.upperBound {
      let matrix = row / columnCount
      let end = min(rows.upperBound, (matrix + 1) * columnCount)
      try read(
        columns: row - matrix * columnCount..<end - matrix * columnCount, of: matrix, row - rows.lowerBound, &bytes)
      row = end
    }
  }

  /// Some columns of one matrix of the base, from row `first` of `bytes` on.
  private func read(
    columns: Range<Int>, of matrix: Int, _ first: Int, _ bytes: inout MutableRawSpan
  ) throws(OunceError) {
    let rowByteCount = columnCount * elementByteCount
    let step = max(1, (1 << 20) / max(rowByteCount, 1))
    for start in stride(from: 0, to: rowCount, by: step) {
      let count = min(step, rowCount - start)
      var block = Buffer(byteCount: count * rowByteCount)
      try block.withMutableBytes(0..<count * rowByteCount) { (span) throws(OunceError) in
        let from = matrix * rowCount + start
        try base.read(rows: from..<from + count, into: &span)
      }
      for (index, column) in columns.enumerated() {
        for row in 0..<count {
          let place = row * rowByteCount + column * elementByteCount
          block.withBytes(place..<place + elementByteCount) {
            bytes.copy($0, to: ((first + index) * rowCount + start + row) * elementByteCount)
          }
        }
      }
    }
  }
}
