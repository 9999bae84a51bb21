internal import CLanes

// The affine search for `tileLanes` blocks at once, a block per lane.

/// Blocks side by side in a tile; row i of a tile is element i of each of them.
let tileLanes = 32
/// The magnitude up to which rounding to the nearest integer is what the reference computes.
let roundingLimit: Float = 4_194_303

/// The rows of a fit: one number per lane each.
enum AffineRow {
  static let scale = 0
  static let minimum = 1
  /// The inverse scale and the minimum that the best codes were computed with.
  static let inverse = 2
  static let base = 3
  /// All bits set where the lanes cannot vouch for the result: such a block is encoded by the scalar truth.
  static let wild = 4
  static let count = 5
}

/// Fits `count` rows of a tile. `scratch` has room for as many rows; `fit` receives the rows of `AffineRow`.
@inline(__always)
func affineFit(
  _ x: UnsafePointer<Lanes>, weights: UnsafePointer<Lanes>, count: Int, _ candidates: AffineCandidates,
  scratch: UnsafeMutablePointer<Lanes>, into fit: UnsafeMutablePointer<Lanes>
) {
  let parts = tileLanes / Register.scalarCount
  for part in 0..<parts {
    unsafe affineFitPart(
      UnsafeRawPointer(x).assumingMemoryBound(to: Register.self) + part,
      UnsafeRawPointer(weights).assumingMemoryBound(to: Register.self) + part, count, candidates,
      UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: Register.self),
      UnsafeMutableRawPointer(fit).assumingMemoryBound(to: Register.self) + part)
  }
}

/// One register of lanes: every lane runs `affineFitTruth`.
private func affineFitPart(
  _ x: UnsafePointer<Register>, _ w: UnsafePointer<Register>, _ count: Int, _ candidates: AffineCandidates,
  _ codes: UnsafeMutablePointer<Register>, _ fit: UnsafeMutablePointer<Register>
) {
  let step = tileLanes / Register.scalarCount
  let zero = Register.all(0)
  let levels = Register.all(candidates.levels)
  var low = unsafe x[0]
  var high = unsafe x[0]
  var sumW = unsafe w[0]
  var sumWX = unsafe sumW * x[0]
  for i in 1..<count {
    let value = unsafe x[i &* step]
    let weight = unsafe w[i &* step]
    low = register_smaller(value, low)
    high = register_larger(value, high)
    sumW += weight
    sumWX += weight * value
  }
  var minimum = register_select(low, zero, register_less(zero, low))
  let flat = register_less_or_equal(high, minimum)
  var inverse = levels / (high - minimum)
  var scale = Register.all(1) / inverse
  var bestInverse = inverse
  var base = minimum
  var tame = isTame(inverse, low - minimum, high - minimum)
  var bestError = zero
  for i in 0..<count {
    let value = unsafe x[i &* step]
    let code = clamped(inverse * (value - minimum), zero, levels)
    let difference = scale * code + minimum - value
    unsafe bestError += w[i &* step] * (difference * difference)
  }
  for k in 0...candidates.steps {
    inverse =
      Register.all(candidates.first + candidates.step * Float(k) + candidates.levels) / (high - minimum)
    tame = register_and(tame, isTame(inverse, low - minimum, high - minimum))
    var sumL = zero
    var sumL2 = zero
    var sumXL = zero
    for i in 0..<count {
      let value = unsafe x[i &* step]
      let code = clamped(inverse * (value - minimum), zero, levels)
      unsafe codes[i] = code
      let weighted = unsafe w[i &* step] * code
      sumL += weighted
      sumL2 += weighted * code
      sumXL += weighted * value
    }
    let determinant = sumW * sumL2 - sumL * sumL
    var newScale = (sumW * sumXL - sumWX * sumL) / determinant
    var newMinimum = (sumL2 * sumWX - sumL * sumXL) / determinant
    let positive = register_less(zero, newMinimum)
    if register_any(positive) {
      newMinimum = register_select(newMinimum, zero, positive)
      newScale = register_select(newScale, sumXL / sumL2, positive)
    }
    var error = zero
    for i in 0..<count {
      let difference = unsafe newScale * codes[i] + newMinimum - x[i &* step]
      unsafe error += w[i &* step] * (difference * difference)
    }
    let better = register_and(register_less(zero, determinant), register_less(error, bestError))
    bestInverse = register_select(bestInverse, inverse, better)
    base = register_select(base, minimum, better)
    bestError = register_select(bestError, error, better)
    scale = register_select(scale, newScale, better)
    minimum = register_select(minimum, newMinimum, better)
  }
  unsafe fit[AffineRow.scale * step] = register_select(scale, zero, flat)
  // A flat block keeps the minimum it started with, and the code of every element is 0.
  let flatMinimum = register_select(low, zero, register_less(zero, low))
  unsafe fit[AffineRow.minimum * step] = register_select(minimum, flatMinimum, flat)
  unsafe fit[AffineRow.inverse * step] = register_select(bestInverse, zero, flat)
  unsafe fit[AffineRow.base * step] = register_select(base, zero, flat)
  unsafe fit[AffineRow.wild * step] = register_mask(register_not(register_or(tame, flat)))
}

/// Rounding is exact for all elements of a lane when it is for the smallest and the largest.
@inline(__always)
private func isTame(_ inverse: Register, _ low: Register, _ high: Register) -> IntRegister {
  let limit = Register.all(roundingLimit)
  return register_and(
    register_less_or_equal(register_magnitude(inverse * low), limit),
    register_less_or_equal(register_magnitude(inverse * high), limit))
}

@inline(__always)
private func clamped(_ value: Register, _ low: Register, _ high: Register) -> Register {
  register_smaller(register_larger(register_nearest(value), low), high)
}
