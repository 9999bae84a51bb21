/// The checksum of Castagnoli, which TensorFlow and TensorStore write.
///
/// https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4
enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0x82F6_3B78 }
  }

  /// Eight tables, one after the other: entry `256 * n + byte` is what a byte does that `n` zeros follow.
  private static let tables: [UInt32] = {
    var tables = table
    for index in 256..<8 * 256 {
      let before = tables[index - 256]
      tables.append(before >> 8 ^ table[Int(before & 0xFF)])
    }
    return tables
  }()

  static func checksum(of bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  }

  /// The checksum of bytes, or of bytes that follow others whose checksum is known: eight at a time, since a tensor has
  /// many.
  static func checksum(of bytes: RawSpan, after before: UInt32 = 0) -> UInt32 {
    var state = ~before
    let whole = bytes.byteCount / 8 * 8
    let tables = tables.span
    func part(_ word: UInt32, _ shift: UInt32, _ zeros: Int) -> UInt32 {
      tables[256 * zeros + Int(word >> shift & 0xFF)]
    }
    for offset in stride(from: 0, to: whole, by: 8) {
      let low = unsafe UInt32(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)) ^ state
      let high = unsafe UInt32(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
      state =
        part(low, 0, 7) ^ part(low, 8, 6) ^ part(low, 16, 5) ^ part(low, 24, 4) ^ part(high, 0, 3) ^ part(high, 8, 2)
        ^ part(high, 16, 1) ^ part(high, 24, 0)
    }
    for offset in whole..<bytes.byteCount {
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
      state = state >> 8 ^ tables[Int(UInt8(truncatingIfNeeded: state) ^ byte)]
    }
    return ~state
  }

  /// As tables and records of TensorFlow hold it: "masked", since a checksum over bytes that hold checksums is weak.
  static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 { masked(checksum(of: bytes)) }

  static func masked(_ checksum: UInt32) -> UInt32 { (checksum >> 15 | checksum << 17) &+ 0xA282_EAD8 }
}
