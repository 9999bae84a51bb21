public import OunceEncoding

/// OCP 4-bit float E2M1: 0, ½, 1, 1½, 2, 3, 4, 6 and their negatives; two elements per byte, the first in the low bits
/// (the order of PyTorch's `float4_e2m1fn_x2`, which safetensors stores as F4).
///
/// Specification: https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf
public struct F4: Encoding {
  public let name = "F4"
  public let kind = EncodingKind.float
  public let elementsPerBlock = 2
  public let bytesPerBlock = 1
  public var safetensorsType: String? { "F4" }
  public var words: [WordRun] { [] }

  private let values: [Float]

  public init() {
    values = SmallFloat(exponentBits: 2, mantissaBits: 1, bias: 1, specials: .none).table()
  }

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    precondition(elements.count == 2 * blocks.byteCount)
    for index in blocks.byteOffsets {
      let byte = unsafe blocks.unsafeLoad(fromByteOffset: index, as: UInt8.self)
      elements[2 * index] = values[Int(byte & 15)]
      elements[2 * index + 1] = values[Int(byte >> 4)]
    }
  }
}
