internal import CLanes
public import OunceEncoding

/// A group of 32, 64 or 128 elements as codes of 1 to 8 bits with a scale and a bias: `x = s * code + b`.
///
/// | bytes | |
/// |---|---|
/// | 0 to w - 1 | `s`, of w = 2 or 4 bytes |
/// | w to 2 w - 1 | `b` |
/// | … | the codes, each behind the other from the lowest bit of the first byte on |
///
/// MLX has three arrays instead, `weight` of 32-bit words, `scales` and `biases`; a view weaves them together.
///
/// Values are those of `mlx.core.dequantize` on a CPU: the product is rounded to the type of the scale, and so is the
/// sum.
///
/// Format: https://ml-explore.github.io/mlx/build/html/python/_autosummary/mlx.core.quantize.html
public struct MLXAffine: Encoding {
  /// `MLX4_G64_BF16`: bits, elements of a group, type of the scale.
  public let name: String
  public let kind = EncodingKind.quantized
  public let elementsPerBlock: Int
  public let bytesPerBlock: Int
  public var words: [WordRun] { [WordRun(offset: 0, width: scale.byteCount, count: 2)] }
  /// The scale, and the bias.
  public var scales: [ScaleRun] {
    [ScaleRun(offset: 0, scale == .f16 ? .half : scale == .bf16 ? .brain : .single, count: 2)]
  }

  private let bits: Int
  private let scale: MLXRecord.Scale

  /// nil when MLX has no such groups.
  public init?(bits: Int, groupSize: Int, scale: MLXRecord.Scale) {
    guard MLXRecord.bits.contains(bits), MLXRecord.groupSizes.contains(groupSize) else { return nil }
    self.bits = bits
    self.scale = scale
    name = "MLX\(bits)_G\(groupSize)_\(scale.rawValue)"
    elementsPerBlock = groupSize
    bytesPerBlock = 2 * scale.byteCount + groupSize * bits / 8
  }

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    let (bits, width, count) = (bits, scale.byteCount, elementsPerBlock)
    unsafe withCodes(128) { codes in
      unsafe forEachBlock(of: blocks, into: &elements, bytes: bytesPerBlock, width: count) { source, target in
        unsafe Self.unpack(source + 2 * width, bits: bits, count: count, into: codes)
        switch scale {
        case .f16:
          let (s, b) = unsafe (source.half(at: 0), source.half(at: 2))
          unsafe Self.values(codes, count, s, b, into: target) { lanes_half_value(Self.widened(F16.codes($0))) }
        case .bf16:
          let s = unsafe Float(bitPattern: UInt32(source.short(at: 0)) << 16)
          let b = unsafe Float(bitPattern: UInt32(source.short(at: 2)) << 16)
          unsafe Self.values(codes, count, s, b, into: target) { MXFP8.roundedToShort($0) }
        case .f32:
          let s = unsafe Float(bitPattern: source.word(at: 0))
          let b = unsafe Float(bitPattern: source.word(at: 4))
          unsafe Self.values(codes, count, s, b, into: target) { $0 }
        }
      }
    }
  }

  @inline(__always)
  private static func values(
    _ codes: UnsafePointer<UInt8>, _ count: Int, _ scale: Float, _ bias: Float,
    into target: UnsafeMutablePointer<Float>, _ rounded: (Lanes) -> Lanes
  ) {
    let (scale, bias) = (Lanes.all(scale), Lanes.all(bias))
    for start in stride(from: 0, to: count, by: 16) {
      let code = unsafe lanes_from_integers(lanes_widened(lanes_load_bytes(codes + start)))
      unsafe lanes_store(target + start, rounded(rounded(code * scale) + bias))
    }
  }

  @inline(__always)
  private static func widened(_ shorts: SIMD16<UInt16>) -> IntLanes { IntLanes(truncatingIfNeeded: shorts) }

  /// Codes of any width, a byte each. Eight codes take as many bytes as they have bits.
  @inline(__always)
  private static func unpack(
    _ source: UnsafePointer<UInt8>, bits: Int, count: Int, into codes: UnsafeMutablePointer<UInt8>
  ) {
    switch bits {
    case 4:
      for index in 0..<count / 2 {
        let byte = unsafe source[index]
        unsafe codes[2 * index] = byte & 15
        unsafe codes[2 * index + 1] = byte >> 4
      }
    case 8: for index in 0..<count { unsafe codes[index] = source[index] }
    default:
      let mask = UInt64(1) << UInt64(bits) - 1
      for run in 0..<count / 8 {
        var word: UInt64 = 0
        for index in 0..<bits { word |= unsafe UInt64(source[run * bits + index]) << UInt64(8 * index) }
        for index in 0..<8 {
          unsafe codes[8 * run + index] = UInt8(truncatingIfNeeded: word >> UInt64(bits * index) & mask)
        }
      }
    }
  }
}
