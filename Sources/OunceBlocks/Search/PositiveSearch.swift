// The search for a scale of numbers that are not negative: the scales and minima of a super-block.
// The reference calls it make_qp_quants (https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c).

/// Fits `count` numbers with codes from 0 through `levels`, then improves the codes one by one, at most five times.
func positiveFitTruth(
  _ x: UnsafePointer<Float>, weights: UnsafePointer<Float>, count: Int, levels: Int32,
  codes: UnsafeMutablePointer<UInt8>
) -> Float {
  var peak: Float = 0
  for i in 0..<count where unsafe x[i] > peak { peak = unsafe x[i] }
  if peak < negligible {
    for i in 0..<count { unsafe codes[i] = 0 }
    return 0
  }
  var inverse = Float(levels) / peak
  var bestError: Float = 0
  for i in 0..<count {
    // The reference keeps codes in bytes.
    let code = unsafe UInt8(truncatingIfNeeded: nearestInteger(inverse * x[i]))
    let difference = unsafe x[i] - 1 / inverse * Float(code)
    unsafe bestError += weights[i] * difference * difference
  }
  for k in -4...4 where k != 0 {
    let candidate = (0.1 * Float(k) + Float(levels)) / peak
    let scale = 1 / candidate
    var error: Float = 0
    for i in 0..<count {
      let code = unsafe min(levels, nearestInteger(candidate * x[i]))
      let difference = unsafe x[i] - scale * Float(code)
      unsafe error += weights[i] * difference * difference
    }
    if error < bestError {
      bestError = error
      inverse = candidate
    }
  }
  var sumXL: Float = 0
  var sumL2: Float = 0
  for i in 0..<count {
    let code = unsafe min(levels, nearestInteger(inverse * x[i]))
    unsafe codes[i] = UInt8(truncatingIfNeeded: code)
    unsafe sumXL += weights[i] * x[i] * Float(code)
    unsafe sumL2 += weights[i] * Float(code) * Float(code)
  }
  for _ in 0..<5 {
    var changed = false
    for i in 0..<count {
      let old = unsafe Float(codes[i])
      let weight = unsafe weights[i]
      let value = unsafe x[i]
      var newXL = sumXL - weight * value * old
      var newL2 = sumL2 - weight * old * old
      guard newXL > 0, newL2 > 0 else { continue }
      let code = min(levels, nearestInteger(value * newL2 / newXL))
      guard Float(code) != old else { continue }
      newXL += weight * value * Float(code)
      newL2 += weight * Float(code) * Float(code)
      guard newXL * newXL * sumL2 > sumXL * sumXL * newL2 else { continue }
      unsafe codes[i] = UInt8(truncatingIfNeeded: code)
      sumXL = newXL
      sumL2 = newL2
      changed = true
    }
    if !changed { break }
  }
  return sumL2 > 0 ? sumXL / sumL2 : 0
}
