// The search for a scale alone: x is close to scale * code, with codes from -half to half - 1.
// The reference calls it make_qx_quants (https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c).

/// Below this magnitude everything is zero.
let negligible: Float = 1e-15

/// Fits `count` elements; `codes` receives code + half for each, or 0 everywhere when all elements are negligible.
///
/// - Parameter weights: nil: the squares of the elements.
func symmetricFitTruth(
  _ x: UnsafePointer<Float>, weights: UnsafePointer<Float>?, count: Int, half: Int32,
  codes: UnsafeMutablePointer<UInt8>
) -> Float {
  var peak: Float = 0
  for i in 0..<count where unsafe x[i].magnitude > peak.magnitude { peak = unsafe x[i] }
  if peak.magnitude < negligible {
    for i in 0..<count { unsafe codes[i] = 0 }
    return 0
  }
  var scale: Float = 0
  var best: Float = 0
  for k in [0, -9, -8, -7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9] {
    let inverse = -(Float(half) + 0.1 * Float(k)) / peak
    var sumXL: Float = 0
    var sumL2: Float = 0
    for i in 0..<count {
      let code = unsafe Float(clamp(nearestInteger(inverse * x[i]), -half, half - 1))
      let weight = unsafe weights.map { unsafe $0[i] } ?? (x[i] * x[i])
      unsafe sumXL += weight * x[i] * code
      sumL2 += weight * code * code
    }
    if k == 0 {
      scale = sumL2 != 0 ? sumXL / sumL2 : 0
    } else {
      guard sumL2 > 0, sumXL * sumXL > best * sumL2 else { continue }
      scale = sumXL / sumL2
    }
    best = scale * sumXL
    for i in 0..<count {
      unsafe codes[i] = UInt8(clamp(nearestInteger(inverse * x[i]), -half, half - 1) + half)
    }
  }
  return scale
}
