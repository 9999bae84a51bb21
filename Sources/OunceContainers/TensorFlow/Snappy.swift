/// Unpacks a block of the Snappy format: https://github.com/google/snappy/blob/main/format_description.txt
///
/// | bytes | what |
/// |---|---|
/// | 1–5 | the unpacked length, as a varint |
/// | then, by the low two bits of each tag: 00 | a literal: its length less one in the tag, or in 1–4 bytes behind |
/// | 01 | a copy of 4–11 bytes, from up to 2047 bytes before |
/// | 10, 11 | a copy of 1–64 bytes, its distance in the 2 or 4 bytes after the tag |
enum Snappy {
  /// The least that a byte of unpacked content costs: 64 bytes are copied by three.
  private static let greatestRatio = 22

  /// nil when the bytes break a rule, or would unpack to more than `limit` bytes.
  static func unpack(_ bytes: ArraySlice<UInt8>, atMost limit: Int) -> [UInt8]? {
    var source = BlockCursor(bytes)
    guard let length = source.variableInteger(), length <= UInt64(limit), length <= UInt64(bytes.count * greatestRatio)
    else { return nil }
    let count = Int(length)
    var target: [UInt8] = []
    target.reserveCapacity(count)
    while let tag = source.byte() {
      if tag & 3 == 0 {
        guard let literalCount = literalCount(tag, &source), literalCount <= count - target.count,
          let literal = source.bytes(literalCount)
        else { return nil }
        target += literal
      } else {
        guard let copy = copy(tag, &source), copy.distance > 0, copy.distance <= target.count,
          copy.count <= count - target.count
        else { return nil }
        // The source may reach into what the copy itself writes: a short pattern repeats.
        for _ in 0..<copy.count { target.append(target[target.count - copy.distance]) }
      }
    }
    return target.count == count ? target : nil
  }

  private static func literalCount(_ tag: UInt8, _ source: inout BlockCursor) -> Int? {
    let short = Int(tag >> 2)
    if short < 60 { return short + 1 }
    return source.number(byteCount: short - 59).map { $0 + 1 }
  }

  private static func copy(_ tag: UInt8, _ source: inout BlockCursor) -> (count: Int, distance: Int)? {
    if tag & 3 == 1 {
      return source.byte().map { (Int(tag >> 2 & 7) + 4, Int(tag >> 5) << 8 | Int($0)) }
    }
    return source.number(byteCount: tag & 3 == 2 ? 2 : 4).map { (Int(tag >> 2) + 1, $0) }
  }
}

/// Reads bytes of a block in memory from front to back; nil where they end too early.
struct BlockCursor {
  private let content: ArraySlice<UInt8>
  private(set) var position: Int

  init(_ content: ArraySlice<UInt8>) {
    self.content = content
    position = content.startIndex
  }

  var isAtEnd: Bool { position == content.endIndex }

  mutating func byte() -> UInt8? {
    guard position < content.endIndex else { return nil }
    defer { position += 1 }
    return content[position]
  }

  mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
    guard count >= 0, count <= content.endIndex - position else { return nil }
    defer { position += count }
    return content[position..<position + count]
  }

  /// A number of up to four bytes, little endian.
  mutating func number(byteCount: Int) -> Int? {
    guard let bytes = bytes(byteCount) else { return nil }
    return bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// Seven bits a byte, the lowest first; nil also when it has more than 64 bits.
  mutating func variableInteger() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 7) {
      guard let byte = byte() else { return nil }
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    return nil
  }

  /// A variable integer that counts bytes which still follow in this block.
  mutating func count() -> Int? {
    guard let value = variableInteger(), value <= UInt64(content.endIndex - position) else { return nil }
    return Int(value)
  }
}
