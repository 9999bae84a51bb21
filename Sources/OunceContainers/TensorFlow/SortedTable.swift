internal import OunceCore

/// A sorted table of keys and values, as LevelDB defined it and TensorFlow writes it.
///
/// Format: https://github.com/google/leveldb/blob/main/doc/table_format.md
///
/// | at | what |
/// |---|---|
/// | the front | blocks of entries, sorted by their keys |
/// | then | an index block: for each block, the key that ends it and its place |
/// | the last 48 bytes | places of the metaindex and index blocks as varints, zeros, the magic number in 8 bytes |
///
/// A place is offset and byte count of a block, both varints. Behind each block stand a byte that tells how it is
/// packed (0: not, 1: Snappy) and the masked CRC-32C of block and byte.
///
/// | bytes of an entry | what |
/// |---|---|
/// | varint | bytes that its key shares with the key before it |
/// | varint, varint | further bytes of the key, bytes of the value |
/// | … | the bytes of key and value |
///
/// A block ends in the offsets of entries that share nothing and their number, each of 4 bytes: they serve search, and
/// this reader goes from front to back.
struct SortedTable {
  struct Entry {
    let key: [UInt8]
    let value: ArraySlice<UInt8>
    /// Where the value is in the file; of a packed block, where the block is.
    let offset: Int
    let isPacked: Bool
  }

  static let magic: [UInt8] = [0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB]
  private static let footerByteCount = 48
  private static let trailerByteCount = 5

  private let file: InputFile

  init(_ file: InputFile) { self.file = file }

  /// Whether a file ends like a table.
  static func isTable(_ file: InputFile) -> Bool {
    guard file.byteCount >= footerByteCount else { return false }
    return (try? file.bytes(file.byteCount - magic.count..<file.byteCount)) == magic
  }

  /// Hands over every entry, in the order of their keys.
  ///
  /// - Throws: `OunceError` when a block breaks a rule, and what `body` throws.
  func visit(_ body: (Entry) throws(OunceError) -> Void) throws(OunceError) {
    var lastKey: [UInt8]?
    for block in try blocks() {
      try entries(of: block) { (entry) throws(OunceError) in
        if let lastKey {
          guard lastKey.lexicographicallyPrecedes(entry.key) else {
            throw malformed("the keys of the table are not in order", entry.offset)
          }
        }
        lastKey = entry.key
        try body(entry)
      }
    }
  }

  /// The place of the index block.
  func index() throws(OunceError) -> Range<Int> {
    guard file.byteCount >= Self.footerByteCount else {
      throw malformed(
        "has \(file.byteCount) bytes, fewer than the \(Self.footerByteCount) at the end of every table",
        file.byteCount, isCut: true)
    }
    let footerOffset = file.byteCount - Self.footerByteCount
    let footer = try file.bytes(footerOffset..<file.byteCount)
    guard footer.suffix(Self.magic.count).elementsEqual(Self.magic) else {
      throw malformed(
        "expected the file to end in the magic number of a table", file.byteCount - Self.magic.count, isCut: true)
    }
    var cursor = BlockCursor(footer.prefix(Self.footerByteCount - Self.magic.count))
    guard place(&cursor) != nil, let index = place(&cursor) else {
      throw malformed("the places of the index are damaged", footerOffset)
    }
    return index
  }

  /// The places of the blocks of entries.
  func blocks() throws(OunceError) -> [Range<Int>] {
    var blocks: [Range<Int>] = []
    try entries(of: try index()) { (entry) throws(OunceError) in
      var cursor = BlockCursor(entry.value)
      guard let block = place(&cursor) else {
        throw malformed("the place of a block is not inside of the file", entry.offset)
      }
      // Else a small file could have a large block read again and again.
      guard block.lowerBound >= blocks.last.map({ $0.upperBound + Self.trailerByteCount }) ?? 0 else {
        throw malformed("the blocks of the table overlap", entry.offset)
      }
      blocks.append(block)
    }
    return blocks
  }

