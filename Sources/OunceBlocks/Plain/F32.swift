public import OunceEncoding

/// IEEE 754 binary32.
public struct F32: WritableEncoding {
  public let name = "F32"
  public let kind = EncodingKind.float
  public let elementsPerBlock = 1
  public let bytesPerBlock = 4
  public var ggmlType: UInt32? { 0 }
  public var safetensorsType: String? { "F32" }
  public var words: [WordRun] { [WordRun(offset: 0, width: 4)] }
  public var nonFinite: BitPattern? { BitPattern(width: 4, exponent: 0x7F80_0000) }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    for index in elements.indices {
      elements[index] = unsafe blocks.unsafeLoadUnaligned(fromByteOffset: index * 4, as: Float.self)
    }
  }

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    for index in elements.indices {
      blocks.storeBytes(of: elements[index], toByteOffset: index * 4, as: Float.self)
    }
  }
}
