internal import CLanes

// The symmetric search for `tileLanes` blocks at once, a block per lane.

/// The rows of a fit: one number per lane each.
enum SymmetricRow {
  static let scale = 0
  /// The inverse scale of the best codes; 0 where all elements are negligible, whose codes are not even centred.
  static let inverse = 1
  static let count = 2
}

/// Fits `count` rows of a tile. `scratch` has room for as many rows; `fit` receives the rows of `SymmetricRow`.
///
/// The codes need no care: an element never exceeds the peak, so they are small whatever the input.
@inline(__always)
func symmetricFit(
  _ x: UnsafePointer<Lanes>, weights: UnsafePointer<Lanes>, count: Int, half: Float,
  scratch: UnsafeMutablePointer<Lanes>, into fit: UnsafeMutablePointer<Lanes>
) {
  let parts = tileLanes / Register.scalarCount
  for part in 0..<parts {
    unsafe symmetricFitPart(
      UnsafeRawPointer(x).assumingMemoryBound(to: Register.self) + part,
      UnsafeRawPointer(weights).assumingMemoryBound(to: Register.self) + part, count, half,
      UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: Register.self),
      UnsafeMutableRawPointer(fit).assumingMemoryBound(to: Register.self) + part)
  }
}

/// One register of lanes: every lane runs `symmetricFitTruth`.
private func symmetricFitPart(
  _ x: UnsafePointer<Register>, _ w: UnsafePointer<Register>, _ count: Int, _ half: Float,
  _ products: UnsafeMutablePointer<Register>, _ fit: UnsafeMutablePointer<Register>
) {
  let step = tileLanes / Register.scalarCount
  let zero = Register.all(0)
  let low = Register.all(-half)
  let high = Register.all(half - 1)
  var peak = zero
  for i in 0..<count {
    let value = unsafe x[i &* step]
    let larger = register_less(register_magnitude(peak), register_magnitude(value))
    peak = register_select(peak, value, larger)
    unsafe products[i] = w[i &* step] * value
  }
  var scale = zero
  var best = zero
  var bestInverse = zero
  for index in 0..<19 {
    // The middle of the range first, then upward from its lower end.
    let k = index == 0 ? 0 : index <= 9 ? index - 10 : index - 9
    let inverse = Register.all(-(half + 0.1 * Float(k))) / peak
    var sumXL = zero
    var sumL2 = zero
    for i in 0..<count {
      let code = unsafe register_smaller(
        register_larger(register_nearest(inverse * x[i &* step]), low), high)
      unsafe sumXL += products[i] * code
      unsafe sumL2 += w[i &* step] * code * code
    }
    let newScale = sumXL / sumL2
    if index == 0 {
      scale = register_select(newScale, zero, register_equal(sumL2, zero))
      best = scale * sumXL
      bestInverse = inverse
    } else {
      let better = register_and(register_less(zero, sumL2), register_less(best * sumL2, sumXL * sumXL))
      scale = register_select(scale, newScale, better)
      best = register_select(best, newScale * sumXL, better)
      bestInverse = register_select(bestInverse, inverse, better)
    }
  }
  let nothing = register_less(register_magnitude(peak), Register.all(negligible))
  unsafe fit[SymmetricRow.scale * step] = register_select(scale, zero, nothing)
  unsafe fit[SymmetricRow.inverse * step] = register_select(bestInverse, zero, nothing)
}
