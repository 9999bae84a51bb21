internal import CLanes
public import OunceEncoding

/// IEEE 754 binary16: 5 exponent bits with bias 15, 10 mantissa bits.
///
/// Decoding is exact. Encoding rounds to nearest even, subnormals included; from 65520 on it gives infinity.
/// ggml writes the same bits (`ggml_fp32_to_fp16`); a NaN becomes 0x7E00 with its sign.
/// `Float16` is absent on Intel Macs and a library call on the x86-64 baseline: this works on the bits.
public struct F16: WritableEncoding {
  public let name = "F16"
  public let kind = EncodingKind.float
  public let elementsPerBlock = 1
  public let bytesPerBlock = 2
  public var ggmlType: UInt32? { 1 }
  public var safetensorsType: String? { "F16" }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2)] }
  public var nonFinite: BitPattern? { BitPattern(width: 2, exponent: 0x7C00) }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 32, width: 16) { source, target in
      unsafe lanes_store(target, lanes_half_value(lanes_load_shorts(source)))
    }
    decodeLastShorts(blocks, into: &elements, one: Self.float)
  }

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    encodeWords(elements, into: &blocks, lanes: Self.codes, one: Self.code)
  }

  @inline(__always)
  private static var format: SmallFloat {
    SmallFloat(exponentBits: 5, mantissaBits: 10, bias: 15, specials: .infinitiesAndNaNs)
  }

  /// The nearest code of one float.
  @inline(__always)
  static func code(_ value: Float) -> UInt16 { UInt16(format.code(value)) }

  /// `code` in sixteen lanes.
  @inline(__always)
  static func codes(_ values: SIMD16<Float>) -> SIMD16<UInt16> { lanes_narrow_u16(format.codes(values)) }

  /// The value of one code; a NaN keeps its payload.
  @inline(__always)
  static func float(_ code: UInt16) -> Float {
    let magnitude = UInt32(code & 0x7FFF) << 13
    let sign = UInt32(code & 0x8000) << 16
    if magnitude < 1 << 23 {
      // Placed below 2^-14's exponent, the mantissa counts steps of 2^-24 above 2^-14.
      let step = Float(bitPattern: magnitude + 113 << 23) - Float(bitPattern: 113 << 23)
      return Float(bitPattern: step.bitPattern | sign)
    }
    let exponent: UInt32 = magnitude < 0x7C00 << 13 ? 112 << 23 : 224 << 23
    return Float(bitPattern: (magnitude + exponent) | sign)
  }
}
