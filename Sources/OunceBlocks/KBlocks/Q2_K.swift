internal import CLanes
public import OunceEncoding

/// 256 elements as codes of two bits in sixteen sub-blocks of 16 with a scale and a minimum of four bits each:
/// `x = d * s * code - dmin * m`.
///
/// | bytes | |
/// |---|---|
/// | 0–15 | byte j: `s` of sub-block j in the low, `m` in the high nibble |
/// | 16–79 | byte 16 + 32 h + i: codes 128 h + i, + 32, + 64 and + 96, from the low bits up |
/// | 80–81 | `d`, binary16 |
/// | 82–83 | `dmin`, binary16 |
///
/// Layout: `block_q2_K` of https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct Q2_K: WritableEncoding, BlockTruth {
  public let name = "Q2_K"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 256
  public let bytesPerBlock = 84
  public var ggmlType: UInt32? { 10 }
  public var words: [WordRun] { [WordRun(offset: 80, width: 2, count: 2)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 80, .half, count: 2)] }

  /// The search without importance.
  static let candidates = AffineCandidates(levels: 3, first: -0.5, step: 0.1, steps: 15, byMagnitude: true)

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 84, width: 256) { source, target in
      let d = unsafe source.half(at: 80)
      let dmin = unsafe source.half(at: 82)
      for h in 0..<2 {
        for i in stride(from: 0, to: 32, by: 16) {
          let bytes = unsafe lanes_widened(lanes_load_bytes(source + 16 + 32 * h + i))
          for n in 0..<4 {
            let packed = unsafe source[8 * h + 2 * n + i / 16]
            let code = lanes_from_integers(lanes_bits(lanes_shifted_right(bytes, Int32(2 * n)), 3))
            let scale = Lanes.all(d * Float(packed & 15))
            unsafe lanes_store(target + 128 * h + 32 * n + i, scale * code - dmin * Float(packed >> 4))
          }
        }
      }
    }
  }

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    unsafe withRows(elements, columns: columns, importance: importance, into: &blocks) { rows in
      unsafe Workspace.with { workspace in
        unsafe forEachGroup(of: rows, size: 16, workspace) { unsafe encodeGroup($0, workspace) }
      }
    }
  }

  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 64) { floats in
      unsafe floats.initialize(repeating: 0)
      guard let scales = floats.baseAddress else { return }
      let minima = unsafe scales + 16
      let sums = unsafe scales + 32
      let sizes = unsafe scales + 48
      var squares: Float = 0
      for i in 0..<256 { unsafe squares += x[i] * x[i] }
      unsafe withCodes(256) { codes in
        for j in 0..<16 {
          let part = unsafe x + 16 * j
          let fit: (scale: Float, minimum: Float)
          if let importance = unsafe importance {
            fit = unsafe fitByImportance(part, importance + 16 * j, squares / 256, codes + 16 * j, sums + j)
          } else {
            for i in 0..<16 { unsafe sizes[i] = part[i].magnitude }
            fit = unsafe affineFitTruth(part, weights: sizes, count: 16, Self.candidates, codes: codes + 16 * j)
          }
          unsafe scales[j] = fit.scale
          unsafe minima[j] = -fit.minimum
        }
        unsafe packTruth(scales, minima, importance == nil ? nil : sums, target)
        unsafe recodeTruth(x, codes, target)
        unsafe storeTwoBitsTruth(codes, at: target + 16)
      }
    }
  }

  private func fitByImportance(
    _ x: UnsafePointer<Float>, _ importance: UnsafePointer<Float>, _ spread: Float,
    _ codes: UnsafeMutablePointer<UInt8>, _ sum: UnsafeMutablePointer<Float>
  ) -> (scale: Float, minimum: Float) {
    var fit: (scale: Float, minimum: Float) = (0, 0)
    unsafe weightsTruth(x, importance, spread, count: 16) { weights in
      for i in 0..<16 { unsafe sum[0] += weights[i] }
      fit = unsafe affineFitTruth(x, weights: weights, count: 16, importanceCandidates(levels: 3), codes: codes)
    }
    return fit
  }

  /// Packs scales and minima by their maximum, or by a search with `sums` of the weights.
  private func packTruth(
    _ scales: UnsafePointer<Float>, _ minima: UnsafePointer<Float>, _ sums: UnsafePointer<Float>?,
    _ target: UnsafeMutablePointer<UInt8>
  ) {
    unsafe withCodes(32) { packed in
      if let sums = unsafe sums {
        unsafe target.storeHalf(positiveFitTruth(scales, weights: sums, count: 16, levels: 15, codes: packed), at: 80)
        unsafe target.storeHalf(
          positiveFitTruth(minima, weights: sums, count: 16, levels: 15, codes: packed + 16), at: 82)
      } else {
        unsafe target.storeHalf(packByMaximumTruth(scales, packed), at: 80)
        unsafe target.storeHalf(packByMaximumTruth(minima, packed + 16), at: 82)
      }
      // As in the reference, a scale that is no nibble spills into the minimum.
      for j in 0..<16 { unsafe target[j] = packed[j] | packed[16 + j] << 4 }
    }
  }

  private func packByMaximumTruth(_ values: UnsafePointer<Float>, _ packed: UnsafeMutablePointer<UInt8>) -> Float {
    var largest: Float = 0
    for j in 0..<16 where unsafe values[j] > largest { largest = unsafe values[j] }
    if largest <= 0 { return 0 }
    for j in 0..<16 { unsafe packed[j] = UInt8(truncatingIfNeeded: nearestInteger(15 / largest * values[j])) }
    return largest / 15
  }

  private func recodeTruth(
    _ x: UnsafePointer<Float>, _ codes: UnsafeMutablePointer<UInt8>, _ stored: UnsafePointer<UInt8>
  ) {
    for j in 0..<16 {
      let scale = unsafe stored.half(at: 80) * Float(stored[j] & 15)
      if scale == 0 { continue }
      let minimum = unsafe stored.half(at: 82) * Float(stored[j] >> 4)
      for i in 16 * j..<16 * j + 16 {
        unsafe codes[i] = UInt8(clamp(nearestInteger((x[i] + minimum) / scale), 0, 3))
      }
    }
  }
}
