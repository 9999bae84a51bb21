internal import OunceCore

/// What was done to the bytes of each chunk before they were stored, in order.
///
/// | version 1 | version 2 |
/// |---|---|
/// | version, number of filters, zeros (6) | version, number of filters |
/// | each: number (2), byte count of its name (2), flags (2), number of settings (2) | the byte count of the name only from number 256 on |
/// | its name, padded to 8; its settings (4 each); zeros (4) when they are odd | its name; its settings |
struct HDF5Filters: Sendable {
  enum Filter: Sendable, Equatable {
    case deflate
    /// All first bytes of the elements, then all second ones, and so on.
    case shuffle(elementByteCount: Int)
    /// A checksum behind the bytes.
    case fletcher32
  }

  private(set) var filters: [Filter] = []
  /// A filter that this build does not undo.
  private(set) var unknown: String?

  private static let names = [
    4: "szip", 5: "nbit", 6: "scaleoffset", 307: "bzip2", 32000: "lzf", 32001: "blosc", 32004: "lz4",
    32008: "bitshuffle", 32013: "zfp", 32015: "zstd", 32017: "sz", 32026: "blosc2",
  ]

  init() {}

  init(_ block: inout HDF5Block) throws(OunceError) {
    let version = try block.version(1...2)
    let count = try block.number(1)
    guard count <= 32 else { throw block.malformed("\(count) filters are more than the 32 of HDF5") }
    if version == 1 { try block.skip(6) }
    for _ in 0..<count {
      let start = block.offset
      let number = try block.number(2)
      let nameByteCount = version == 1 || number >= 256 ? try block.number(2) : 0
      try block.skip(2)
      let settingCount = try block.number(2)
      try block.skip(version == 1 ? (nameByteCount + 7) / 8 * 8 : nameByteCount)
      var settings: [Int] = []
      for _ in 0..<settingCount { settings.append(try block.number(4)) }
      if version == 1, settingCount % 2 == 1 { try block.skip(4) }
      switch number {
      case 1:
        guard !filters.contains(.deflate) else { throw block.malformed("chunks are deflated twice", at: start) }
        filters.append(.deflate)
      case 2:
        guard let size = settings.first, size > 0 else {
          throw block.malformed("the filter shuffle does not know the size of an element", at: start)
        }
        filters.append(.shuffle(elementByteCount: size))
      case 3: filters.append(.fletcher32)
      default: unknown = unknown ?? Self.names[number] ?? "number \(number)"
      }
    }
  }

  /// Undoes the filters, the last first.
  ///
  /// - Parameters:
  ///   - mask: bit `i` says that filter `i` was left out for this chunk.
  ///   - byteCount: what has to come out.
  /// - Throws: `OunceError` without a place, when the bytes are not what the filters make.
  func undo(_ stored: consuming [UInt8], mask: Int, byteCount: Int) throws(OunceError) -> [UInt8] {
    var bytes = stored
    for index in filters.indices.reversed() where mask >> index & 1 == 0 {
      // Checksums that were put behind the chunk before this filter saw it.
      let before = filters[..<index].indices.count { filters[$0] == .fletcher32 && mask >> $0 & 1 == 0 }
      switch filters[index] {
      case .deflate: bytes = try Self.inflate(bytes, byteCount: byteCount + 4 * before)
      case .shuffle(let elementByteCount): bytes = Self.unshuffle(bytes, elementByteCount)
      case .fletcher32: try Self.check(&bytes)
      }
    }
    guard bytes.count == byteCount else {
      throw OunceError(.malformed, "a chunk has \(bytes.count) bytes instead of \(byteCount)")
    }
    return bytes
  }

  /// The most bytes that one deflated byte becomes.
  static let deflateRatio = 1032

  private static func inflate(_ deflated: [UInt8], byteCount: Int) throws(OunceError) -> [UInt8] {
    guard byteCount / deflateRatio <= deflated.count else {
      throw OunceError(.malformed, "\(deflated.count) deflated bytes cannot become a chunk of \(byteCount)")
    }
    let stream = InflateStream(InputFile(path: "a chunk", bytes: deflated), 0..<deflated.count, .zlib)
    // One byte more, to see that there are no more: only then the stream has checked what it gave.
    var bytes = [UInt8](repeating: 0, count: byteCount + 1)
    var filled = 0
    while filled <= byteCount {
      let made: Int
      do throws(OunceError) {
        made = try bytes.withMutableRawSpan { (span) throws(OunceError) in
          try span.withSlice(filled..<byteCount + 1) { (slice) throws(OunceError) in try stream.next(into: &slice) }
        }
      } catch { throw OunceError(error.kind, error.problem, remedy: error.remedy) }
      if made == 0 { break }
      filled += made
    }
    guard filled == byteCount else {
      let found = filled < byteCount ? "\(filled)" : "more"
      throw OunceError(.malformed, "a chunk unpacks to \(found) bytes instead of \(byteCount)")
    }
    bytes.removeLast()
    return bytes
  }

  private static func unshuffle(_ bytes: [UInt8], _ elementByteCount: Int) -> [UInt8] {
    let count = bytes.count / elementByteCount
    guard elementByteCount > 1, count > 1 else { return bytes }
    var result = bytes
    let source = bytes.span
    var target = result.mutableSpan
    for byte in 0..<elementByteCount {
      var (from, to) = (byte * count, byte)
      for _ in 0..<count {
        target[to] = source[from]
        from += 1
        to += elementByteCount
      }
    }
    return result
  }

  /// Takes the checksum from the end. Old libraries on little-endian machines stored its bytes in pairs turned around.
  private static func check(_ bytes: inout [UInt8]) throws(OunceError) {
    guard bytes.count >= 4 else { throw OunceError(.malformed, "a chunk is too short for its checksum") }
    let tail = bytes.suffix(4).map { UInt32($0) }
    let stored = tail[0] | tail[1] << 8 | tail[2] << 16 | tail[3] << 24
    bytes.removeLast(4)
    let found = HDF5Checksum.fletcher32(bytes[...])
    let turned = (found & 0xFF00_FF00) >> 8 | (found & 0x00FF_00FF) << 8
    guard stored == found || stored == turned else {
      throw OunceError(
        .malformed,
        "a chunk has the checksum 0x\(String(found, radix: 16)), but 0x\(String(stored, radix: 16)) is stored")
    }
  }
}
