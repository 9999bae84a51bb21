// What the super-blocks of 256 with scales and minima share: eight sub-blocks of 32, one block at a time.
// The truth the lanes are tested against; quantize_row_q4_K_ref, quantize_row_q4_K_impl and their siblings of
// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c.

/// Fits and packs the scales of one super-block and gives its 256 codes.
///
/// - Parameters:
///   - candidates: the search without importance.
///   - limited: whether searched six-bit scales are limited to 63: Q5_K does, Q4_K does not. It matters only where the
///     reference's bytes wrap around.
///   - target: receives `d`, `dmin` and the twelve bytes of scales.
func affineSuperBlockTruth(
  _ x: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?, _ candidates: AffineCandidates, limited: Bool,
  codes: UnsafeMutablePointer<UInt8>, into target: UnsafeMutablePointer<UInt8>
) {
  unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 24 + 32) { floats in
    unsafe floats.initialize(repeating: 0)
    guard let scales = floats.baseAddress else { return }
    let minima = unsafe scales + 8
    let sums = unsafe scales + 16
    let weights = unsafe scales + 24
    var squares: Float = 0
    for i in 0..<256 { unsafe squares += x[i] * x[i] }
    for j in 0..<8 {
      let part = unsafe x + 32 * j
      if let importance = unsafe importance {
        let spread = 2 * squares / 256
        for i in 0..<32 {
          unsafe weights[i] = importance[32 * j + i] * (spread + part[i] * part[i]).squareRoot()
        }
      } else {
        var own: Float = 0
        for i in 0..<32 { unsafe own += part[i] * part[i] }
        let root = (own / 32).squareRoot()
        for i in 0..<32 { unsafe weights[i] = root + part[i].magnitude }
      }
      for i in 0..<32 { unsafe sums[j] += weights[i] }
      let search = unsafe importance == nil ? candidates : importanceCandidates(levels: candidates.levels)
      let fit = unsafe affineFitTruth(part, weights: weights, count: 32, search, codes: codes + 32 * j)
      unsafe scales[j] = fit.scale
      unsafe minima[j] = -fit.minimum
    }
    unsafe packScalesTruth(scales, minima, sums, searched: importance != nil, limited: limited, into: target)
  }
  unsafe recodeTruth(x, Int32(candidates.levels), target, codes: codes)
}

/// Quantizes the scales and minima to six bits: by their maximum, or `searched` with the sums of the weights.
private func packScalesTruth(
  _ scales: UnsafePointer<Float>, _ minima: UnsafePointer<Float>, _ sums: UnsafePointer<Float>, searched: Bool,
  limited: Bool, into target: UnsafeMutablePointer<UInt8>
) {
  unsafe withCodes(16) { packed in
    if searched {
      unsafe target.storeHalf(positiveFitTruth(scales, weights: sums, count: 8, levels: 63, codes: packed), at: 0)
      unsafe target.storeHalf(positiveFitTruth(minima, weights: sums, count: 8, levels: 63, codes: packed + 8), at: 2)
      if limited { for j in 0..<16 { unsafe packed[j] = min(63, packed[j]) } }
    } else {
      unsafe target.storeHalf(packByMaximumTruth(scales, packed), at: 0)
      unsafe target.storeHalf(packByMaximumTruth(minima, packed + 8), at: 2)
    }
    unsafe storeSixBitScales(packed, packed + 8, at: target + 4)
  }
}

private func packByMaximumTruth(_ values: UnsafePointer<Float>, _ packed: UnsafeMutablePointer<UInt8>) -> Float {
  var largest: Float = 0
  for j in 0..<8 where unsafe values[j] > largest { largest = unsafe values[j] }
  let inverse = largest > 0 ? 63 / largest : 0
  for j in 0..<8 { unsafe packed[j] = min(63, UInt8(truncatingIfNeeded: nearestInteger(inverse * values[j]))) }
  return largest / 63
}

/// The codes again, with the scales as they were stored; a sub-block whose stored scale is zero keeps its codes.
private func recodeTruth(
  _ x: UnsafePointer<Float>, _ levels: Int32, _ stored: UnsafePointer<UInt8>, codes: UnsafeMutablePointer<UInt8>
) {
  for j in 0..<8 {
    let packed = unsafe loadSixBitScale(stored + 4, j)
    let scale = unsafe stored.half(at: 0) * packed.scale
    if scale == 0 { continue }
    let minimum = unsafe stored.half(at: 2) * packed.minimum
    for i in 32 * j..<32 * j + 32 {
      unsafe codes[i] = UInt8(clamp(nearestInteger((x[i] + minimum) / scale), 0, levels))
    }
  }
}

/// Stores the low four bits of 256 codes: byte 32 g + i holds code 64 g + i and, above, code 64 g + 32 + i.
func storeNibblePairs(_ codes: UnsafePointer<UInt8>, at target: UnsafeMutablePointer<UInt8>) {
  for g in 0..<4 {
    for i in 0..<32 { unsafe target[32 * g + i] = codes[64 * g + i] & 15 | codes[64 * g + 32 + i] << 4 }
  }
}
