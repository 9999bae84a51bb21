internal import OunceCore

/// What may be unpacked.
enum Unpacking {
  /// Refuses content that grows beyond reason: weights shrink to a third at best, zeros to a thousandth. What counts is
  /// the file on disk, however many wrappers are around `file`.
  static func check(_ byteCount: Int, from file: InputFile) throws(OunceError) {
    let outer = file.container.byteCount
    guard byteCount > limit(for: outer) else { return }
    throw OunceError(
      .malformed, "unpacks to \(byteCount) bytes, more than \(Limits.unpackedRatio) times its \(outer): a bomb",
      file: file.path, remedy: "when you trust the file, unpack it yourself first")
  }

  /// The bytes that `byteCount` compressed ones may become.
  static func limit(for byteCount: Int) -> Int {
    let (grown, overflow) = byteCount.multipliedReportingOverflow(by: Limits.unpackedRatio)
    return overflow ? .max : max(grown, Limits.unpackedByteCount)
  }
}
