public import OunceEncoding

/// One byte per truth value; decoding gives 0 for zero and 1 for anything else. Copied, never cast.
public struct BOOL: Encoding {
  public let name = "BOOL"
  public let kind = EncodingKind.integer
  public let elementsPerBlock = 1
  public let bytesPerBlock = 1
  public var safetensorsType: String? { "BOOL" }
  public var words: [WordRun] { [] }
  public var hasForbiddenBits: Bool { true }

  public init() {}

  /// A truth value is 0 or 1.
  public func isForbidden(_ block: RawSpan) -> Bool { unsafe block.unsafeLoad(as: UInt8.self) > 1 }

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    precondition(elements.count == blocks.byteCount)
    for index in elements.indices {
      elements[index] = unsafe blocks.unsafeLoad(fromByteOffset: index, as: UInt8.self) == 0 ? 0 : 1
    }
  }
}
