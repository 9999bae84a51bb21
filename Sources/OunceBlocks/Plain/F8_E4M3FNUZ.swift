public import OunceEncoding

/// 8-bit float E4M3 with bias 8, largest number 240, no infinities, no negative zero: 0x80 is NaN.
///
/// Definition: https://arxiv.org/abs/2206.02915
public struct F8_E4M3FNUZ: Encoding {
  public let name = "F8_E4M3FNUZ"
  public let kind = EncodingKind.float
  public let elementsPerBlock = 1
  public let bytesPerBlock = 1
  public var safetensorsType: String? { "F8_E4M3FNUZ" }
  public var words: [WordRun] { [] }
  public var nonFinite: BitPattern? { BitPattern(width: 1, mask: 0xFF, value: 0x80) }

  private let values: [Float]

  public init() {
    values = SmallFloat(exponentBits: 4, mantissaBits: 3, bias: 8, specials: .negativeZeroIsNaN).table()
  }

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    decodeBytes(blocks, into: &elements, values: values.span)
  }
}
