internal import CLanes

/// The value of an IEEE 754 binary16 number. `Float16` is absent on some platforms, and without the F16C instructions
/// it is a library call.
@inline(__always)
func halfValue(_ bits: UInt16) -> Float { lanes_half_value_of_one(bits) }

/// The binary16 number nearest to `value`, ties to even; too large becomes infinity, NaN becomes 0x7E00 with its sign.
@inline(__always)
func halfBits(_ value: Float) -> UInt16 {
  let size = value.bitPattern & 0x7fff_ffff
  let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
  if size > 0x7f80_0000 { return 0x7e00 | sign }
  if size < 0x3880_0000 {
    // Adding a half puts the last bit of a subnormal at the last bit of the float: the addition rounds.
    return UInt16(truncatingIfNeeded: (Float(bitPattern: size) + 0.5).bitPattern - 0x3f00_0000) | sign
  }
  let rounded = (size + 0x0fff + ((size >> 13) & 1) - (112 << 23)) >> 13
  return UInt16(truncatingIfNeeded: min(rounded, 0x7c00)) | sign
}

/// What reading a stored scale back gives.
@inline(__always)
func throughHalf(_ value: Float) -> Float { halfValue(halfBits(value)) }
