internal import CLanes
public import OunceEncoding

/// 256 elements as codes of six bits in sixteen sub-blocks of 16 with a scale each: `x = d * s * (code - 32)`.
///
/// | bytes | |
/// |---|---|
/// | 0–127 | byte 64 h + i: the low four bits of code 128 h + i and, above, of code 128 h + 64 + i, i from 0 to 63 |
/// | 128–191 | byte 32 h + i: the high two bits of codes 128 h + i, + 32, + 64 and + 96, i from 0 to 31 |
/// | 192–207 | sixteen `s`, signed bytes |
/// | 208–209 | `d`, binary16 |
///
/// Layout: `block_q6_K` of https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct Q6_K: WritableEncoding, BlockTruth {
  public let name = "Q6_K"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 256
  public let bytesPerBlock = 210
  public var ggmlType: UInt32? { 14 }
  public var words: [WordRun] { [WordRun(offset: 208, width: 2)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 208, .half)] }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 210, width: 256) { source, target in
      let d = unsafe source.half(at: 208)
      for h in 0..<2 {
        for i in stride(from: 0, to: 32, by: 16) {
          let first = unsafe loadNibbles(source + 64 * h + i)
          let second = unsafe loadNibbles(source + 64 * h + 32 + i)
          let top = unsafe lanes_widened(lanes_load_bytes(source + 128 + 32 * h + i))
          let scales = unsafe source + 192 + 8 * h + i / 16
          let out = unsafe target + 128 * h + i
          unsafe decodeRow(out, first.low, lanes_shifted_left(top, 4), d * Float(Int8(bitPattern: scales[0])))
          unsafe decodeRow(out + 32, second.low, lanes_shifted_left(top, 2), d * Float(Int8(bitPattern: scales[2])))
          unsafe decodeRow(out + 64, first.high, top, d * Float(Int8(bitPattern: scales[4])))
          unsafe decodeRow(
            out + 96, second.high, lanes_shifted_right(top, 2), d * Float(Int8(bitPattern: scales[6])))
        }
      }
    }
  }

  /// Sixteen elements: `low` has four bits of the codes, `top` the two bits above in their place.
  @inline(__always)
  private func decodeRow(_ target: UnsafeMutablePointer<Float>, _ low: IntLanes, _ top: IntLanes, _ scale: Float) {
    let codes = lanes_from_integers(lanes_or(low, lanes_bits(top, 48))) - 32
    unsafe lanes_store(target, Lanes.all(scale) * codes)
  }

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    unsafe withRows(elements, columns: columns, importance: importance, into: &blocks) { rows in
      unsafe Workspace.with { workspace in
        unsafe forEachGroup(of: rows, size: 16, workspace) { group in
          unsafe encodeGroup(group, workspace)
        }
      }
    }
  }

  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    unsafe target.update(repeating: 0, count: 210)
    unsafe withCodes(256) { codes in
      unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 16) { scales in
        var peak: Float = 0
        for j in 0..<16 {
          let scale = unsafe symmetricFitTruth(
            x + 16 * j, weights: importance.map { unsafe $0 + 16 * j }, count: 16, half: 32, codes: codes + 16 * j)
          unsafe scales.initializeElement(at: j, to: scale)
          if scale.magnitude > peak.magnitude { peak = scale }
        }
        if peak.magnitude < negligible { return }
        let inverse = -128 / peak
        unsafe target.storeHalf(1 / inverse, at: 208)
        let d = throughHalf(1 / inverse)
        for j in 0..<16 {
          let packed = unsafe Int8(truncatingIfNeeded: min(127, nearestInteger(inverse * scales[j])))
          unsafe target[192 + j] = UInt8(bitPattern: packed)
          let scale = d * Float(packed)
          if scale == 0 { continue }
          for i in 16 * j..<16 * j + 16 {
            unsafe codes[i] = UInt8(clamp(nearestInteger(x[i] / scale), -32, 31) + 32)
          }
        }
        for h in 0..<2 {
          for i in 0..<64 {
            unsafe target[64 * h + i] = codes[128 * h + i] & 15 | codes[128 * h + 64 + i] << 4
          }
          for i in 0..<32 {
            let row = unsafe codes + 128 * h + i
            unsafe target[128 + 32 * h + i] =
              row[0] >> 4 | (row[32] >> 4) << 2 | (row[64] >> 4) << 4 | (row[96] >> 4) << 6
          }
        }
      }
    }
  }
}
