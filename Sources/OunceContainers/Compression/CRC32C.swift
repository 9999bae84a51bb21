/// The checksum of Castagnoli, which TensorFlow and TensorStore write.
///
/// https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4
enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0x82F6_3B78 }
  }

  static func checksum(of bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  }

  /// As tables and records of TensorFlow hold it: "masked", since a checksum over bytes that hold checksums is weak.
  static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
    let checksum = checksum(of: bytes)
    return (checksum >> 15 | checksum << 17) &+ 0xA282_EAD8
  }
}
