internal import CLanes

/// Stores 32 codes of four or five bits of sixteen blocks: bytes of nibbles at `nibbles` and, if asked, the word of
/// fifth bits at `fifth`.
///
/// - Parameter code: the codes number j of the blocks.
@inline(__always)
func storeCodes(
  at target: UnsafeMutablePointer<UInt8>, stride: Int, nibbles: Int, fifth: Int?, _ code: (Int) -> IntLanes
) {
  var fifthBits = IntLanes.all(0)
  @inline(__always)
  func word(_ t: Int) -> IntLanes {
    let low = lanes_word(code(4 * t), code(4 * t + 1), code(4 * t + 2), code(4 * t + 3))
    let high = lanes_word(code(4 * t + 16), code(4 * t + 17), code(4 * t + 18), code(4 * t + 19))
    guard fifth != nil else { return lanes_or(low, lanes_shifted_left(high, 4)) }
    fifthBits = lanes_or(fifthBits, lanes_shifted_left(fourBits(low), Int32(4 * t)))
    fifthBits = lanes_or(fifthBits, lanes_shifted_left(fourBits(high), Int32(4 * t + 16)))
    return lanes_or(lanes_bits(low, 0x0f0f_0f0f), lanes_shifted_left(lanes_bits(high, 0x0f0f_0f0f), 4))
  }
  unsafe lanes_store_transposed(target + nibbles, stride, word(0), word(1), word(2), word(3))
  if let fifth {
    unsafe lanes_store_shorts(target + fifth, stride, fifthBits)
    unsafe lanes_store_shorts(target + fifth + 2, stride, lanes_shifted_right(fifthBits, 16))
  }
}

/// The fifth bits of a word of four codes, as its lowest four bits.
@inline(__always)
private func fourBits(_ word: IntLanes) -> IntLanes {
  let bits = lanes_bits(lanes_shifted_right(word, 4), 0x0101_0101)
  let pairs = lanes_or(bits, lanes_shifted_right(bits, 7))
  return lanes_bits(lanes_or(pairs, lanes_shifted_right(pairs, 14)), 15)
}
