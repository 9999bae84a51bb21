internal import CLanes

// What the decoders of the grid types share. A grid is a code book of points whose digits stand for magnitudes; a block
// names points and signs.

/// The points of a grid as bytes, eight digits to a word, the first in the low bits; `values` are those of the digits.
func expandedEights(_ grid: [UInt16], values: [Int8]) -> [UInt64] {
  grid.map { point in
    (0..<8).reduce(0) { $0 | UInt64(UInt8(bitPattern: values[Int(point >> UInt16(2 * $1) & 3)])) << UInt64(8 * $1) }
  }
}

/// The same for points of four digits of three bits.
func expandedFours(_ grid: [UInt16], values: [Int8]) -> [UInt32] {
  grid.map { point in
    (0..<4).reduce(0) { $0 | UInt32(UInt8(bitPattern: values[Int(point >> UInt16(3 * $1) & 7)])) << UInt32(8 * $1) }
  }
}

/// The magnitudes of the digits in the grids of IQ2_XXS, IQ2_XS and IQ2_S. No grid has the digit 3.
let magnitudesIQ2: [Int8] = [8, 25, 43, 0]

/// Eight signs of which the low seven bits are stored: the number of negative ones is even.
@inline(__always)
func eightSigns(_ bits: UInt32) -> UInt32 {
  let seven = bits & 127
  return seven | (0x6996 >> ((seven ^ seven >> 4) & 15) & 1) << 7
}

/// Stores `scale` times sixteen magnitudes, negative where the bit of `signs` is set.
@inline(__always)
func storePoints(
  _ first: UInt64, _ second: UInt64, signs: UInt32, scale: Float, at target: UnsafeMutablePointer<Float>
) {
  let sizes = lanes_from_integers(lanes_widened(lanes_from_words(first, second)))
  let bits = lanes_unmask(Lanes.all(scale) * sizes) ^ lanes_where_bit(signs, .min)
  unsafe lanes_store(target, lanes_mask(bits))
}

/// Two points of four digits as eight bytes.
@inline(__always)
func joined(_ first: UInt32, _ second: UInt32) -> UInt64 { UInt64(first) | UInt64(second) << 32 }

/// Calls `decode` with the grid, the bytes of each block of 256 elements, and the place of its elements.
@inline(__always)
func forEachGridBlock<Point>(
  of blocks: RawSpan, into elements: inout MutableSpan<Float>, bytes: Int, _ grid: [Point],
  _ decode: (UnsafePointer<Point>, UnsafePointer<UInt8>, UnsafeMutablePointer<Float>) -> Void
) {
  unsafe grid.withUnsafeBufferPointer { points in
    guard let first = points.baseAddress else { return }
    unsafe forEachBlock(of: blocks, into: &elements, bytes: bytes, width: 256) { source, target in
      unsafe decode(first, source, target)
    }
  }
}
