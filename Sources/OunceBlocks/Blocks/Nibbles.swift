internal import CLanes

// What the blocks of 32 share: codes of four bits, two to a byte, and the fifth bits in one word.
// Byte j of 16 holds code j in its low and code j + 16 in its high nibble; bit j of the word is the fifth bit of code
// j.

/// Stores the low four bits of 32 codes.
@inline(__always)
func storeNibbles(_ codes: UnsafePointer<UInt8>, at target: UnsafeMutablePointer<UInt8>) {
  for j in 0..<16 { unsafe target[j] = codes[j] & 15 | codes[j + 16] << 4 }
}

/// The fifth bits of 32 codes.
@inline(__always)
func fifthBits(_ codes: UnsafePointer<UInt8>) -> UInt32 {
  var bits: UInt32 = 0
  for j in 0..<32 { unsafe bits |= UInt32(codes[j] >> 4 & 1) << UInt32(j) }
  return bits
}

/// The 32 codes of 16 bytes as numbers.
@inline(__always)
func loadNibbles(_ source: UnsafePointer<UInt8>) -> (low: IntLanes, high: IntLanes) {
  let bytes = unsafe lanes_load_bytes(source)
  return (lanes_widened(lanes_low_nibbles(bytes)), lanes_widened(lanes_high_nibbles(bytes)))
}

/// The same with fifth bits.
@inline(__always)
func loadNibbles(_ source: UnsafePointer<UInt8>, fifth: UInt32) -> (low: IntLanes, high: IntLanes) {
  let codes = unsafe loadNibbles(source)
  return (
    lanes_or(codes.low, lanes_where_bit(fifth, 16)), lanes_or(codes.high, lanes_where_bit(fifth >> 16, 16))
  )
}
