internal import CLanes
public import OunceEncoding

/// 32 elements as 4-bit floats E2M1 with a power of two as scale: `x = 2^(e - 127) * E2M1`.
///
/// | bytes | |
/// |---|---|
/// | 0 | `e`, E8M0 |
/// | 1–16 | byte 1 + j: code j in the low, code j + 16 in the high nibble |
///
/// The largest magnitude a gives e = floor(log2 a) - 2 + 127, with the logarithm rounded to a float first: a few floats
/// just below a power of two count as that power. Below 2^-125 this is negative, and the reference's cast of it to a
/// byte is undefined; here as on x86-64 it wraps around, and all codes are 0. Importance is ignored.
///
/// Layout: `block_mxfp4` of https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h; format:
/// https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf
public struct MXFP4: WritableEncoding, BlockTruth {
  public let name = "MXFP4"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 32
  public let bytesPerBlock = 17
  public var ggmlType: UInt32? { 39 }
  public var words: [WordRun] { [] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .e8m0)] }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 17, width: 32) { source, target in
      let scale = unsafe halfScale(source[0])
      let bytes = unsafe lanes_load_bytes(source + 1)
      unsafe lanes_store(target, E2M1.elements(lanes_low_nibbles(bytes), scale: scale))
      unsafe lanes_store(target + 16, E2M1.elements(lanes_high_nibbles(bytes), scale: scale))
    }
  }

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    unsafe forEachBlock(of: elements, into: &blocks, width: 32, bytes: 17) { x, target in
      let exponent = unsafe exponent(largestMagnitude(x, count: 32))
      let scale = Lanes(repeating: halfScale(exponent))
      let low = unsafe E2M1.codes(lanes_load(x), scale: scale)
      let high = unsafe E2M1.codes(lanes_load(x + 16), scale: scale)
      unsafe target[0] = exponent
      unsafe lanes_store_bytes(target + 1, lanes_narrowed(low | lanes_shifted_left(high, 4)))
    }
  }

  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    var largest: Float = 0
    for i in 0..<32 { largest = unsafe max(largest, x[i].magnitude) }
    let exponent = exponent(largest)
    unsafe target[0] = exponent
    for i in 0..<16 {
      let low = unsafe E2M1.codeTruth(x[i], scale: halfScale(exponent))
      let high = unsafe E2M1.codeTruth(x[16 + i], scale: halfScale(exponent))
      unsafe target[1 + i] = low | high << 4
    }
  }

  /// Half of the scale of an exponent, which E2M1 in halves is multiplied with: 2^(e - 128).
  @inline(__always)
  private func halfScale(_ exponent: UInt8) -> Float {
    Float(bitPattern: exponent < 2 ? 0x0020_0000 << UInt32(exponent) : UInt32(exponent - 1) << 23)
  }

  @inline(__always)
  private func exponent(_ largest: Float) -> UInt8 {
    largest > 0 ? UInt8(truncatingIfNeeded: floorOfLogarithm(largest) + 125) : 0
  }

  /// The integer part of the float nearest to the binary logarithm of a positive number.
  ///
  /// Below 2^k, the number (1 - j / 2^24) 2^k has a logarithm of about k - j / (2^24 ln 2). It is rounded to k when
  /// that is less than half of the distance between floats below k; so for j up to 2^m ln 2 where that distance is 2^(m
  /// - 23).
  @inline(__always)
  func floorOfLogarithm(_ value: Float) -> Int {
    let bits = value.bitPattern
    let shift = bits < 0x80_0000 ? bits.leadingZeroBitCount - 8 : 0
    let mantissa = bits < 0x80_0000 ? bits << UInt32(shift) : bits & 0x7F_FFFF | 0x80_0000
    let exponent = (bits < 0x80_0000 ? 1 - shift : Int(bits >> 23)) - 127
    let gap = 0x100_0000 - mantissa
    let next = exponent + 1
    if gap > 88 || next == 0 || next == 1 { return exponent }
    let size = UInt32(next > 0 ? next - 1 : -next)
    let reach = UInt32(0.693_147 * Float(1 << (31 - size.leadingZeroBitCount)))
    return gap <= reach ? next : exponent
  }
}
