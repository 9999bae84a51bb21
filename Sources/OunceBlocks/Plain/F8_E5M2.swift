internal import CLanes
public import OunceEncoding

/// OCP 8-bit float E5M2: the upper byte of binary16, bias 15, with infinities and NaNs; largest number 57344.
///
/// Encoding rounds to nearest even; from 61440 on it gives infinity. A NaN becomes 0x7E with its sign.
/// Specification:
/// https://www.opencompute.org/documents/ocp-8-bit-floating-point-specification-ofp8-revision-1-0-2023-12-01-pdf-1
public struct F8_E5M2: WritableEncoding {
  public let name = "F8_E5M2"
  public let kind = EncodingKind.float
  public let elementsPerBlock = 1
  public let bytesPerBlock = 1
  public var safetensorsType: String? { "F8_E5M2" }
  public var words: [WordRun] { [] }
  public var nonFinite: BitPattern? { BitPattern(width: 1, exponent: 0x7C) }

  private let values: [Float]

  public init() {
    values = SmallFloat(exponentBits: 5, mantissaBits: 2, bias: 15, specials: .infinitiesAndNaNs).table()
  }

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    decodeBytes(blocks, into: &elements, values: values.span)
  }

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    let format = SmallFloat(exponentBits: 5, mantissaBits: 2, bias: 15, specials: .infinitiesAndNaNs)
    encodeWords(
      elements, into: &blocks, lanes: { lanes_narrow_u8(format.codes($0)) }, one: { UInt8(format.code($0)) })
  }
}
