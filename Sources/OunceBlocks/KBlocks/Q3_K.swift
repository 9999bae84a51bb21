internal import CLanes
public import OunceEncoding

/// 256 elements as codes of three bits in sixteen sub-blocks of 16 with a scale of six bits each:
/// `x = d * (s - 32) * (code - 4)`.
///
/// | bytes | |
/// |---|---|
/// | 0–31 | bit k of byte i: the third bit of code 32 k + i |
/// | 32–95 | byte 32 h + i: the low two bits of codes 128 h + i, + 32, + 64 and + 96, from the low bits up |
/// | 96–103 | byte j: the low four bits of `s` of sub-block j and, above, of sub-block j + 8 |
/// | 104–107 | byte j % 4, bits 2 (j / 4): the high two bits of `s` of sub-block j |
/// | 108–109 | `d`, binary16 |
///
/// Layout: `block_q3_K` of https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct Q3_K: WritableEncoding, BlockTruth {
  public let name = "Q3_K"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 256
  public let bytesPerBlock = 110
  public var ggmlType: UInt32? { 11 }
  public var words: [WordRun] { [WordRun(offset: 108, width: 2)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 108, .half)] }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 110, width: 256) { source, target in
      let d = unsafe source.half(at: 108)
      for i in stride(from: 0, to: 32, by: 16) {
        let third = unsafe lanes_widened(lanes_load_bytes(source + i))
        for h in 0..<2 {
          let low = unsafe lanes_widened(lanes_load_bytes(source + 32 + 32 * h + i))
          for n in 0..<4 {
            let row = 4 * h + n
            let bit = lanes_bits(lanes_shifted_right(third, Int32(row)), 1)
            let code = lanes_or(
              lanes_bits(lanes_shifted_right(low, Int32(2 * n)), 3), lanes_shifted_left(bit, 2))
            let scale = unsafe d * Float(packedScale(source + 96, 2 * row + i / 16))
            unsafe lanes_store(target + 32 * row + i, Lanes.all(scale) * (lanes_from_integers(code) - 4))
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

  /// `s - 32` of sub-block j.
  @inline(__always)
  private func packedScale(_ source: UnsafePointer<UInt8>, _ j: Int) -> Int32 {
    let low = unsafe j < 8 ? source[j] & 15 : source[j - 8] >> 4
    let high = unsafe source[8 + j % 4] >> UInt8(2 * (j / 4)) & 3
    return Int32(low | high << 4) - 32
  }

  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 32) { floats in
      unsafe floats.initialize(repeating: 0)
      guard let scales = floats.baseAddress else { return }
      let sums = unsafe scales + 16
      var squares: Float = 0
      for i in 0..<256 { unsafe squares += x[i] * x[i] }
      unsafe withCodes(256 + 16) { codes in
        for j in 0..<16 {
          let part = unsafe x + 16 * j
          guard let importance = unsafe importance else {
            unsafe scales[j] = refinedFitTruth(part, half: 4, codes: codes + 16 * j)
            continue
          }
          unsafe weightsTruth(part, importance + 16 * j, 2 * squares / 256, count: 16) { weights in
            for i in 0..<16 { unsafe sums[j] += weights[i] }
            unsafe scales[j] = symmetricFitTruth(part, weights: weights, count: 16, half: 4, codes: codes + 16 * j)
          }
        }
        let packed = unsafe codes + 256
        let d =
          unsafe importance == nil
          ? packByPeakTruth(scales, packed)
          : symmetricFitTruth(scales, weights: sums, count: 16, half: 32, codes: packed)
        unsafe target.storeHalf(d, at: 108)
        for j in 0..<16 {
          let scale = unsafe throughHalf(d) * Float(Int32(packed[j]) - 32)
          if scale == 0 { continue }
          for i in 16 * j..<16 * j + 16 {
            unsafe codes[i] = UInt8(clamp(nearestInteger(x[i] / scale), -4, 3) + 4)
          }
        }
        unsafe storeTruth(codes, packed, target)
      }
    }
  }

  private func packByPeakTruth(_ scales: UnsafePointer<Float>, _ packed: UnsafeMutablePointer<UInt8>) -> Float {
    var peak: Float = 0
    for j in 0..<16 where unsafe scales[j].magnitude > peak.magnitude { peak = unsafe scales[j] }
    if peak == 0 { return 0 }
    let inverse = -32 / peak
    for j in 0..<16 { unsafe packed[j] = UInt8(clamp(nearestInteger(inverse * scales[j]), -32, 31) + 32) }
    return 1 / inverse
  }

  private func storeTruth(
    _ codes: UnsafePointer<UInt8>, _ packed: UnsafePointer<UInt8>, _ target: UnsafeMutablePointer<UInt8>
  ) {
    for i in 0..<32 {
      var third: UInt8 = 0
      for k in 0..<8 { unsafe third |= (codes[32 * k + i] >> 2) << UInt8(k) }
      unsafe target[i] = third
    }
    unsafe storeTwoBitsTruth(codes, at: target + 32)
    for j in 0..<8 { unsafe target[96 + j] = packed[j] & 15 | packed[j + 8] << 4 }
    for j in 0..<4 {
      unsafe target[104 + j] =
        packed[j] >> 4 | (packed[j + 4] >> 4) << 2 | (packed[j + 8] >> 4) << 4 | (packed[j + 12] >> 4) << 6
    }
  }
}
