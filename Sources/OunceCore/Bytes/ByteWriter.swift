/// Bytes of a header that grow at the end.
public struct ByteWriter {
  public private(set) var bytes: [UInt8] = []
  /// Whether integers are written with their most significant byte first.
  public let isBigEndian: Bool

  public init(isBigEndian: Bool = false) { self.isBigEndian = isBigEndian }

  public var byteCount: Int { bytes.count }

  public mutating func integer(_ value: some FixedWidthInteger) {
    let byteCount = value.bitWidth / 8
    for index in 0..<byteCount {
      let shift = (isBigEndian ? byteCount - 1 - index : index) * 8
      bytes.append(UInt8(truncatingIfNeeded: value >> type(of: value).init(truncatingIfNeeded: shift)))
    }
  }

  public mutating func append(_ bytes: some Sequence<UInt8>) { self.bytes.append(contentsOf: bytes) }

  /// Zeros up to the next multiple of `alignment`.
  public mutating func pad(to alignment: Int) {
    while bytes.count % alignment != 0 { bytes.append(0) }
  }

  public mutating func reserveCapacity(_ byteCount: Int) { bytes.reserveCapacity(byteCount) }
}
