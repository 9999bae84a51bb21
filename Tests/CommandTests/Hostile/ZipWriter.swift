/// A zip archive whose every field can be wrong.
struct ZipWriter {
  struct Member {
    var name: [UInt8]
    /// What is stored in the archive.
    var content: [UInt8]
    var method = 0
    var flags = 0
    var checksum: Int?
    /// In the directory; nil: of the content.
    var compressedByteCount: Int?
    var byteCount: Int?
    var place: Int?
    var extra: [UInt8] = []
    /// In the member's own header.
    var localName: [UInt8]?
    var localNameByteCount: Int?
    var localExtra: [UInt8] = []
    var localSignature = 0x0403_4B50

    init(_ name: String, _ content: [UInt8]) {
      self.name = utf8(name)
      self.content = content
    }

    /// The same with fields changed.
    func with(_ change: (inout Member) -> Void) -> Member {
      var copy = self
      change(&copy)
      return copy
    }
  }

  var members: [Member]
  var memberCount: Int?
  var directoryByteCount: Int?
  var directoryOffset: Int?
  var comment: [UInt8] = []
  var commentByteCount: Int?
  var disk = 0
  var before: [UInt8] = []
  /// Between the directory and the end.
  var wide: [UInt8] = []

  init(_ members: [Member]) { self.members = members }

  var bytes: [UInt8] {
    var bytes = before
    var places: [Int] = []
    for member in members {
      places.append(bytes.count - before.count)
      let name = member.localName ?? member.name
      bytes += all(u32(member.localSignature), u16(20), u16(member.flags), u16(member.method), u32(0))
      bytes += all(u32(member.checksum ?? Self.crc32(member.content)), u32(member.content.count))
      bytes += all(u32(member.byteCount ?? member.content.count), u16(member.localNameByteCount ?? name.count))
      bytes += all(u16(member.localExtra.count), name, member.localExtra, member.content)
    }
    let directory = bytes.count
    for (member, place) in zip(members, places) {
      bytes += all(u32(0x0201_4B50), u16(20), u16(20), u16(member.flags), u16(member.method), u32(0))
      bytes += all(u32(member.checksum ?? Self.crc32(member.content)))
      bytes += all(
        u32(member.compressedByteCount ?? member.content.count), u32(member.byteCount ?? member.content.count))
      bytes += all(u16(member.name.count), u16(member.extra.count), u16(0), zeros(8), u32(member.place ?? place))
      bytes += all(member.name, member.extra)
    }
    let size = bytes.count - directory
    bytes += wide
    bytes += all(u32(0x0605_4B50), u16(disk), u16(disk), u16(members.count), u16(memberCount ?? members.count))
    bytes += all(u32(directoryByteCount ?? size), u32(directoryOffset ?? directory - before.count))
    return all(bytes, u16(commentByteCount ?? comment.count), comment)
  }

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { state, _ in state >> 1 ^ (state & 1 == 1 ? 0xEDB8_8320 : 0) }
  }

  /// The checksum of zip.
  static func crc32(_ bytes: [UInt8]) -> Int {
    var state: UInt32 = 0xFFFF_FFFF
    for byte in bytes { state = state >> 8 ^ table[Int((state ^ UInt32(byte)) & 0xFF)] }
    return Int(~state)
  }

  /// Bytes in a deflate stream that stores them: no compressor is needed.
  static func deflated(_ bytes: [UInt8], isLast: Bool = true) -> [UInt8] {
    var stream: [UInt8] = []
    var start = 0
    repeat {
      let count = min(0xFFFF, bytes.count - start)
      let isEnd = start + count == bytes.count && isLast
      stream += all([isEnd ? 1 : 0], u16(count), u16(~count), Array(bytes[start..<start + count]))
      start += count
    } while start < bytes.count
    return stream
  }
}
