internal import CZlib

/// The checksum of zip archives and gzip files.
public enum CRC32 {
  /// The checksum of bytes, or of bytes that follow others whose checksum is known.
  public static func checksum(of bytes: RawSpan, after before: UInt32 = 0) -> UInt32 {
    unsafe bytes.withUnsafeBytes { buffer in
      let start = unsafe buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
      return UInt32(truncatingIfNeeded: unsafe crc32_z(UInt(before), start, buffer.count))
    }
  }

  /// The checksum of two runs of bytes from the checksums of both.
  public static func combine(_ first: UInt32, _ second: UInt32, byteCount: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: crc32_combine(UInt(first), UInt(second), byteCount))
  }
}
