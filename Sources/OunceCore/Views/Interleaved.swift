/// Planes of one tensor woven together: block after block, the part of each plane behind that of the one before.
///
/// Formats that keep codes, scales and biases apart have as many blocks in each plane; here each block is one record,
/// so that an encoding can decode it.
public struct Interleaved: TensorData {
  public struct Plane: Sendable {
    let data: any TensorData
    /// Bytes that the plane has for one block.
    let blockByteCount: Int
    /// Codes of four bits are stored one after the other, low nibble first; a record wants the first half of every so
    /// many codes in its low nibbles, the other half in the high ones. nil: bytes stay as they are.
    let halvedCount: Int?

    /// - Parameter data: rows of as many blocks as those of the other planes.
    public init(_ data: any TensorData, blockByteCount: Int, halvedCount: Int? = nil) {
      self.data = data
      self.blockByteCount = blockByteCount
      self.halvedCount = halvedCount
    }
  }

  private let planes: [Plane]
  private let blocksPerRow: Int
  private let recordByteCount: Int

  public init(_ planes: [Plane], blocksPerRow: Int) {
    self.planes = planes
    self.blocksPerRow = blocksPerRow
    recordByteCount = planes.reduce(0) { $0 + $1.blockByteCount }
  }

  public func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    let blockCount = rows.count * blocksPerRow
    guard blockCount > 0 else { return }
    var start = 0
    for plane in planes {
      var stored = Buffer(byteCount: blockCount * plane.blockByteCount)
      try stored.withMutableBytes(0..<stored.byteCount) { (span) throws(OunceError) in
        try plane.data.read(rows: rows, into: &span)
      }
      stored.withBytes(0..<stored.byteCount) { source in
        unsafe bytes.withUnsafeMutableBytes { target in
          unsafe source.withUnsafeBytes { source in
            guard let from = source.baseAddress, let to = target.baseAddress else { return }
            for block in 0..<blockCount {
              unsafe plane.copy(from + block * plane.blockByteCount, to: to + block * recordByteCount + start)
            }
          }
        }
      }
      start += plane.blockByteCount
    }
  }
}

extension Interleaved.Plane {
  @inline(__always)
  fileprivate func copy(_ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
    guard let halvedCount else {
      unsafe target.copyMemory(from: source, byteCount: blockByteCount)
      return
    }
    let (half, quarter) = (halvedCount / 2, halvedCount / 4)
    for start in stride(from: 0, to: blockByteCount, by: half) {
      for index in 0..<quarter {
        // Two neighbours of the first half, and the two of the other half at the same place.
        let low = unsafe source.load(fromByteOffset: start + index, as: UInt8.self)
        let high = unsafe source.load(fromByteOffset: start + quarter + index, as: UInt8.self)
        unsafe target.storeBytes(of: low & 15 | high << 4, toByteOffset: start + 2 * index, as: UInt8.self)
        unsafe target.storeBytes(of: low >> 4 | high & 0xF0, toByteOffset: start + 2 * index + 1, as: UInt8.self)
      }
    }
  }
}
