internal import CLanes

/// Fits `count` numbers of sixteen super-blocks, a super-block per lane: every lane runs `positiveFitTruth`.
///
/// - Parameters:
///   - x: `count` rows, `step` apart.
///   - weights: as many rows.
///   - levels: the largest code.
///   - mayBeNegative: whether numbers below zero are expected. The reference keeps their codes in bytes, where they
///     become large.
///   - codes: receives as many rows.
/// - Returns: the scale, and where the lanes cannot vouch for the result.
func positiveFit(
  _ x: UnsafePointer<Lanes>, step: Int, weights: UnsafePointer<Lanes>, count: Int = 8, levels top: Float = 63,
  mayBeNegative: Bool = false, codes: UnsafeMutablePointer<Lanes>
) -> (scale: Lanes, wild: IntLanes) {
  let zero = Lanes.all(0)
  let levels = Lanes.all(top)
  var peak = zero
  var least = zero
  for j in 0..<count {
    peak = unsafe lanes_larger(x[j * step], peak)
    least = unsafe lanes_smaller(x[j * step], least)
  }
  let nothing = lanes_less(peak, Lanes.all(negligible))
  // Infinities and unexpected negative numbers are left to the scalar search.
  let isExpected = mayBeNegative ? lanes_less_or_equal(peak * -8, least) : lanes_equal(least, zero)
  var tame = lanes_and(lanes_less(peak, Lanes.all(.infinity)), isExpected)
  /// A code as the reference's byte holds it.
  @inline(__always)
  func wrapped(_ code: Lanes) -> Lanes {
    mayBeNegative ? lanes_select(code, code + 256, lanes_less(code, zero)) : code
  }
  for j in 0..<count {
    let value = unsafe x[j * step]
    tame = lanes_and(tame, lanes_equal(value, value))
  }

  var inverse = levels / peak
  var bestError = zero
  for k in -4...4 {
    // The first candidate is the middle one; in its own turn it would not improve on itself.
    let shift = k == -4 ? 0 : k <= 0 ? k - 1 : k
    let candidate = Lanes.all(0.1 * Float(shift) + top) / peak
    let scale = Lanes.all(1) / candidate
    var error = zero
    for j in 0..<count {
      let value = unsafe x[j * step]
      var code = lanes_smaller(lanes_nearest(candidate * value), levels)
      if k == -4 { code = wrapped(code) }
      let difference = value - scale * code
      unsafe error += weights[j] * difference * difference
    }
    let better = k == -4 ? lanes_all_true() : lanes_less(error, bestError)
    bestError = lanes_select(bestError, error, better)
    inverse = lanes_select(inverse, candidate, better)
  }
  var sumXL = zero
  var sumL2 = zero
  for j in 0..<count {
    let value = unsafe x[j * step]
    let code = lanes_smaller(lanes_nearest(inverse * value), levels)
    unsafe codes[j] = wrapped(code)
    unsafe sumXL += weights[j] * value * code
    unsafe sumL2 += weights[j] * code * code
  }
  for _ in 0..<5 {
    var changed = lanes_not(lanes_all_true())
    for j in 0..<count {
      let value = unsafe x[j * step]
      let weight = unsafe weights[j]
      let old = unsafe codes[j]
      var newXL = sumXL - weight * value * old
      var newL2 = sumL2 - weight * old * old
      let usable = lanes_and(lanes_less(zero, newXL), lanes_less(zero, newL2))
      let wanted = value * newL2 / newXL
      tame = lanes_and(
        tame, lanes_or(lanes_not(usable), lanes_less_or_equal(lanes_magnitude(wanted), Lanes.all(roundingLimit))))
      if mayBeNegative { tame = lanes_and(tame, lanes_or(lanes_not(usable), lanes_less(Lanes.all(-255), wanted))) }
      let code = lanes_smaller(lanes_nearest(wanted), levels)
      newXL += weight * value * code
      newL2 += weight * code * code
      let better = lanes_and(
        lanes_and(usable, lanes_not(lanes_equal(code, old))),
        lanes_less(sumXL * sumXL * newL2, newXL * newXL * sumL2))
      unsafe codes[j] = lanes_select(old, wrapped(code), better)
      sumXL = lanes_select(sumXL, newXL, better)
      sumL2 = lanes_select(sumL2, newL2, better)
      changed = lanes_or(changed, better)
    }
    // A lane that did not change would not change in another sweep either.
    if !lanes_any(changed) { break }
  }
  for j in 0..<count { unsafe codes[j] = lanes_select(codes[j], zero, nothing) }
  let scale = lanes_select(zero, sumXL / sumL2, lanes_less(zero, sumL2))
  // Nothing to fit: negligible, yet negative or NaN numbers hide here too.
  return (lanes_select(scale, zero, nothing), lanes_and(lanes_not(tame), lanes_not(nothing)))
}
