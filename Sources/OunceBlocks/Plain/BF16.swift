internal import CLanes
public import OunceEncoding

/// The upper half of a binary32: 8 exponent bits, 7 mantissa bits.
///
/// Decoding is exact. Encoding rounds to nearest even; beyond the largest number it gives infinity, and a NaN is made
/// quiet. ggml writes the same bits (`ggml_fp32_to_bf16`).
public struct BF16: WritableEncoding {
  public let name = "BF16"
  public let kind = EncodingKind.float
  public let elementsPerBlock = 1
  public let bytesPerBlock = 2
  public var ggmlType: UInt32? { 30 }
  public var safetensorsType: String? { "BF16" }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2)] }
  public var nonFinite: BitPattern? { BitPattern(width: 2, exponent: 0x7F80) }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 32, width: 16) { source, target in
      unsafe lanes_store(target, lanes_mask(lanes_shifted_left(lanes_load_shorts(source), 16)))
    }
    decodeLastShorts(blocks, into: &elements) { Float(bitPattern: UInt32($0) << 16) }
  }

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    encodeWords(elements, into: &blocks, lanes: Self.codes, one: Self.code)
  }

  /// The nearest code of one float.
  @inline(__always)
  static func code(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if bits & 0x7FFF_FFFF > 0x7F80_0000 { return UInt16(bits >> 16) | 64 }
    return UInt16((bits + 0x7FFF + (bits >> 16) & 1) >> 16)
  }

  /// `code` in sixteen lanes.
  @inline(__always)
  static func codes(_ values: SIMD16<Float>) -> SIMD16<UInt16> {
    let bits = lanes_bits_of(values)
    let high = bits &>> splat(16)
    let rounded = (bits &+ splat(0x7FFF) &+ (high & splat(1))) &>> splat(16)
    let isNaN = lanes_bits_less(splat(0x7F80_0000), bits & splat(0x7FFF_FFFF))
    return lanes_narrow_u16(lanes_bits_select(rounded, high | splat(64), isNaN))
  }

  @inline(__always)
  private static func splat(_ value: UInt32) -> SIMD16<UInt32> { SIMD16(repeating: value) }
}
