internal import CLanes

// Swift names for the vocabulary of CLanes: the only vector operations a kernel uses.

/// Sixteen blocks at once, one per lane.
typealias Lanes = SIMD16<Float>
/// Sixteen integers; all bits set in a lane means true.
typealias IntLanes = SIMD16<Int32>
/// Lanes in two machine registers of this copy's CPU level: what the searches work on.
typealias Register = register_f32
typealias IntRegister = register_i32

// The operators of the standard library are loops over the lanes, which the optimizer does not always put together
// again; these are one instruction. They stand here once for each width: operators of a protocol would be as general as
// those of the standard library, and ambiguous.

extension SIMD8<Float> {
  @inline(__always)
  static func + (a: Self, b: Self) -> Self { lanes8_plus(a, b) }
  @inline(__always)
  static func - (a: Self, b: Self) -> Self { lanes8_minus(a, b) }
  @inline(__always)
  static func * (a: Self, b: Self) -> Self { lanes8_times(a, b) }
  @inline(__always)
  static func / (a: Self, b: Self) -> Self { lanes8_divided(a, b) }
  @inline(__always)
  static func += (a: inout Self, b: Self) { a = lanes8_plus(a, b) }
  @inline(__always)
  static func *= (a: inout Self, b: Self) { a = lanes8_times(a, b) }
  @inline(__always)
  static func + (a: Self, b: Float) -> Self { a + all(b) }
  @inline(__always)
  static func - (a: Self, b: Float) -> Self { a - all(b) }
  @inline(__always)
  static func * (a: Self, b: Float) -> Self { a * all(b) }
  @inline(__always)
  static func / (a: Self, b: Float) -> Self { a / all(b) }
  /// The same number in every lane.
  @inline(__always)
  static func all(_ value: Float) -> Self { lanes8_all(value) }
}

extension SIMD16<Float> {
  @inline(__always)
  static func + (a: Self, b: Self) -> Self { lanes_plus(a, b) }
  @inline(__always)
  static func - (a: Self, b: Self) -> Self { lanes_minus(a, b) }
  @inline(__always)
  static func * (a: Self, b: Self) -> Self { lanes_times(a, b) }
  @inline(__always)
  static func / (a: Self, b: Self) -> Self { lanes_divided(a, b) }
  @inline(__always)
  static func += (a: inout Self, b: Self) { a = lanes_plus(a, b) }
  @inline(__always)
  static func *= (a: inout Self, b: Self) { a = lanes_times(a, b) }
  @inline(__always)
  static func + (a: Self, b: Float) -> Self { a + all(b) }
  @inline(__always)
  static func - (a: Self, b: Float) -> Self { a - all(b) }
  @inline(__always)
  static func * (a: Self, b: Float) -> Self { a * all(b) }
  @inline(__always)
  static func / (a: Self, b: Float) -> Self { a / all(b) }
  /// The same number in every lane.
  @inline(__always)
  static func all(_ value: Float) -> Self { lanes_all(value) }
}

extension SIMD32<Float> {
  @inline(__always)
  static func + (a: Self, b: Self) -> Self { lanes32_plus(a, b) }
  @inline(__always)
  static func - (a: Self, b: Self) -> Self { lanes32_minus(a, b) }
  @inline(__always)
  static func * (a: Self, b: Self) -> Self { lanes32_times(a, b) }
  @inline(__always)
  static func / (a: Self, b: Self) -> Self { lanes32_divided(a, b) }
  @inline(__always)
  static func += (a: inout Self, b: Self) { a = lanes32_plus(a, b) }
  @inline(__always)
  static func *= (a: inout Self, b: Self) { a = lanes32_times(a, b) }
  @inline(__always)
  static func + (a: Self, b: Float) -> Self { a + all(b) }
  @inline(__always)
  static func - (a: Self, b: Float) -> Self { a - all(b) }
  @inline(__always)
  static func * (a: Self, b: Float) -> Self { a * all(b) }
  @inline(__always)
  static func / (a: Self, b: Float) -> Self { a / all(b) }
  /// The same number in every lane.
  @inline(__always)
  static func all(_ value: Float) -> Self { lanes32_all(value) }
}

extension SIMD16<Int32> {
  @inline(__always)
  static func all(_ value: Int32) -> Self { lanes_all_integers(value) }
}
