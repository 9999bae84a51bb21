public import OunceEncoding

/// OCP 6-bit float E3M2: bias 3, largest number 28, finite numbers only; four elements in three bytes.
///
/// Neither the specification nor safetensors fixes the packing; this reads little-endian bit order: element i of a
/// block is in bits 6i to 6i + 5 of the 24-bit little-endian word.
/// Specification: https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf
public struct F6_E3M2: Encoding {
  public let name = "F6_E3M2"
  public let kind = EncodingKind.float
  public let elementsPerBlock = 4
  public let bytesPerBlock = 3
  public var safetensorsType: String? { "F6_E3M2" }
  public var words: [WordRun] { [] }

  private let values: [Float]

  public init() {
    values = SmallFloat(exponentBits: 3, mantissaBits: 2, bias: 3, specials: .none).table()
  }

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    decodeSixBits(blocks, into: &elements, values: values.span)
  }
}
