// Loops that turn words into floats and floats into words, sixteen at a time and the rest one by one.
// The conversions of a lane and of a single value are given by the encoding; tests prove that they agree.

/// Decodes two bytes per element, the last ones that do not fill sixteen lanes.
@inline(__always)
func decodeLastShorts(_ blocks: RawSpan, into elements: inout MutableSpan<Float>, one: (UInt16) -> Float) {
  precondition(blocks.byteCount == elements.count * 2)
  for index in elements.count & ~15..<elements.count {
    elements[index] = one(unsafe blocks.unsafeLoadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
  }
}

/// Encodes one word per element.
@inline(__always)
func encodeWords<Word: FixedWidthInteger & SIMDScalar & BitwiseCopyable>(
  _ elements: Span<Float>, into blocks: inout MutableRawSpan,
  lanes: (SIMD16<Float>) -> SIMD16<Word>, one: (Float) -> Word
) {
  let count = elements.count
  precondition(blocks.byteCount == count * MemoryLayout<Word>.size)
  unsafe elements.withUnsafeBytes { source in
    unsafe blocks.withUnsafeMutableBytes { target in
      guard let floats = source.baseAddress, let words = target.baseAddress else { return }
      let whole = count & ~15
      var index = 0
      while index < whole {
        let vector = unsafe floats.loadUnaligned(fromByteOffset: index * 4, as: SIMD16<Float>.self)
        let offset = index * MemoryLayout<Word>.size
        unsafe words.storeBytes(of: lanes(vector), toByteOffset: offset, as: SIMD16<Word>.self)
        index += 16
      }
      while index < count {
        let value = unsafe floats.loadUnaligned(fromByteOffset: index * 4, as: Float.self)
        unsafe words.storeBytes(of: one(value), toByteOffset: index * MemoryLayout<Word>.size, as: Word.self)
        index += 1
      }
    }
  }
}

/// Decodes bytes by their table of 256 values.
func decodeBytes(_ blocks: RawSpan, into elements: inout MutableSpan<Float>, values: Span<Float>) {
  let count = elements.count
  precondition(blocks.byteCount == count && values.count == 256)
  unsafe blocks.withUnsafeBytes { codes in
    unsafe elements.withUnsafeMutableBufferPointer { target in
      unsafe values.withUnsafeBufferPointer { table in
        for index in 0..<count { unsafe target[index] = table[Int(codes[index])] }
      }
    }
  }
}

/// Decodes 6-bit codes, four in three bytes, in little-endian bit order.
func decodeSixBits(_ blocks: RawSpan, into elements: inout MutableSpan<Float>, values: Span<Float>) {
  let blockCount = elements.count / 4
  precondition(blocks.byteCount == 3 * blockCount && elements.count == 4 * blockCount && values.count == 64)
  for block in 0..<blockCount {
    var word = 0
    for byte in 0..<3 {
      word |= Int(unsafe blocks.unsafeLoad(fromByteOffset: 3 * block + byte, as: UInt8.self)) << (8 * byte)
    }
    for index in 0..<4 { elements[4 * block + index] = values[(word >> (6 * index)) & 63] }
  }
}
