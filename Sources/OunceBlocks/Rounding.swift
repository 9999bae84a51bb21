// The reference's conversions from float to integer, one number at a time.

/// The nearest integer, ties to even, the way the reference gets it: the low 23 bits of `value + 1.5 * 2^23`.
/// Beyond 2^22 the result is wrong in a way the encodings must repeat; NaN gives 0.
@inline(__always)
func nearestInteger(_ value: Float) -> Int32 {
  Int32(bitPattern: (value + 12_582_912).bitPattern & 0x007f_ffff) - 0x0040_0000
}

@inline(__always)
func clamp(_ value: Int32, _ low: Int32, _ high: Int32) -> Int32 { max(low, min(high, value)) }

/// Toward zero, then the low eight bits. What does not fit a 32-bit integer gives 0, as on x86-64, where the
/// conversion yields the integer 0x80000000; C leaves it undefined.
@inline(__always)
func truncatedByte(_ value: Float) -> UInt8 {
  guard value.magnitude < 0x1p31 else { return 0 }
  return UInt8(truncatingIfNeeded: Int32(value))
}
