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
