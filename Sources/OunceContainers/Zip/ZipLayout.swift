internal import OunceCore

/// Places stored members one after the other, and the directory behind them.
///
/// Dates are the first that zip knows, so that the same content gives the same bytes. Numbers go into 64-bit fields
/// from 2 GiB on, as Python's zipfile does it.
struct ZipLayout {
  struct Style {
    /// Whether a member's own header has 64-bit sizes even where they are small, as NumPy writes them.
    var hasWideHeaders = false
    /// The content of each member begins at a multiple of so many bytes.
    var alignment = 1
    /// The program that is said to have made it, and its permissions.
    var maker: UInt16 = 20
    var attributes: UInt32 = 0
    /// The bytes that fill up an extra field for alignment, behind the mark "FB".
    static let padding = UInt8(ascii: "Z")
  }

  private struct Member {
    let name: [UInt8]
    let headerOffset: Int
    let byteCount: Int
    var checksum: UInt32
    /// The tensor whose bytes end the member; nil: all bytes are known.
    var tensor: Int?
  }

  private let style: Style
  private var members: [Member] = []
  private var inserts: [FileLayout.Insert] = []
  private var dataOffsets: [Int: Int] = [:]
  private var end = 0

  /// The number from which zipfile takes 64 bits.
  private static let wideLimit = 1 << 31 - 1
  private static let full = UInt32.max
  private static let firstDay: UInt16 = 0x21

  init(_ style: Style) { self.style = style }

  /// A member whose bytes are known.
  mutating func add(_ name: String, _ content: [UInt8]) throws(OunceError) {
    try place(name, content, tensor: nil, byteCount: content.count)
  }

  /// A member of some known bytes and a tensor of `byteCount` behind them.
  mutating func add(_ name: String, _ prefix: [UInt8] = [], tensor: Int, byteCount: Int) throws(OunceError) {
    try place(name, prefix, tensor: tensor, byteCount: prefix.count + byteCount)
  }

  private mutating func place(
    _ name: String, _ known: [UInt8], tensor: Int?, byteCount: Int
  ) throws(OunceError) {
    let nameBytes = Array(name.utf8)
    guard nameBytes.count <= UInt16.max else {
      throw OunceError(.unsupported, "a name of \(nameBytes.count) bytes does not fit into a zip archive")
    }
    let checksum = known.withRawSpan { CRC32.checksum(of: $0) }
    let isWide = style.hasWideHeaders || byteCount > Self.wideLimit
    var writer = ByteWriter()
    writer.integer(UInt32(0x0403_4B50))
    writer.integer(UInt16(isWide ? 45 : 20))
    writer.integer(Self.flags(nameBytes))
    writer.integer(UInt16(0))
    writer.integer(UInt16(0))
    writer.integer(Self.firstDay)
    writer.integer(checksum)
    writer.integer(isWide ? Self.full : UInt32(byteCount))
    writer.integer(isWide ? Self.full : UInt32(byteCount))
    writer.integer(UInt16(nameBytes.count))
    var extra = ByteWriter()
    if isWide {
      extra.integer(UInt16(1))
      extra.integer(UInt16(16))
      extra.integer(UInt64(byteCount))
      extra.integer(UInt64(byteCount))
    }
    pad(&extra, after: writer.byteCount + 2 + nameBytes.count)
    writer.integer(UInt16(extra.byteCount))
    writer.append(nameBytes)
    writer.append(extra.bytes)
    writer.append(known)
    inserts.append(.init(offset: end, bytes: writer.bytes))
    members.append(
      Member(name: nameBytes, headerOffset: end, byteCount: byteCount, checksum: checksum, tensor: tensor))
    end += writer.byteCount
    if let tensor {
      dataOffsets[tensor] = end
      end += byteCount - known.count
    }
  }

  /// Fills the extra field so that the content begins at a multiple of the alignment.
  private func pad(_ extra: inout ByteWriter, after byteCount: Int) {
    guard style.alignment > 1 else { return }
    let start = end + byteCount + extra.byteCount + 4
    let count = (style.alignment - start % style.alignment) % style.alignment
    extra.append(Array("FB".utf8))
    extra.integer(UInt16(count))
    extra.append([UInt8](repeating: Style.padding, count: count))
  }

