public import OunceEncoding

/// IEEE 754 binary64. Decoding rounds to the nearest float, ties to even; beyond the largest float it gives infinity.
/// Encoding is exact.
public struct F64: WritableEncoding {
  public let name = "F64"
  public let kind = EncodingKind.float
  public let elementsPerBlock = 1
  public let bytesPerBlock = 8
  public var ggmlType: UInt32? { 28 }
  public var safetensorsType: String? { "F64" }
  public var words: [WordRun] { [WordRun(offset: 0, width: 8)] }
  public var nonFinite: BitPattern? { BitPattern(width: 8, exponent: 0x7FF0_0000_0000_0000) }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    for index in elements.indices {
      elements[index] = unsafe Float(blocks.unsafeLoadUnaligned(fromByteOffset: index * 8, as: Double.self))
    }
  }

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    for index in elements.indices {
      blocks.storeBytes(of: Double(elements[index]), toByteOffset: index * 8, as: Double.self)
    }
  }
}
