/// The two checksums of HDF5.
enum HDF5Checksum {
  /// Of metadata: Bob Jenkins's lookup3 with the initial value 0 (http://burtleburtle.net/bob/c/lookup3.c, `hashlittle`).
  static func lookup3(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var a: UInt32 = 0xDEAD_BEEF &+ UInt32(truncatingIfNeeded: bytes.count)
    var (b, c) = (a, a)
    var index = bytes.startIndex
    func word(_ start: Int) -> UInt32 {
      var value: UInt32 = 0
      for place in start..<min(start + 4, bytes.endIndex) {
        value |= UInt32(bytes[place]) << UInt32(8 * (place - start))
      }
      return value
    }
    func rotated(_ value: UInt32, _ count: UInt32) -> UInt32 { value << count | value >> (32 - count) }
    while bytes.endIndex - index > 12 {
      a = a &+ word(index)
      b = b &+ word(index + 4)
      c = c &+ word(index + 8)
      a = (a &- c) ^ rotated(c, 4)
      c = c &+ b
      b = (b &- a) ^ rotated(a, 6)
      a = a &+ c
      c = (c &- b) ^ rotated(b, 8)
      b = b &+ a
      a = (a &- c) ^ rotated(c, 16)
      c = c &+ b
      b = (b &- a) ^ rotated(a, 19)
      a = a &+ c
      c = (c &- b) ^ rotated(b, 4)
      b = b &+ a
      index += 12
    }
    let rest = bytes.endIndex - index
    guard rest > 0 else { return c }
    a = a &+ word(index)
    if rest > 4 { b = b &+ word(index + 4) }
    if rest > 8 { c = c &+ word(index + 8) }
    c = (c ^ b) &- rotated(b, 14)
    a = (a ^ c) &- rotated(c, 11)
    b = (b ^ a) &- rotated(a, 25)
    c = (c ^ b) &- rotated(b, 16)
    a = (a ^ c) &- rotated(c, 4)
    b = (b ^ a) &- rotated(a, 14)
    return (c ^ b) &- rotated(b, 24)
  }

  /// Of chunks: Fletcher's sums of big-endian words of 16 bits, a last byte being the high one of its word.
  static func fletcher32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var (first, second): (UInt32, UInt32) = (0, 0)
    var index = bytes.startIndex
    while index < bytes.endIndex {
      // So many words overflow neither sum.
      let end = min(index + 720, bytes.endIndex)
      while index < end {
        let low = index + 1 < bytes.endIndex ? UInt32(bytes[index + 1]) : 0
        first &+= UInt32(bytes[index]) << 8 | low
        second &+= first
        index += 2
      }
      first = first & 0xFFFF &+ first >> 16
      second = second & 0xFFFF &+ second >> 16
    }
    first = first & 0xFFFF &+ first >> 16
    second = second & 0xFFFF &+ second >> 16
    return second << 16 | first
  }
}