  /// Bit 11 says that a name is UTF-8; ASCII needs it not.
  private static func flags(_ name: [UInt8]) -> UInt16 { name.allSatisfy { $0 < 0x80 } ? 0 : 0x0800 }

  /// The whole file. Each tensor from 0 to `tensorCount` has been added.
  func layout(tensorCount: Int) -> FileLayout {
    var writer = ByteWriter()
    var checksums: [FileLayout.Checksum] = []
    for member in members {
      if let tensor = member.tensor {
        checksums.append(
          .init(
            tensor: tensor, before: member.checksum,
            offsets: [member.headerOffset + 14, end + writer.byteCount + 16]))
      }
      append(member, to: &writer)
    }
    appendEnd(to: &writer, directoryByteCount: writer.byteCount)
    return FileLayout(
      header: [], offsets: (0..<tensorCount).map { dataOffsets[$0] ?? 0 }, byteCount: end + writer.byteCount,
      inserts: inserts + [.init(offset: end, bytes: writer.bytes)], checksums: checksums)
  }

  /// The entry of the directory.
  private func append(_ member: Member, to writer: inout ByteWriter) {
    var extra = ByteWriter()
    let isLarge = member.byteCount > Self.wideLimit
    let isFar = member.headerOffset > Self.wideLimit
    if isLarge || isFar {
      extra.integer(UInt16(1))
      extra.integer(UInt16((isLarge ? 16 : 0) + (isFar ? 8 : 0)))
      if isLarge {
        extra.integer(UInt64(member.byteCount))
        extra.integer(UInt64(member.byteCount))
      }
      if isFar { extra.integer(UInt64(member.headerOffset)) }
    }
    let version: UInt16 = style.hasWideHeaders || isLarge || isFar ? 45 : 20
    writer.integer(UInt32(0x0201_4B50))
    writer.integer(style.maker & 0xFF00 | max(version, style.maker & 0xFF))
    writer.integer(version)
    writer.integer(Self.flags(member.name))
    writer.integer(UInt16(0))
    writer.integer(UInt16(0))
    writer.integer(Self.firstDay)
    writer.integer(member.checksum)
    writer.integer(isLarge ? Self.full : UInt32(member.byteCount))
    writer.integer(isLarge ? Self.full : UInt32(member.byteCount))
    writer.integer(UInt16(member.name.count))
    writer.integer(UInt16(extra.byteCount))
    writer.integer(UInt16(0))
    writer.integer(UInt16(0))
    writer.integer(UInt16(0))
    writer.integer(style.attributes)
    writer.integer(isFar ? Self.full : UInt32(member.headerOffset))
    writer.append(member.name)
    writer.append(extra.bytes)
  }

  private func appendEnd(to writer: inout ByteWriter, directoryByteCount: Int) {
    if members.count > UInt16.max || end > Self.wideLimit || directoryByteCount > Self.wideLimit {
      let place = end + writer.byteCount
      writer.integer(UInt32(0x0606_4B50))
      writer.integer(UInt64(44))
      writer.integer(UInt16(45))
      writer.integer(UInt16(45))
      writer.integer(UInt32(0))
      writer.integer(UInt32(0))
      writer.integer(UInt64(members.count))
      writer.integer(UInt64(members.count))
      writer.integer(UInt64(directoryByteCount))
      writer.integer(UInt64(end))
      writer.integer(UInt32(0x0706_4B50))
      writer.integer(UInt32(0))
      writer.integer(UInt64(place))
      writer.integer(UInt32(1))
    }
    writer.integer(UInt32(0x0605_4B50))
    writer.integer(UInt16(0))
    writer.integer(UInt16(0))
    writer.integer(UInt16(clamping: members.count))
    writer.integer(UInt16(clamping: members.count))
    writer.integer(UInt32(clamping: directoryByteCount))
    writer.integer(UInt32(clamping: end))
    writer.integer(UInt16(0))
  }
}
