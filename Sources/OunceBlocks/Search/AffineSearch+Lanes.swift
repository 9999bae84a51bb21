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

/// The rows of a search under way.
private enum WorkRow {
  static let low = 0
  static let high = 1
  static let sumW = 2
  static let sumWX = 3
  static let bestError = 4
  /// The inverse scale of the candidate, and its sums.
  static let candidate = 5
  static let sumL = 6
  static let sumL2 = 7
  static let sumXL = 8
}

/// From a row of a tile to the next, in registers.
private let rowStep = tileLanes / Register.scalarCount

/// Fits `count` rows of a tile. `scratch` has room for as many rows; `fit` receives the rows of `AffineRow`; `work` has
/// room for the rows of `WorkRow`.
///
/// Every lane runs `affineFitTruth`. The parts of the tile take turns, so that one sums while the other divides.
func affineFit(
  _ x: UnsafePointer<Lanes>, weights: UnsafePointer<Lanes>, count: Int, _ candidates: AffineCandidates,
  scratch: UnsafeMutablePointer<Lanes>, into fit: UnsafeMutablePointer<Lanes>, work: UnsafeMutablePointer<Lanes>
) {
  // One copy of the search per loss: a choice inside its loops would be made for every element.
  if candidates.byMagnitude {
    unsafe affineFit(x, weights, count, candidates, scratch, fit, work) { register_magnitude($0) }
  } else {
    unsafe affineFit(x, weights, count, candidates, scratch, fit, work) { $0 * $0 }
  }
}

@inline(__always)
private func affineFit(
  _ x: UnsafePointer<Lanes>, _ weights: UnsafePointer<Lanes>, _ count: Int, _ candidates: AffineCandidates,
  _ scratch: UnsafeMutablePointer<Lanes>, _ fit: UnsafeMutablePointer<Lanes>, _ work: UnsafeMutablePointer<Lanes>,
  _ loss: (Register) -> Register
) {
  let x = unsafe UnsafeRawPointer(x).assumingMemoryBound(to: Register.self)
  let w = unsafe UnsafeRawPointer(weights).assumingMemoryBound(to: Register.self)
  let codes = unsafe UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: Register.self)
  let fit = unsafe UnsafeMutableRawPointer(fit).assumingMemoryBound(to: Register.self)
  let work = unsafe UnsafeMutableRawPointer(work).assumingMemoryBound(to: Register.self)
  let levels = Register.all(candidates.levels)
  for part in 0..<rowStep { unsafe begin(x + part, w + part, count, levels, fit + part, work + part, loss) }
  for k in 0...candidates.steps {
    let target = candidates.first + candidates.step * Float(k) + candidates.levels
    for part in 0..<rowStep {
      unsafe sumCandidate(x + part, w + part, count, levels, target, codes + part, fit + part, work + part)
    }
    for part in 0..<rowStep {
      unsafe judgeCandidate(x + part, w + part, count, codes + part, fit + part, work + part, loss)
    }
  }
  for part in 0..<rowStep { unsafe finish(fit + part, work + part) }
}

/// The extremes, the sums that do not depend on a candidate, and the error of the scale that spans the extremes.
@inline(__always)
private func begin(
  _ x: UnsafePointer<Register>, _ w: UnsafePointer<Register>, _ count: Int, _ levels: Register,
  _ fit: UnsafeMutablePointer<Register>, _ work: UnsafeMutablePointer<Register>, _ loss: (Register) -> Register
) {
  let zero = Register.all(0)
  var low = unsafe x[0]
  var high = unsafe x[0]
  var sumW = unsafe w[0]
  var sumWX = unsafe sumW * x[0]
  for i in 1..<count {
    let value = unsafe x[i &* rowStep]
    let weight = unsafe w[i &* rowStep]
    low = register_smaller(value, low)
    high = register_larger(value, high)
    sumW += weight
    sumWX += weight * value
  }
  let minimum = register_select(low, zero, register_less(zero, low))
  let inverse = levels / (high - minimum)
  let scale = Register.all(1) / inverse
  var error = zero
  for i in 0..<count {
    let value = unsafe x[i &* rowStep]
    let code = register_smaller(register_larger(register_nearest(inverse * (value - minimum)), zero), levels)
    let difference = scale * code + minimum - value
    unsafe error += w[i &* rowStep] * loss(difference)
  }
  unsafe work[WorkRow.low * rowStep] = low
  unsafe work[WorkRow.high * rowStep] = high
  unsafe work[WorkRow.sumW * rowStep] = sumW
  unsafe work[WorkRow.sumWX * rowStep] = sumWX
  unsafe work[WorkRow.bestError * rowStep] = error
  unsafe fit[AffineRow.scale * rowStep] = scale
  unsafe fit[AffineRow.minimum * rowStep] = minimum
  unsafe fit[AffineRow.inverse * rowStep] = inverse
  unsafe fit[AffineRow.base * rowStep] = minimum
  unsafe fit[AffineRow.wild * rowStep] = register_mask(isWild(inverse * (low - minimum), inverse * (high - minimum)))
}

