internal import OunceCore
internal import OunceEncoding

extension Tensor {
  /// Rows as numbers, held in memory: for tensors that are small, or few rows.
  ///
  /// - Parameter rows: nil: all.
  func floats(_ rows: Range<Int>? = nil) throws(OunceError) -> [Float] {
    let rows = rows ?? 0..<info.rowCount
    var bytes = [UInt8](repeating: 0, count: rows.count * info.rowByteCount)
    try bytes.withMutableRawSpan { (span) throws(OunceError) in try data.read(rows: rows, into: &span) }
    var values = [Float](repeating: 0, count: rows.count * info.columnCount)
    bytes.withRawSpan { blocks in
      var elements = values.mutableSpan
      info.encoding.decode(blocks, into: &elements)
    }
    return values
  }
}
