internal import CLanes

// The refined search in lanes, a run of sixteen elements per lane.

/// A test without divisions: whether no sweep would change any code of a lane.
///
/// A code c of x stays when t / s rounds to c, where s = sumXL - x³c and t = x (sumL2 - x²c²), that is, when
/// |t - c s| < s / 2. In real numbers t - c s = x sumL2 - c sumXL. Codes are at most four, so all roundings of both
/// sides, and of the quotient, are together below 2^-19 of the larger of sumXL and x³c; the margins here are wider. A
/// sum below 2^-90 proves nothing: s could be a denormal number, whose roundings are large.
@inline(__always)
func refinementStays(
  _ sumXL: Register, _ sumL2: Register, x: UnsafePointer<Register>, codes: UnsafePointer<Register>, step: Int,
  product: (Int) -> Register
) -> IntRegister {
  let margin = sumXL * (0.4995 - 0x1p-14)
  var stays = register_less(Register.all(0x1p-90), sumXL)
  for i in 0..<16 {
    let distance = unsafe register_magnitude(x[i &* step] * sumL2 - codes[i &* step] * sumXL)
    stays = register_and(stays, register_less(distance, margin - product(i) * 0.4995))
  }
  return stays
}

/// The fit of one register of lanes before any sweep.
///
/// - Parameters:
///   - step: from one row to the next.
///   - codes: receives sixteen rows; -half where all elements of a run are negligible.
///   - products: room for sixteen rows, one after the other.
/// - Returns: the scales, the sums, and the lanes that a sweep may change.
@inline(__always)
func refinedFirstFit(
  _ x: UnsafePointer<Register>, step: Int, _ half: Float, codes: UnsafeMutablePointer<Register>,
  products: UnsafeMutablePointer<Register>
) -> (scale: Register, sumXL: Register, sumL2: Register, open: IntRegister) {
  let zero = Register.all(0)
  let low = Register.all(-half)
  let high = Register.all(half - 1)
  let peak = unsafe firstPeak(x, step: step)
  let inverse = low / peak
  var sumXL = zero
  var sumL2 = zero
  for i in 0..<16 {
    let value = unsafe x[i &* step]
    // No product is below the lowest code: only the peak comes as far.
    let code = register_smaller(register_nearest(inverse * value), high)
    let weight = value * value
    let product = weight * value * code
    unsafe codes[i &* step] = code
    unsafe products[i] = product
    sumXL += product
    sumL2 += weight * code * code
  }
  let nothing = register_less(register_magnitude(peak), Register.all(negligible))
  // Where the peak is positive all products are negative or zero. Their sum is then at most each of them, in floats
  // too, so s is never positive and the search changes nothing.
  let stays = unsafe refinementStays(sumXL, sumL2, x: x, codes: codes, step: step) { unsafe products[$0] }
  let open = register_and(register_less(zero, sumXL), register_not(register_or(stays, nothing)))
  if register_any(nothing) {
    for i in 0..<16 { unsafe codes[i &* step] = register_select(codes[i &* step], low, nothing) }
  }
  let scale = register_select(refinedScale(sumXL, sumL2), zero, nothing)
  return (scale, sumXL, sumL2, open)
}

/// The scale of a run that is not negligible.
@inline(__always)
func refinedScale(_ sumXL: Register, _ sumL2: Register) -> Register {
  let zero = Register.all(0)
  return register_select(zero, sumXL / sumL2, register_less(zero, sumL2))
}

/// The first element of largest magnitude.
@inline(__always)
private func firstPeak(_ x: UnsafePointer<Register>, step: Int) -> Register {
  var lowest = unsafe x[0]
  var highest = lowest
  for i in 1..<16 {
    unsafe lowest = register_smaller(x[i &* step], lowest)
    unsafe highest = register_larger(x[i &* step], highest)
  }
  let tied = register_and(register_equal(lowest, Register.all(0) - highest), register_less(lowest, highest))
  if !register_any(tied) {
    return register_select(highest, lowest, register_less(highest, register_magnitude(lowest)))
  }
  var peak = Register.all(0)
  for i in 0..<16 {
    let value = unsafe x[i &* step]
    peak = register_select(peak, value, register_less(register_magnitude(peak), register_magnitude(value)))
  }
  return peak
}

/// One sweep over sixteen rows, as in `refinedFitTruth`. Gives the lanes that another sweep may change.
@inline(__always)
func refinementSweep(
  _ x: UnsafePointer<Register>, _ half: Float, codes: UnsafeMutablePointer<Register>, _ sumXL: inout Register,
  _ sumL2: inout Register
) -> IntRegister {
  let zero = Register.all(0)
  let low = Register.all(-half)
  let high = Register.all(half - 1)
  var changed = register_less(zero, zero)
  for i in 0..<16 {
    let value = unsafe x[i]
    let weight = value * value
    let product = weight * value
    let old = unsafe codes[i]
    let lessXL = sumXL - product * old
    let lessL2 = sumL2 - weight * old * old
    let wanted = register_nearest_wrapped(value * lessL2 / lessXL)
    let code = register_smaller(register_larger(wanted, low), high)
    let newXL = lessXL + product * code
    let newL2 = lessL2 + weight * code * code
    let usable = register_and(register_less(zero, lessXL), register_not(register_equal(code, old)))
    let better = register_and(
      register_and(usable, register_less(zero, newL2)),
      register_less(sumXL * sumXL * newL2, newXL * newXL * sumL2))
    unsafe codes[i] = register_select(old, code, better)
    sumXL = register_select(sumXL, newXL, better)
    sumL2 = register_select(sumL2, newL2, better)
    changed = register_or(changed, better)
  }
  // A lane that did not change would not change in another sweep either.
  let stays = unsafe refinementStays(sumXL, sumL2, x: x, codes: codes, step: 1) {
    unsafe x[$0] * x[$0] * x[$0] * codes[$0]
  }
  return register_and(changed, register_not(stays))
}
