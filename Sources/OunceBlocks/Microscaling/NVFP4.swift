internal import CLanes
public import OunceEncoding

/// 64 elements as 4-bit floats E2M1 in four groups of 16 with a scale of eight bits each: `x = s * E2M1`.
///
/// | bytes | |
/// |---|---|
/// | 0–3 | the scales of the groups, unsigned E4M3 (bias 7; 0x7F counts as 0) |
/// | 4–35 | byte 4 + 8 g + j: code 16 g + j in the low, code 16 g + 8 + j in the high nibble |
///
/// The scale is the largest magnitude over 6. As in the reference, every scale from 256 on is stored as 448. A scale
/// per tensor, which the format's inventor multiplies with, is not part of the block. Importance is ignored.
///
/// Layout: `block_nvfp4` of https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct NVFP4: WritableEncoding, BlockTruth {
  public let name = "NVFP4"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 64
  public let bytesPerBlock = 36
  public var ggmlType: UInt32? { 40 }
  public var words: [WordRun] { [] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .e4m3, count: 4)] }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 36, width: 64) { source, target in
      for g in 0..<4 {
        let scale = unsafe halfScale(source[g])
        // Eight bytes twice: the low nibbles in the first lanes, the high ones in the last.
        let bytes = unsafe lanes_twice(source + 4 + 8 * g)
        unsafe lanes_store(target + 16 * g, E2M1.elements(lanes_low_then_high(bytes), scale: scale))
      }
    }
  }

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    unsafe forEachBlock(of: elements, into: &blocks, width: 64, bytes: 36) { x, target in
      for g in stride(from: 0, to: 4, by: 2) {
        let first = unsafe encodeGroup(x + 16 * g, scale: target + g)
        let second = unsafe encodeGroup(x + 16 * g + 16, scale: target + g + 1)
        let codes = lanes_first_halves(first, second) | lanes_shifted_left(lanes_last_halves(first, second), 4)
        unsafe lanes_store_bytes(target + 4 + 8 * g, lanes_narrowed(codes))
      }
    }
  }

  /// The codes of sixteen elements; stores their scale.
  @inline(__always)
  private func encodeGroup(_ x: UnsafePointer<Float>, scale target: UnsafeMutablePointer<UInt8>) -> IntLanes {
    let largest = unsafe largestMagnitude(x, count: 16)
    let code = scaleCode(largest / 6)
    unsafe target[0] = code
    let scale = halfScale(code)
    if scale == 0 { return IntLanes(repeating: 0) }
    // So far above the largest scale, the distances to several codes are the same float.
    if largest > scale * 0x1p20 {
      return unsafe IntLanes(truncatingIfNeeded: largeCodes(x, scale))
    }
    return unsafe E2M1.codes(lanes_load(x), scale: Lanes(repeating: scale))
  }

  private func largeCodes(_ x: UnsafePointer<Float>, _ scale: Float) -> SIMD16<UInt8> {
    var codes = SIMD16<UInt8>(repeating: 0)
    for i in 0..<16 { codes[i] = unsafe E2M1.codeTruth(x[i], scale: scale) }
    return codes
  }

  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    for g in 0..<4 {
      let part = unsafe x + 16 * g
      var largest: Float = 0
      for i in 0..<16 { largest = unsafe max(largest, part[i].magnitude) }
      let code = scaleCode(largest / 6)
      unsafe target[g] = code
      for i in 0..<8 {
        let low = unsafe E2M1.codeTruth(part[i], scale: halfScale(code))
        let high = unsafe E2M1.codeTruth(part[8 + i], scale: halfScale(code))
        unsafe target[4 + 8 * g + i] = low | high << 4
      }
    }
  }

  /// Half of the scale of a code, which E2M1 in halves is multiplied with.
  @inline(__always)
  private func halfScale(_ code: UInt8) -> Float {
    let field = UInt32(code >> 3) & 15
    let mantissa = UInt32(code & 7)
    if code == 0x7F { return 0 }
    if field == 0 { return Float(mantissa) * 0x1p-10 }
    return Float(bitPattern: (field + 119) << 23 | mantissa << 20)
  }

  /// Unsigned E4M3, half up; subnormals saturate at 7 steps.
  @inline(__always)
  private func scaleCode(_ value: Float) -> UInt8 {
    if !(value > 0) { return 0 }
    let bits = min(value, 448).bitPattern
    let field = Int(bits >> 23) - 120
    if field <= 0 { return UInt8(min(7, value * 512 + 0.5)) }
    let rounded = UInt32(field) << 3 + (bits >> 20) & 7 + (bits >> 19) & 1
    return field >= 15 || rounded >= 15 << 3 ? 0x7E : UInt8(rounded)
  }
}