/// The codes and sums of the candidate whose largest code before rounding is `target`.
@inline(__always)
private func sumCandidate(
  _ x: UnsafePointer<Register>, _ w: UnsafePointer<Register>, _ count: Int, _ levels: Register, _ target: Float,
  _ codes: UnsafeMutablePointer<Register>, _ fit: UnsafeMutablePointer<Register>,
  _ work: UnsafeMutablePointer<Register>
) {
  let minimum = unsafe fit[AffineRow.minimum * rowStep]
  let range = unsafe work[WorkRow.high * rowStep] - minimum
  let inverse = Register.all(target) / range
  let lowest = unsafe inverse * (work[WorkRow.low * rowStep] - minimum)
  let highest = inverse * range
  let wild = unsafe fit[AffineRow.wild * rowStep]
  unsafe fit[AffineRow.wild * rowStep] = register_mask(register_or(register_unmask(wild), isWild(lowest, highest)))
  var sums = (Register.all(0), Register.all(0), Register.all(0))
  // Most candidates do not reach beyond the last code.
  if register_any(register_less(levels, register_nearest(highest))) {
    unsafe sumCodes(x, w, count, inverse, minimum, codes, &sums) { register_smaller($0, levels) }
  } else {
    unsafe sumCodes(x, w, count, inverse, minimum, codes, &sums) { $0 }
  }
  unsafe work[WorkRow.candidate * rowStep] = inverse
  unsafe work[WorkRow.sumL * rowStep] = sums.0
  unsafe work[WorkRow.sumL2 * rowStep] = sums.1
  unsafe work[WorkRow.sumXL * rowStep] = sums.2
}

@inline(__always)
private func sumCodes(
  _ x: UnsafePointer<Register>, _ w: UnsafePointer<Register>, _ count: Int, _ inverse: Register,
  _ minimum: Register, _ codes: UnsafeMutablePointer<Register>, _ sums: inout (Register, Register, Register),
  _ limited: (Register) -> Register
) {
  let zero = Register.all(0)
  var sumL = zero
  var sumL2 = zero
  var sumXL = zero
  for i in 0..<count {
    let value = unsafe x[i &* rowStep]
    let code = limited(register_larger(register_nearest(inverse * (value - minimum)), zero))
    unsafe codes[i &* rowStep] = code
    let weighted = unsafe w[i &* rowStep] * code
    sumL += weighted
    sumL2 += weighted * code
    sumXL += weighted * value
  }
  sums = (sumL, sumL2, sumXL)
}

/// Solves for the candidate's scale and minimum and adopts it in the lanes where its error is smaller.
@inline(__always)
private func judgeCandidate(
  _ x: UnsafePointer<Register>, _ w: UnsafePointer<Register>, _ count: Int, _ codes: UnsafePointer<Register>,
  _ fit: UnsafeMutablePointer<Register>, _ work: UnsafeMutablePointer<Register>, _ loss: (Register) -> Register
) {
  let zero = Register.all(0)
  let sumW = unsafe work[WorkRow.sumW * rowStep]
  let sumWX = unsafe work[WorkRow.sumWX * rowStep]
  let sumL = unsafe work[WorkRow.sumL * rowStep]
  let sumL2 = unsafe work[WorkRow.sumL2 * rowStep]
  let sumXL = unsafe work[WorkRow.sumXL * rowStep]
  let determinant = sumW * sumL2 - sumL * sumL
  var scale = (sumW * sumXL - sumWX * sumL) / determinant
  var minimum = (sumL2 * sumWX - sumL * sumXL) / determinant
  let positive = register_less(zero, minimum)
  if register_any(positive) {
    minimum = register_select(minimum, zero, positive)
    scale = register_select(scale, sumXL / sumL2, positive)
  }
  var error = zero
  for i in 0..<count {
    let difference = unsafe scale * codes[i &* rowStep] + minimum - x[i &* rowStep]
    unsafe error += w[i &* rowStep] * loss(difference)
  }
  let bestError = unsafe work[WorkRow.bestError * rowStep]
  let better = register_and(register_less(zero, determinant), register_less(error, bestError))
  unsafe work[WorkRow.bestError * rowStep] = register_select(bestError, error, better)
  @inline(__always)
  func adopt(_ row: Int, _ value: Register) {
    unsafe fit[row * rowStep] = register_select(fit[row * rowStep], value, better)
  }
  unsafe adopt(AffineRow.inverse, work[WorkRow.candidate * rowStep])
  unsafe adopt(AffineRow.base, fit[AffineRow.minimum * rowStep])
  adopt(AffineRow.scale, scale)
  adopt(AffineRow.minimum, minimum)
}

/// Blocks of equal elements: there was nothing to search. They keep the minimum they started with, and code 0.
@inline(__always)
private func finish(_ fit: UnsafeMutablePointer<Register>, _ work: UnsafePointer<Register>) {
  let zero = Register.all(0)
  let low = unsafe work[WorkRow.low * rowStep]
  let minimum = register_select(low, zero, register_less(zero, low))
  let flat = unsafe register_less_or_equal(work[WorkRow.high * rowStep], minimum)
  @inline(__always)
  func settle(_ row: Int, _ value: Register) {
    unsafe fit[row * rowStep] = register_select(fit[row * rowStep], value, flat)
  }
  settle(AffineRow.scale, zero)
  settle(AffineRow.minimum, minimum)
  settle(AffineRow.inverse, zero)
  settle(AffineRow.base, zero)
  settle(AffineRow.wild, zero)
}

/// Rounding is exact for all elements of a lane when it is for the smallest and the largest.
@inline(__always)
private func isWild(_ lowest: Register, _ highest: Register) -> IntRegister {
  let limit = Register.all(roundingLimit)
  return register_not(
    register_and(
      register_less_or_equal(register_magnitude(lowest), limit),
      register_less_or_equal(register_magnitude(highest), limit)))
}
