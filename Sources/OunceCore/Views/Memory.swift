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
    bytes = Self.bytes(of: floats)
    rowByteCount = bytes.count
  }

  /// Floats encoded as F32.
  public static func bytes(of floats: [Float]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(4 * floats.count)
    for value in floats {
      for shift in stride(from: UInt32(0), to: 32, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
      }
    }
    return bytes
  }

  public func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    let start = rows.lowerBound * rowByteCount
    self.bytes.withRawSpan { bytes.copy($0.extracting(start..<start + bytes.byteCount)) }
  }
}
