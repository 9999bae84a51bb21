internal import CZstd
internal import OunceCore

/// Zstandard frames of a file, decompressed from front to back. Skippable frames, as seekable files end with, are
/// passed over.
///
/// Format: https://www.rfc-editor.org/rfc/rfc8878
@safe final class ZstandardStream: ByteStream {
  private let file: InputFile
  private var range: Range<Int>
  private var state: OpaquePointer?
  private var input: [UInt8] = []
  private var used = 0
  /// Whether the last frame is complete.
  private var isBetweenFrames = true

  private static let windowByteCount = 128 << 10
  /// The largest window that a frame may ask for, as a power of two: 128 MiB, which `zstd --long` makes at most.
  private static let largestWindow: Int32 = 27

  init(_ file: InputFile, _ range: Range<Int>) {
    self.file = file
    self.range = range
  }

  deinit { unsafe ZSTD_freeDCtx(state) }

  func next(into bytes: inout MutableRawSpan) throws(OunceError) -> Int {
    if unsafe state == nil {
      unsafe state = ZSTD_createDCtx()
      let status = unsafe ZSTD_DCtx_setParameter(state, ZSTD_d_windowLogMax, Self.largestWindow)
      guard unsafe state != nil, ZSTD_isError(status) == 0 else {
        throw OunceError(.io, "zstd cannot be started", file: file.path)
      }
    }
    var made = 0
    var mayHoldMore = true
    while made == 0 {
      if used == input.count {
        if range.isEmpty, isBetweenFrames { return 0 }
        if !range.isEmpty {
          let count = min(Self.windowByteCount, range.count)
          input = try file.bytes(range.lowerBound..<range.lowerBound + count)
          range = range.lowerBound + count..<range.upperBound
          used = 0
        } else if !mayHoldMore {
          throw damaged("the compressed bytes end too early")
        }
      }
      made = try step(&bytes)
      mayHoldMore = made > 0
    }
    return made
  }

  private func step(_ bytes: inout MutableRawSpan) throws(OunceError) -> Int {
    let (status, taken, made) = unsafe input.withUnsafeBytes { source in
      unsafe bytes.withUnsafeMutableBytes { target -> (Int, Int, Int) in
        var from = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: used)
        var to = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
        let status = unsafe ZSTD_decompressStream(state, &to, &from)
        return unsafe (status, from.pos - used, to.pos)
      }
    }
    guard ZSTD_isError(status) == 0 else {
      let reason = unsafe String(cString: ZSTD_getErrorName(status))
      throw damaged("the compressed bytes are damaged (\(reason))")
    }
    used += taken
    isBetweenFrames = status == 0
    return made
  }

  private func damaged(_ problem: String) -> OunceError {
    OunceError(
      .malformed, problem, file: file.path, offset: range.lowerBound - (input.count - used),
      remedy: "the file is damaged; fetch it again")
  }
}
