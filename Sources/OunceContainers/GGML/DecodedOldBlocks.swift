internal import OunceCore

/// Rows of blocks that no encoding of the catalog has, as floats.
struct DecodedOldBlocks: TensorData {
  private let blocks: FileRegion
  private let block: OldBlock
  private let columnCount: Int
  /// Whether neighbours share a byte, as in version 0.
  private let hasNeighbours: Bool

  init(_ blocks: FileRegion, _ block: OldBlock, columnCount: Int, version: Int) {
    self.blocks = blocks
    self.block = block
    self.columnCount = columnCount
    hasNeighbours = version == 0
  }

  func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    // A few rows at a time: what is stored is smaller than what is asked for, but rows may be many.
    let step = max(1, (256 << 10) / max(blocks.rowByteCount, 1))
    for first in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
      let end = min(first + step, rows.upperBound)
      let start = blocks.offset + first * blocks.rowByteCount
      let stored = try blocks.file.bytes(start..<start + (end - first) * blocks.rowByteCount)
      var floats = [Float](repeating: 0, count: (end - first) * columnCount)
      for index in 0..<stored.count / block.byteCount {
        decode(stored[(index * block.byteCount)...].prefix(block.byteCount), &floats, at: index * block.elementCount)
      }
      Memory.bytes(of: floats).withRawSpan { bytes.copy($0, to: (first - rows.lowerBound) * columnCount * 4) }
    }
  }

  private func decode(_ bytes: ArraySlice<UInt8>, _ floats: inout [Float], at target: Int) {
    var place = bytes.startIndex
    let scale = number(bytes, &place)
    let offset = block.hasOffset ? number(bytes, &place) : 0
    var fifths: UInt32 = 0
    if block.bits == 5 {
      fifths = word(bytes, place, 4)
      place += 4
    }
    guard block.bits < 8 else {
      for element in 0..<block.elementCount {
        floats[target + element] = Float(Int8(bitPattern: bytes[place + element])) * scale
      }
      return
    }
    let middle = block.hasOffset ? 0 : 1 << (block.bits - 1)
    let half = block.elementCount / 2
    for pair in 0..<half {
      let elements = hasNeighbours ? (2 * pair, 2 * pair + 1) : (pair, pair + half)
      let byte = bytes[place + pair]
      for (element, code) in [(elements.0, byte & 15), (elements.1, byte >> 4)] {
        let code = Int(code) | Int(fifths >> UInt32(element) & 1) << 4
        floats[target + element] = Float(code - middle) * scale + offset
      }
    }
  }

  private func word(_ bytes: ArraySlice<UInt8>, _ place: Int, _ count: Int) -> UInt32 {
    (0..<count).reduce(0) { $0 | UInt32(bytes[place + $1]) << UInt32(8 * $1) }
  }

  private func number(_ bytes: ArraySlice<UInt8>, _ place: inout Int) -> Float {
    defer { place += block.scaleByteCount }
    let bits = word(bytes, place, block.scaleByteCount)
    return block.scaleByteCount == 4 ? Float(bitPattern: bits) : Self.half(bits)
  }

  /// The value of a binary16.
  private static func half(_ bits: UInt32) -> Float {
    let sign = (bits & 0x8000) << 16
    let exponent = bits >> 10 & 31
    let fraction = bits & 0x3FF
    switch exponent {
    case 0:
      let value = Float(fraction) / 16_777_216
      return sign == 0 ? value : -value
    case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }
}
