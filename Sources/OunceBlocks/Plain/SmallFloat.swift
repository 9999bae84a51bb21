internal import CLanes

/// What the codes at the upper end of a small float's range mean.
enum SmallFloatSpecials: Sendable {
  /// IEEE 754: the largest exponent holds the infinities and the NaNs.
  case infinitiesAndNaNs
  /// No infinities; the code with all bits set (either sign) is NaN ("FN").
  case allOnesIsNaN
  /// No infinities and no negative zero; the code of the negative zero is NaN ("FNUZ").
  case negativeZeroIsNaN
  /// Finite numbers only.
  case none
}

/// A binary floating-point format of at most 16 bits: sign, exponent, mantissa, from the top.
///
/// A code with exponent field e > 0 and mantissa field m is ±2^(e - bias) · (1 + m / 2^mantissaBits); with e = 0 it is
/// ±2^(1 - bias) · m / 2^mantissaBits. Every value of these formats is a normal binary32 number or zero.
struct SmallFloat: Sendable {
  let exponentBits: UInt32
  let mantissaBits: UInt32
  let bias: UInt32
  let specials: SmallFloatSpecials

  @inline(__always)
  init(exponentBits: UInt32, mantissaBits: UInt32, bias: UInt32, specials: SmallFloatSpecials) {
    self.exponentBits = exponentBits
    self.mantissaBits = mantissaBits
    self.bias = bias
    self.specials = specials
  }

  var bitCount: UInt32 { 1 + exponentBits + mantissaBits }

  /// The value of one code, in exact arithmetic: the truth of tables and lanes.
  func value(_ code: UInt32) -> Float {
    let signBit = UInt32(1) << (bitCount - 1)
    let sign: Float = code & signBit == 0 ? 1 : -1
    let field = (code >> mantissaBits) & (1 << exponentBits - 1)
    let mantissa = code & (1 << mantissaBits - 1)
    switch specials {
    case .infinitiesAndNaNs where field == 1 << exponentBits - 1:
      return mantissa == 0 ? sign * .infinity : .nan
    case .allOnesIsNaN where code & (signBit - 1) == signBit - 1: return .nan
    case .negativeZeroIsNaN where code == signBit: return .nan
    default: break
    }
    let fraction = Float(mantissa) / Float(1 << mantissaBits)
    let exponent = Int(field == 0 ? 1 : field) - Int(bias)
    return sign * Float(sign: .plus, exponent: exponent, significand: field == 0 ? fraction : 1 + fraction)
  }

  /// The values of all codes, for formats of at most 8 bits.
  func table() -> [Float] { (0..<UInt32(1) << bitCount).map(value) }

  // Rounding. From the smallest normal number on, adding half a unit (a bit less when the kept part is even) to the
  // binary32 bits and cutting them rounds to nearest even, a carry moving into the exponent. Below it, adding a power
  // of two whose last place is the smallest subnormal lets the float adder round.

  /// What added to a magnitude below the smallest normal number leaves its code in the last bits.
  @inline(__always) private var subnormalShift: Float { Float(bitPattern: (127 + 24 - bias - mantissaBits) << 23) }
  @inline(__always) private var smallestNormal: UInt32 { (128 - bias) << 23 }
  @inline(__always) private var rebias: UInt32 { (127 - bias) << 23 }
  @inline(__always) private var dropped: UInt32 { 23 - mantissaBits }

  /// The first code that is no finite number, counting without the sign; it stands for what is too large.
  @inline(__always) private var overflow: UInt32 {
    let all = UInt32(1) << (exponentBits + mantissaBits) - 1
    return specials == .infinitiesAndNaNs ? (all >> mantissaBits) << mantissaBits : all
  }
  @inline(__always) private var nan: UInt32 {
    specials == .infinitiesAndNaNs ? overflow | 1 << (mantissaBits - 1) : overflow
  }

  /// The nearest code, ties to even; what rounds beyond the largest number gives infinity, or NaN where there is none.
  @inline(__always)
  func code(_ value: Float) -> UInt32 {
    let bits = value.bitPattern
    let magnitude = bits & 0x7FFF_FFFF
    let sign = (bits >> 31) << (bitCount - 1)
    if magnitude > 0x7F80_0000 { return sign | nan }
    if magnitude < smallestNormal {
      return sign | (Float(bitPattern: magnitude) + subnormalShift).bitPattern &- subnormalShift.bitPattern
    }
    let half = (UInt32(1) << (dropped - 1)) - 1 + ((magnitude >> dropped) & 1)
    return sign | min((magnitude - rebias + half) >> dropped, overflow)
  }

  /// `code` in sixteen lanes.
  @inline(__always)
  func codes(_ values: SIMD16<Float>) -> SIMD16<UInt32> {
    let bits = lanes_bits_of(values)
    let magnitude = bits & splat(0x7FFF_FFFF)
    let sign = (bits &- magnitude) &>> splat(32 - bitCount)
    let shift = SIMD16<Float>(repeating: subnormalShift)
    let subnormal = lanes_bits_of(lanes_float_of(magnitude) + shift) &- lanes_bits_of(shift)
    let odd = (magnitude &>> splat(dropped)) & splat(1)
    let half = splat((1 << (dropped - 1)) - 1 &- rebias)
    let normal = (magnitude &+ half &+ odd) &>> splat(dropped)
    let limit = splat(overflow)
    var code = lanes_bits_select(normal, limit, lanes_bits_less(limit, normal))
    code = lanes_bits_select(code, subnormal, lanes_bits_less(magnitude, splat(smallestNormal)))
    code = lanes_bits_select(code, splat(nan), lanes_bits_less(splat(0x7F80_0000), magnitude))
    return code | sign
  }

  @inline(__always)
  private func splat(_ value: UInt32) -> SIMD16<UInt32> { SIMD16(repeating: value) }
}
