internal import CZlib
internal import OunceCore

/// Deflated bytes of a file, inflated from front to back.
@safe final class InflateStream: ByteStream {
  /// What stands around the deflated bytes.
  enum Framing: Int32 {
    /// Nothing: members of zip archives.
    case raw = -15
    /// A header and Adler-32: chunks of HDF5.
    case zlib = 15
    /// A header, CRC-32 and length, once or several times.
    case gzip = 31
  }

  private let file: InputFile
  private let framing: Framing
  private var range: Range<Int>
  private var state = unsafe z_stream()
  private var isOpen = false
  private var isAtEnd = false
  private var input: [UInt8] = []
  private var used = 0

  private static let windowByteCount = 128 << 10

  init(_ file: InputFile, _ range: Range<Int>, _ framing: Framing) {
    self.file = file
    self.range = range
    self.framing = framing
  }

  deinit { if isOpen { unsafe inflateEnd(&state) } }

  func next(into bytes: inout MutableRawSpan) throws(OunceError) -> Int {
    if !isOpen {
      let size = unsafe Int32(MemoryLayout<z_stream>.size)
      guard unsafe inflateInit2_(&state, framing.rawValue, ZLIB_VERSION, size) == Z_OK else {
        throw OunceError(.io, "zlib cannot be started", file: file.path)
      }
      isOpen = true
    }
    var made = 0
    while made == 0, !isAtEnd { made = try step(&bytes) }
    return made
  }

  /// One call of zlib, with more input when the last was used up.
  private func step(_ bytes: inout MutableRawSpan) throws(OunceError) -> Int {
    if used == input.count {
      guard !range.isEmpty else { throw damaged("the compressed bytes end too early") }
      let count = min(Self.windowByteCount, range.count)
      input = try file.bytes(range.lowerBound..<range.lowerBound + count)
      range = range.lowerBound + count..<range.upperBound
      used = 0
    }
    let wanted = bytes.byteCount
    let (status, taken, made) = unsafe input.withUnsafeMutableBufferPointer { source in
      unsafe bytes.withUnsafeMutableBytes { target -> (Int32, Int, Int) in
        unsafe state.next_in = source.baseAddress?.advanced(by: used)
        unsafe state.avail_in = UInt32(source.count - used)
        unsafe state.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe state.avail_out = UInt32(clamping: wanted)
        let status = unsafe inflate(&state, Z_NO_FLUSH)
        return unsafe (status, source.count - used - Int(state.avail_in), wanted - Int(state.avail_out))
      }
    }
    used += taken
    switch status {
    case Z_OK: break
    case Z_BUF_ERROR where made > 0 || used == input.count: break
    case Z_STREAM_END: try finishMember()
    default: throw damaged("the compressed bytes are damaged")
    }
    return made
  }

  /// gzip files may hold several members one after the other: what follows the last is padding of zeros, or nothing.
  private func finishMember() throws(OunceError) {
    let rest = input.count - used + range.count
    guard framing == .gzip, rest > 0 else {
      isAtEnd = true
      return
    }
    if used == input.count {
      input = try file.bytes(range.lowerBound..<range.lowerBound + min(Self.windowByteCount, range.count))
      range = range.lowerBound + input.count..<range.upperBound
      used = 0
    }
    if input[used] != 0x1F {
      isAtEnd = true
    } else if unsafe inflateReset(&state) != Z_OK {
      throw damaged("the compressed bytes are damaged")
    }
  }

  private func damaged(_ problem: String) -> OunceError {
    OunceError(
      .malformed, problem, file: file.path, offset: range.lowerBound - (input.count - used),
      remedy: "the file is damaged; fetch it again")
  }
}
