/// An HDF5 file of the oldest kind (no checksums): a superblock, groups of links, one dataset.
struct HDF5Writer {
  var version = 0
  var widths = [8, 8]
  var base = 0
  /// nil: the end of the file.
  var end: Int?
  var root: Int?
  var rank = 1
  var sizes = [2]
  var spaceVersion = 1
  var spaceFlags = 0
  /// A little-endian float of 32 bits.
  var type = all([0x11, 0x20, 0x1F, 0], u32(4), u16(0), u16(32), [23, 8, 0, 23], u32(127))
  var data = floats(2)
  /// Nil: version 3, contiguous.
  var layout: ((_ place: Int) -> [UInt8])?
  var links: [(name: String, target: Int?)] = [("a", nil)]
  /// More messages of the dataset, and of the root group.
  var messages: [(type: Int, body: [UInt8])] = []
  var rootMessages: [(type: Int, body: [UInt8])] = []
  var headerVersion = 1
  var messageByteCount: Int?
  /// Put behind the root group, at a place that is given.
  var tail: (_ place: Int) -> [UInt8] = { _ in [] }

  static let rootPlace = 96

  static func header(_ messages: [(type: Int, body: [UInt8])], version: Int = 1, byteCount: Int? = nil) -> [UInt8] {
    let content = messages.map { message in
      let body = message.body.padded(to: 8)
      return all(u16(message.type), u16(body.count), zeros(4), body)
    }
    let bytes = joined(content)
    return all([UInt8(version), 0], u16(messages.count), u32(1), u32(byteCount ?? bytes.count), zeros(4), bytes)
  }

  static func link(_ name: String, _ target: Int) -> (type: Int, body: [UInt8]) {
    (6, all([1, 1], u16(name.utf8.count), utf8(name), u64(target)))
  }

  static func softLink(_ name: String, _ path: String) -> (type: Int, body: [UInt8]) {
    (6, all([1, 8 | 1, 1], u16(name.utf8.count), utf8(name), u16(path.utf8.count), utf8(path)))
  }

  static func externalLink(_ name: String, _ file: String) -> (type: Int, body: [UInt8]) {
    (
      6,
      all(
        [1, 8 | 1, 64], u16(name.utf8.count), utf8(name), u16(file.utf8.count + 4), [0], utf8(file), [0], utf8("/"), [0]
      )
    )
  }

  var bytes: [UInt8] {
    // The root group first: what it links to is behind it, and its size does not depend on where that is.
    func root(_ dataset: Int) -> [UInt8] {
      Self.header(links.map { Self.link($0.name, $0.target ?? dataset) } + rootMessages)
    }
    let dataset = Self.rootPlace + root(0).count
    func object(_ place: Int) -> [UInt8] {
      let space =
        spaceVersion == 1
        ? all([1, UInt8(rank), UInt8(spaceFlags)], zeros(5), sizes.flatMap { u64($0) })
        : all([UInt8(spaceVersion), UInt8(rank), UInt8(spaceFlags), 1], sizes.flatMap { u64($0) })
      let stored = layout?(place) ?? all([3, 1], u64(place), u64(data.count))
      return Self.header(
        [(1, space), (3, type), (8, stored)] + messages, version: headerVersion, byteCount: messageByteCount)
    }
    let place = dataset + object(0).count
    var bytes = all(zeros(Self.rootPlace), root(dataset), object(place), data)
    bytes += tail(bytes.count)
    var head = all([0x89], utf8("HDF\r\n"), [0x1A, 0x0A], [UInt8(version), 0, 0, 0, 0], widths.map { UInt8($0) }, [0])
    head += all(u16(4), u16(16), u32(0), u64(base), u64(-1), u64(end ?? bytes.count), u64(-1))
    head += all(u64(0), u64(self.root ?? Self.rootPlace), zeros(24))
    bytes.replaceSubrange(0..<Self.rootPlace, with: head.prefix(Self.rootPlace))
    return bytes
  }

  /// A tree of one leaf with one chunk.
  static func tree(
    at place: Int, type: Int = 1, level: Int = 0, count: Int = 1, byteCount: Int = 8, mask: Int = 0, offset: Int = 0,
    child: Int? = nil, content: [UInt8] = floats(2)
  ) -> [UInt8] {
    let key = all(u32(byteCount), u32(mask), u64(offset), u64(0))
    let nodeByteCount = 24 + 2 * key.count + 8
    let node = all(
      utf8("TREE"), [UInt8(type), UInt8(level)], u16(count), u64(-1), u64(-1), key, u64(child ?? place + nodeByteCount),
      key)
    return node + content
  }
}
