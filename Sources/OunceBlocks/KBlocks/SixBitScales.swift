internal import CLanes

// The twelve bytes that hold eight scales s and eight minima m of six bits in the super-blocks of four and five bits.
//
// | bytes | low six bits | high two bits |
// |---|---|---|
// | 0–3 | s0 … s3 | bits 4–5 of s4 … s7 |
// | 4–7 | m0 … m3 | bits 4–5 of m4 … m7 |
//
// Bytes 8–11 hold the low four bits of s4 … s7 in their low and of m4 … m7 in their high nibbles.

/// Stores eight scales and eight minima.
@inline(__always)
func storeSixBitScales(
  _ scales: UnsafePointer<UInt8>, _ minima: UnsafePointer<UInt8>, at target: UnsafeMutablePointer<UInt8>
) {
  for j in 0..<4 {
    unsafe target[j] = scales[j] | (scales[j + 4] >> 4) << 6
    unsafe target[j + 4] = minima[j] | (minima[j + 4] >> 4) << 6
    unsafe target[j + 8] = scales[j + 4] & 15 | minima[j + 4] << 4
  }
}

/// The scale and minimum of sub-block `j`.
@inline(__always)
func loadSixBitScale(_ source: UnsafePointer<UInt8>, _ j: Int) -> (scale: Float, minimum: Float) {
  if j < 4 { return unsafe (Float(source[j] & 63), Float(source[j + 4] & 63)) }
  let low = unsafe source[j + 4]
  return unsafe (Float(low & 15 | (source[j - 4] >> 6) << 4), Float(low >> 4 | (source[j] >> 6) << 4))
}

/// All eight scales and, behind them, all eight minima.
@inline(__always)
func loadSixBitScales(_ source: UnsafePointer<UInt8>) -> Lanes {
  let first = unsafe source.word(at: 0)
  let second = unsafe source.word(at: 4)
  let third = unsafe source.word(at: 8)
  return lanes_from_integers(
    lanes_widened(
      lanes_bytes(
        first & 0x3f3f_3f3f, third & 0x0f0f_0f0f | first >> 2 & 0x3030_3030,
        second & 0x3f3f_3f3f, third >> 4 & 0x0f0f_0f0f | second >> 2 & 0x3030_3030)))
}
