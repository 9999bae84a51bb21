/// Bytes of a header that grow at the end.
public struct ByteWriter {
  public internal(set) var bytes: [UInt8] = []
  /// Whether integers are written with their most significant byte first.
  public let isBigEndian: Bool

  public init(isBigEndian: Bool = false) { self.isBigEndian = isBigEndian }

  public var byteCount: Int { bytes.count }

  @inlinable public mutating func integer(_ value: some FixedWidthInteger) {
    word(UInt64(truncatingIfNeeded: value), byteCount: value.bitWidth / 8)
  }

  /// Integers of any width end here, so that generic code stays small.
  @usableFromInline mutating func word(_ value: UInt64, byteCount: Int) {
    for index in 0..<byteCount {
      let shift = UInt64(isBigEndian ? byteCount - 1 - index : index) * 8
      bytes.append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }

  public mutating func append(_ bytes: some Sequence<UInt8>) { self.bytes.append(contentsOf: bytes) }

  /// Zeros up to the next multiple of `alignment`.
  public mutating func pad(to alignment: Int) {
    while bytes.count % alignment != 0 { bytes.append(0) }
  }

  public mutating func reserveCapacity(_ byteCount: Int) { bytes.reserveCapacity(byteCount) }
}
