public import OunceEncoding

/// Rows whose elements are computed from another tensor's: decoded, changed in place, encoded again.
public struct Mapped: TensorData {
  private let base: any TensorData
  private let source: any Encoding
  private let target: any WritableEncoding
  /// Elements of one row.
  private let columnCount: Int
  private let change: @Sendable (inout MutableSpan<Float>) -> Void

  /// - Parameter change: gets whole rows.
  public init(
    _ base: any TensorData, from source: any Encoding, to target: any WritableEncoding, columnCount: Int,
    change: @escaping @Sendable (inout MutableSpan<Float>) -> Void
  ) {
    self.base = base
    self.source = source
    self.target = target
    self.columnCount = columnCount
    self.change = change
  }

  public func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    let count = rows.count * columnCount
    guard count > 0 else { return }
    var encoded = Buffer(byteCount: count / source.elementsPerBlock * source.bytesPerBlock)
    var floats = Buffer(byteCount: count * 4)
    try encoded.withMutableBytes(0..<encoded.byteCount) { (span) throws(OunceError) in
      try base.read(rows: rows, into: &span)
    }
    floats.withMutableFloats(count) { elements in
      encoded.withBytes(0..<encoded.byteCount) { source.decode($0, into: &elements) }
      change(&elements)
    }
    floats.withFloats(count) { target.encode($0, columns: columnCount, importance: nil, into: &bytes) }
  }
}
