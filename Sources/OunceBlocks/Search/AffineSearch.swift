// The search for a scale and a minimum: x is close to scale * code + minimum, with codes from 0 and minimum <= 0.
// The reference calls it make_qkx2_quants and make_qkx3_quants
// (https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c).

/// The inverse scales to try: (`first` + `step` * k + `levels`) / range, for k from 0 through `steps`.
struct AffineCandidates {
  /// The largest code.
  let levels: Float
  let first: Float
  let step: Float
  let steps: Int
  /// Whether candidates are judged by the magnitudes of the differences rather than by their squares.
  var byMagnitude = false

  @inline(__always)
  func loss(_ difference: Float) -> Float { byMagnitude ? difference.magnitude : difference * difference }
}

/// Fits `count` elements; `codes` receives a code for each.
///
/// A candidate's codes are taken relative to the best minimum so far, which changes whenever a candidate is adopted.
func affineFitTruth(
  _ x: UnsafePointer<Float>, weights: UnsafePointer<Float>, count: Int, _ candidates: AffineCandidates,
  codes: UnsafeMutablePointer<UInt8>
) -> (scale: Float, minimum: Float) {
  let levels = Int32(candidates.levels)
  var minimum = unsafe x[0]
  var maximum = unsafe x[0]
  var sumW = unsafe weights[0]
  var sumWX = unsafe sumW * x[0]
  for i in 1..<count {
    if unsafe x[i] < minimum { minimum = unsafe x[i] }
    if unsafe x[i] > maximum { maximum = unsafe x[i] }
    unsafe sumW += weights[i]
    unsafe sumWX += weights[i] * x[i]
  }
  if minimum > 0 { minimum = 0 }
  for i in 0..<count { unsafe codes[i] = 0 }
  if maximum <= minimum { return (0, minimum) }

  var inverse = candidates.levels / (maximum - minimum)
  var scale = 1 / inverse
  var bestError: Float = 0
  for i in 0..<count {
    let code = unsafe clamp(nearestInteger(inverse * (x[i] - minimum)), 0, levels)
    unsafe codes[i] = UInt8(code)
    let difference = unsafe scale * Float(code) + minimum - x[i]
    unsafe bestError += weights[i] * candidates.loss(difference)
  }
  for k in 0...candidates.steps {
    inverse = (candidates.first + candidates.step * Float(k) + candidates.levels) / (maximum - minimum)
    var sumL: Float = 0
    var sumL2: Float = 0
    var sumXL: Float = 0
    for i in 0..<count {
      let code = unsafe Float(clamp(nearestInteger(inverse * (x[i] - minimum)), 0, levels))
      let weighted = unsafe weights[i] * code
      sumL += weighted
      sumL2 += weighted * code
      unsafe sumXL += weighted * x[i]
    }
    let determinant = sumW * sumL2 - sumL * sumL
    guard determinant > 0 else { continue }
    var newScale = (sumW * sumXL - sumWX * sumL) / determinant
    var newMinimum = (sumL2 * sumWX - sumL * sumXL) / determinant
    if newMinimum > 0 {
      newMinimum = 0
      newScale = sumXL / sumL2
    }
    var error: Float = 0
    for i in 0..<count {
      let code = unsafe Float(clamp(nearestInteger(inverse * (x[i] - minimum)), 0, levels))
      let difference = unsafe newScale * code + newMinimum - x[i]
      unsafe error += weights[i] * candidates.loss(difference)
    }
    guard error < bestError else { continue }
    for i in 0..<count {
      unsafe codes[i] = UInt8(clamp(nearestInteger(inverse * (x[i] - minimum)), 0, levels))
    }
    bestError = error
    scale = newScale
    minimum = newMinimum
  }
  return (scale, minimum)
}
