internal import CLanes
public import OunceEncoding

/// 256 elements as points of a grid of 512, eight at a time, with a scale of four bits for each 16:
/// `x = d * (s + 0.5) / 4 * ±magnitude`.
///
/// | bytes | |
/// |---|---|
/// | 0–1 | `d`, binary16 |
/// | 2–65 | for each eight elements nine bits of index and seven signs |
/// | 66–73 | `s`, of even sixteens in the low nibble |
///
/// The reference refuses to encode this without importance; here the squares of the elements then weigh them.
///
/// Layout: `block_iq2_xs` of
/// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct IQ2_XS: WritableEncoding {
  public let name = "IQ2_XS"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 256
  public let bytesPerBlock = 74
  public var ggmlType: UInt32? { 17 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2, count: 33)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .half)] }

  private let grid: [UInt64]

  public init() { grid = expandedEights(gridIQ2XS, values: magnitudesIQ2) }

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachGridBlock(of: blocks, into: &elements, bytes: 74, grid) { grid, source, target in
      let d = unsafe source.half(at: 0)
      for b in 0..<16 {
        let packed = unsafe source[66 + b / 2] >> UInt8(4 * (b % 2)) & 15
        let first = unsafe UInt32(source.short(at: 2 + 4 * b))
        let second = unsafe UInt32(source.short(at: 4 + 4 * b))
        unsafe storePoints(
          grid[Int(first & 511)], grid[Int(second & 511)], signs: eightSigns(first >> 9) | eightSigns(second >> 9) << 8,
          scale: d * (0.5 + Float(packed)) * 0.25, at: target + 16 * b)
      }
    }
  }
}
