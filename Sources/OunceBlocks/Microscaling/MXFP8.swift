internal import CLanes
public import OunceEncoding

/// 32 elements as 8-bit floats E4M3 with a power of two as scale: `x = 2^(e - 127) * E4M3`.
///
/// | bytes | |
/// |---|---|
/// | 0 | `e`, E8M0 |
/// | 1–32 | the codes |
///
/// Values are those of MLX, which computes them in bfloat16: the very small ones are rounded, and the scale 0xFF is
/// infinity. ggml has no such type.
///
/// Format: https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf
public struct MXFP8: Encoding {
  public let name = "MXFP8"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 32
  public let bytesPerBlock = 33
  public var words: [WordRun] { [] }

  private let values: [Float]

  public init() {
    values = SmallFloat(exponentBits: 4, mantissaBits: 3, bias: 7, specials: .allOnesIsNaN).table()
  }

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe values.withUnsafeBufferPointer { values in
      unsafe forEachBlock(of: blocks, into: &elements, bytes: 33, width: 32) { source, target in
        let exponent = unsafe UInt32(source[0])
        let scale = Lanes.all(Float(bitPattern: exponent == 0 ? 1 << 22 : exponent << 23))
        for index in 0..<32 { unsafe target[index] = values[Int(source[1 + index])] }
        for start in stride(from: 0, to: 32, by: 16) {
          unsafe lanes_store(target + start, Self.roundedToShort(lanes_load(target + start) * scale))
        }
      }
    }
  }

  /// The nearest numbers of bfloat16, ties to even.
  @inline(__always)
  static func roundedToShort(_ values: Lanes) -> Lanes {
    let bits = lanes_bits_of(values)
    let magnitude = bits & splat(0x7FFF_FFFF)
    let rounded = (bits &+ splat(0x7FFF) &+ (bits &>> splat(16) & splat(1))) & splat(0xFFFF_0000)
    let isNaN = lanes_bits_less(splat(0x7F80_0000), magnitude)
    return lanes_float_of(lanes_bits_select(rounded, bits, isNaN))
  }

  @inline(__always)
  private static func splat(_ value: UInt32) -> SIMD16<UInt32> { SIMD16(repeating: value) }
}
