internal import OunceCore

extension InputFile {
  /// The checksum of the bytes in `range`, a megabyte after the other.
  ///
  /// - Parameter extended: the checksum of the bytes before and of these.
  /// - Throws: `OunceError` when they cannot be read, or of kind `.cancelled`.
  func checksum(
    of range: Range<Int>, isCancelled: () -> Bool, extended: (RawSpan, _ after: UInt32) -> UInt32
  ) throws(OunceError) -> UInt32 {
    var checksum: UInt32 = 0
    for start in stride(from: range.lowerBound, to: range.upperBound, by: 1 << 20) {
      if isCancelled() { throw OunceError(.cancelled, "stopped; nothing was left behind") }
      let bytes = try bytes(start..<min(start + 1 << 20, range.upperBound))
      checksum = bytes.withRawSpan { extended($0, checksum) }
    }
    return checksum
  }
}
