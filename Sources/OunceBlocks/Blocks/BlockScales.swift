// The scales of the blocks of 32, one block at a time: the truth the lanes are tested against.
// Without importance the extremes decide (quantize_row_q4_0_ref and its siblings of
// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c); with importance there is a search.

/// The search of the blocks with a minimum, and of the super-blocks, when there is importance.
func importanceCandidates(levels: Float) -> AffineCandidates {
  AffineCandidates(levels: levels, first: -0.9, step: 0.05, steps: 36)
}

/// `importance * sqrt(meanSquare + x²)`, for `count` elements.
func weightsTruth(
  _ x: UnsafePointer<Float>, _ importance: UnsafePointer<Float>, _ meanSquare: Float, count: Int,
  _ body: (UnsafePointer<Float>) -> Void
) {
  unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { weights in
    guard let first = weights.baseAddress else { return }
    for i in 0..<count {
      unsafe (first + i).initialize(to: importance[i] * (meanSquare + x[i] * x[i]).squareRoot())
    }
    unsafe body(first)
  }
}

/// Scale and codes of 32 elements, codes counted from `-half`.
///
/// Without importance the codes belong to the scale before it is rounded to binary16, and so they do with it.
func symmetricBlockTruth(
  _ x: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?, _ meanSquare: Float, half: Int32,
  _ codes: UnsafeMutablePointer<UInt8>
) -> Float {
  if let importance = unsafe importance {
    var scale: Float = 0
    unsafe weightsTruth(x, importance, meanSquare, count: 32) { weights in
      scale = unsafe symmetricFitTruth(x, weights: weights, count: 32, half: half, codes: codes)
    }
    return scale
  }
  var peak: Float = 0
  for i in 0..<32 where unsafe peak.magnitude < x[i].magnitude { peak = unsafe x[i] }
  let scale = peak / Float(-half)
  let inverse = scale != 0 ? 1 / scale : 0
  let top = Int8(half * 2 - 1)
  for i in 0..<32 {
    let code = unsafe Int8(bitPattern: truncatedByte(x[i] * inverse + (Float(half) + 0.5)))
    unsafe codes[i] = UInt8(bitPattern: min(top, code))
  }
  return scale
}

/// Scale, minimum and codes of 32 elements.
func affineBlockTruth(
  _ x: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?, _ meanSquare: Float, levels: Float,
  _ codes: UnsafeMutablePointer<UInt8>
) -> (scale: Float, minimum: Float) {
  if let importance = unsafe importance {
    var fit: (scale: Float, minimum: Float) = (0, 0)
    unsafe weightsTruth(x, importance, meanSquare, count: 32) { weights in
      fit = unsafe affineFitTruth(
        x, weights: weights, count: 32, importanceCandidates(levels: levels), codes: codes)
    }
    return fit
  }
  var minimum = Float.greatestFiniteMagnitude
  var maximum = -Float.greatestFiniteMagnitude
  for i in 0..<32 {
    if unsafe x[i] < minimum { minimum = unsafe x[i] }
    if unsafe x[i] > maximum { maximum = unsafe x[i] }
  }
  let scale = (maximum - minimum) / levels
  let inverse = scale != 0 ? 1 / scale : 0
  for i in 0..<32 {
    let code = unsafe truncatedByte((x[i] - minimum) * inverse + 0.5)
    // Of the two reference types only the one of four bits limits its codes; the other never needs it.
    unsafe codes[i] = min(UInt8(levels), code)
  }
  return (scale, minimum)
}
