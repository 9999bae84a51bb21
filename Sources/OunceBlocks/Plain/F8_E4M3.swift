internal import CLanes
public import OunceEncoding

/// OCP 8-bit float E4M3 (`float8_e4m3fn`): bias 7, largest number 448, no infinities, NaN is 0x7F and 0xFF.
///
/// Encoding rounds to nearest even; what rounds beyond 448 (from just above 464) becomes NaN, as `ml_dtypes` casts it.
/// Specification:
/// https://www.opencompute.org/documents/ocp-8-bit-floating-point-specification-ofp8-revision-1-0-2023-12-01-pdf-1
public struct F8_E4M3: WritableEncoding {
  public let name = "F8_E4M3"
  public let kind = EncodingKind.float
  public let elementsPerBlock = 1
  public let bytesPerBlock = 1
  public var safetensorsType: String? { "F8_E4M3" }
  public var words: [WordRun] { [] }
  public var nonFinite: BitPattern? { BitPattern(width: 1, exponent: 0x7F) }

  private let values: [Float]

  public init() {
    values = SmallFloat(exponentBits: 4, mantissaBits: 3, bias: 7, specials: .allOnesIsNaN).table()
  }

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    decodeBytes(blocks, into: &elements, values: values.span)
  }

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    let format = SmallFloat(exponentBits: 4, mantissaBits: 3, bias: 7, specials: .allOnesIsNaN)
    encodeWords(
      elements, into: &blocks, lanes: { lanes_narrow_u8(format.codes($0)) }, one: { UInt8(format.code($0)) })
  }
}
