internal import CLanes

// The refined search for `tileLanes` runs of sixteen elements at once, a run per lane.

/// From a row of a tile to the next, in registers.
private let rowStep = tileLanes / Register.scalarCount

/// Fits sixteen rows of a tile.
///
/// - Parameters:
///   - codes: receives as many rows: code + half, or 0 where all elements are negligible.
///   - scales: receives one row.
@inline(__always)
func refinedFit(
  _ x: UnsafePointer<Lanes>, half: Float, codes: UnsafeMutablePointer<Lanes>, into scales: UnsafeMutablePointer<Lanes>
) {
  for part in 0..<rowStep {
    unsafe refinedFitPart(
      UnsafeRawPointer(x).assumingMemoryBound(to: Register.self) + part, half,
      UnsafeMutableRawPointer(codes).assumingMemoryBound(to: Register.self) + part,
      UnsafeMutableRawPointer(scales).assumingMemoryBound(to: Register.self) + part)
  }
}

/// One register of lanes: every lane runs `refinedFitTruth`.
private func refinedFitPart(
  _ x: UnsafePointer<Register>, _ half: Float, _ codes: UnsafeMutablePointer<Register>,
  _ scales: UnsafeMutablePointer<Register>
) {
  let zero = Register.all(0)
  let low = Register.all(-half)
  let high = Register.all(half - 1)
  var peak = zero
  for i in 0..<16 {
    let value = unsafe x[i &* rowStep]
    peak = register_select(peak, value, register_less(register_magnitude(peak), register_magnitude(value)))
  }
  let inverse = low / peak
  var sumXL = zero
  var sumL2 = zero
  for i in 0..<16 {
    let value = unsafe x[i &* rowStep]
    let code = register_smaller(register_larger(register_nearest(inverse * value), low), high)
    unsafe codes[i &* rowStep] = code
    sumXL += value * value * value * code
    sumL2 += value * value * code * code
  }
  for _ in 0..<refinementSweeps {
    var changed = register_less(zero, zero)
    for i in 0..<16 {
      let value = unsafe x[i &* rowStep]
      let weight = value * value
      let product = weight * value
      let old = unsafe codes[i &* rowStep]
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
      unsafe codes[i &* rowStep] = register_select(old, code, better)
      sumXL = register_select(sumXL, newXL, better)
      sumL2 = register_select(sumL2, newL2, better)
      changed = register_or(changed, better)
    }
    // A lane that did not change would not change in another sweep either.
    if !register_any(changed) { break }
  }
  let nothing = register_less(register_magnitude(peak), Register.all(negligible))
  for i in 0..<16 {
    unsafe codes[i &* rowStep] = register_select(codes[i &* rowStep] + half, zero, nothing)
  }
  let scale = register_select(zero, sumXL / sumL2, register_less(zero, sumL2))
  unsafe scales[0] = register_select(scale, zero, nothing)
}
