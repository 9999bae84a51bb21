/// Rows that were computed and are held in memory: small tensors such as rope factors.
public struct Memory: TensorData {
  private let bytes: [UInt8]
  private let rowByteCount: Int

  public init(bytes: [UInt8], rowByteCount: Int) {
    self.bytes = bytes
    self.rowByteCount = rowByteCount
  }

  /// One row of floats, encoded as F32.
  public init(floats: [Float]) {
    bytes = floats.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) } }
    rowByteCount = bytes.count
  }

  public func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    let start = rows.lowerBound * rowByteCount
    self.bytes.withRawSpan { bytes.copy($0.extracting(start..<start + bytes.byteCount)) }
  }
}
