// A symmetric scale refined element by element: x is close to scale * code, with codes from -half to half - 1, weighted
// by the squares of the elements. The reference calls it make_q3_quants
// (https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c).

/// Sweeps over the elements at most.
let refinementSweeps = 5

/// Fits sixteen elements; `codes` receives code + half for each, or 0 everywhere when all elements are negligible.
func refinedFitTruth(_ x: UnsafePointer<Float>, half: Int32, codes: UnsafeMutablePointer<UInt8>) -> Float {
  var peak: Float = 0
  for i in 0..<16 where unsafe x[i].magnitude > peak.magnitude { peak = unsafe x[i] }
  for i in 0..<16 { unsafe codes[i] = 0 }
  if peak.magnitude < negligible { return 0 }
  let inverse = -Float(half) / peak
  var sumXL: Float = 0
  var sumL2: Float = 0
  for i in 0..<16 {
    let value = unsafe x[i]
    let code = clamp(nearestInteger(inverse * value), -half, half - 1)
    unsafe codes[i] = UInt8(code + half)
    sumXL += value * value * value * Float(code)
    sumL2 += value * value * Float(code) * Float(code)
  }
  for _ in 0..<refinementSweeps {
    var changed = false
    for i in 0..<16 {
      let value = unsafe x[i]
      let weight = value * value
      let old = unsafe Float(Int32(codes[i]) - half)
      var newXL = sumXL - weight * value * old
      guard newXL > 0 else { continue }
      var newL2 = sumL2 - weight * old * old
      let code = clamp(nearestInteger(value * newL2 / newXL), -half, half - 1)
      guard Float(code) != old else { continue }
      newXL += weight * value * Float(code)
      newL2 += weight * Float(code) * Float(code)
      guard newL2 > 0, newXL * newXL * sumL2 > sumXL * sumXL * newL2 else { continue }
      unsafe codes[i] = UInt8(code + half)
      sumXL = newXL
      sumL2 = newL2
      changed = true
    }
    if !changed { break }
  }
  return sumL2 > 0 ? sumXL / sumL2 : 0
}