  /// The place of a block; nil when it does not end, trailer included, before the footer.
  private func place(_ cursor: inout BlockCursor) -> Range<Int>? {
    guard let offset = cursor.variableInteger(), let count = cursor.variableInteger() else { return nil }
    let end = UInt64(file.byteCount - Self.footerByteCount)
    guard offset <= end, count <= end - offset, end - offset - count >= UInt64(Self.trailerByteCount) else {
      return nil
    }
    return Int(offset)..<Int(offset + count)
  }

  private func entries(
    of block: Range<Int>, _ body: (Entry) throws(OunceError) -> Void
  ) throws(OunceError) {
    let (content, isPacked) = try content(of: block)
    func damaged(_ problem: String, _ position: Int) -> OunceError {
      malformed(problem, isPacked ? block.lowerBound : block.lowerBound + position)
    }
    var tail = BlockCursor(content.suffix(4))
    guard let restartCount = tail.number(byteCount: 4), restartCount <= (content.count - 4) / 4 else {
      throw damaged("the end of a block is damaged", max(0, content.count - 4))
    }
    var cursor = BlockCursor(content[..<(content.count - 4 - 4 * restartCount)])
    var key: [UInt8] = []
    while !cursor.isAtEnd {
      let start = cursor.position
      guard let shared = cursor.count(orUpTo: key.count), let rest = cursor.count(), let valueCount = cursor.count(),
        let added = cursor.bytes(rest)
      else { throw damaged("an entry of the table reaches beyond its block", start) }
      guard shared + rest <= Limits.tableKeyByteCount else {
        throw damaged(
          "a key of \(shared + rest) bytes is beyond the limit of \(Limits.tableKeyByteCount)", start)
      }
      key.removeSubrange(shared...)
      key += added
      let valueOffset = cursor.position
      guard let value = cursor.bytes(valueCount) else {
        throw damaged("an entry of the table reaches beyond its block", start)
      }
      let offset = isPacked ? block.lowerBound : block.lowerBound + valueOffset
      try body(Entry(key: key, value: value, offset: offset, isPacked: isPacked))
    }
  }

  /// The bytes of a block, unpacked.
  private func content(of block: Range<Int>) throws(OunceError) -> (bytes: [UInt8], isPacked: Bool) {
    guard block.count <= Limits.tableBlockByteCount else {
      throw malformed(
        "a block of \(block.count) bytes is beyond the limit of \(Limits.tableBlockByteCount)", block.lowerBound)
    }
    var stored = try file.bytes(block.lowerBound..<block.upperBound + Self.trailerByteCount)
    var cursor = BlockCursor(stored.suffix(Self.trailerByteCount - 1))
    let checksum = cursor.number(byteCount: 4).map { UInt32(truncatingIfNeeded: $0) }
    guard checksum == CRC32C.masked(stored.prefix(block.count + 1)) else {
      throw malformed("the checksum of a block of \(block.count) bytes is wrong", block.lowerBound)
    }
    switch stored[block.count] {
    case 0:
      stored.removeLast(Self.trailerByteCount)
      return (stored, false)
    case 1:
      guard let content = Snappy.unpack(stored.prefix(block.count), atMost: Limits.tableBlockByteCount) else {
        throw malformed("a block of \(block.count) bytes packed by Snappy is damaged", block.lowerBound)
      }
      return (content, true)
    default:
      throw malformed("a block is packed in a way numbered \(stored[block.count])", block.upperBound)
    }
  }

  private func malformed(_ problem: String, _ offset: Int, isCut: Bool = false) -> OunceError {
    OunceError(
      .malformed, problem, file: file.path, offset: offset,
      remedy: isCut ? "the download was cut short; fetch it again" : nil)
  }
}

extension BlockCursor {
  /// A variable integer of at most `limit`.
  fileprivate mutating func count(orUpTo limit: Int) -> Int? {
    guard let value = variableInteger(), value <= UInt64(limit) else { return nil }
    return Int(value)
  }
}
