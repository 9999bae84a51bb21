internal import CLanes

// What the ternary blocks share: the scale d is the largest magnitude, and x / d is rounded to -1, 0 or 1, half away
// from zero. A trit is that plus 1. (quantize_row_tq1_0_ref, quantize_row_tq2_0_ref and quantize_row_q2_0_ref of
// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c)

/// The largest magnitude of `count` elements, a multiple of 16.
@inline(__always)
func largestMagnitude(_ x: UnsafePointer<Float>, count: Int) -> Float {
  var largest = unsafe lanes_magnitude(lanes_load(x))
  for i in stride(from: 16, to: count, by: 16) {
    largest = unsafe lanes_larger(largest, lanes_magnitude(lanes_load(x + i)))
  }
  return lanes_largest_magnitude(largest, largest)
}

/// What to multiply elements with before rounding.
///
/// The inverse of a scale below 2^-128 is infinite. The reference then rounds infinities, which is undefined; on x86-64
/// it gives every element the same trit, and the stored scale is zero anyway.
/// - Parameter overflowed: what to answer instead of an infinity.
@inline(__always)
func inverseScale(_ scale: Float, overflowed: Float) -> Float {
  let inverse = scale > 0 ? 1 / scale : 0
  return inverse.isFinite ? inverse : overflowed
}

@inline(__always)
func trit(_ value: Float) -> UInt8 { value >= 0.5 ? 2 : value <= -0.5 ? 0 : 1 }

/// The trits of the sixteen elements at `x`.
@inline(__always)
func trits(_ x: UnsafePointer<Float>, _ inverse: Lanes) -> IntLanes {
  let values = unsafe lanes_load(x) * inverse
  let up = lanes_less_or_equal(Lanes(repeating: 0.5), values)
  let down = lanes_less_or_equal(values, Lanes(repeating: -0.5))
  return IntLanes(repeating: 1) &- up &+ down
}

/// Stores the elements of sixteen trits.
@inline(__always)
func storeTrits(_ trits: IntLanes, _ scale: Lanes, at target: UnsafeMutablePointer<Float>) {
  unsafe lanes_store(target, lanes_from_integers(trits &- IntLanes(repeating: 1)) * scale)
}
