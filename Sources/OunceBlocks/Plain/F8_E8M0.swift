public import OunceEncoding

/// OCP scale format E8M0: code c is 2^(c - 127), no sign, no zero; 0xFF is NaN.
///
/// Specification: https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf
public struct F8_E8M0: Encoding {
  public let name = "F8_E8M0"
  public let kind = EncodingKind.float
  public let elementsPerBlock = 1
  public let bytesPerBlock = 1
  public var safetensorsType: String? { "F8_E8M0" }
  public var words: [WordRun] { [] }
  public var nonFinite: BitPattern? { BitPattern(width: 1, exponent: 0xFF) }

  private let values: [Float]

  public init() {
    // 2^-127 is subnormal in binary32: half of the smallest normal number.
    values = (0..<UInt32(256)).map { code in
      code == 255 ? .nan : Float(bitPattern: code == 0 ? 1 << 22 : code << 23)
    }
  }

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    decodeBytes(blocks, into: &elements, values: values.span)
  }
}
