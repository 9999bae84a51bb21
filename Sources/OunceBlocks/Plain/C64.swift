public import OunceEncoding

/// A complex number: two binary32, the real part first.
///
/// A float cannot hold it: pipelines copy it and refuse to cast it. Decoding gives the real part, for display.
public struct C64: Encoding {
  public let name = "C64"
  public let kind = EncodingKind.complex
  public let elementsPerBlock = 1
  public let bytesPerBlock = 8
  public var safetensorsType: String? { "C64" }
  public var words: [WordRun] { [WordRun(offset: 0, width: 4, count: 2)] }
  public var nonFinite: BitPattern? { BitPattern(width: 4, exponent: 0x7F80_0000) }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    for index in elements.indices {
      elements[index] = unsafe blocks.unsafeLoadUnaligned(fromByteOffset: index * 8, as: Float.self)
    }
  }
}
