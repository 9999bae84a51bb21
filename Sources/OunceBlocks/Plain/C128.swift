public import OunceEncoding

/// A complex number: two binary64, the real part first. PyTorch and NumPy call it complex128.
///
/// A float cannot hold it: pipelines copy it and refuse to cast it. Decoding gives the real part, for display.
public struct C128: Encoding {
  public let name = "C128"
  public let kind = EncodingKind.complex
  public let elementsPerBlock = 1
  public let bytesPerBlock = 16
  public var words: [WordRun] { [WordRun(offset: 0, width: 8, count: 2)] }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    for index in elements.indices {
      elements[index] = Float(unsafe blocks.unsafeLoadUnaligned(fromByteOffset: index * 16, as: Double.self))
    }
  }
}
