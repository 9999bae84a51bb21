internal import CLanes
public import OunceEncoding

/// 256 elements as points of a grid of 1024, eight at a time, with a scale of four bits for each 16:
/// `x = d * (s + 0.5) / 4 * ±magnitude`.
///
/// | bytes | |
/// |---|---|
/// | 0–1 | `d`, binary16 |
/// | 2–33 | the low eight bits of the indices |
/// | 34–65 | signs, a byte for each eight elements |
/// | 66–73 | the high two bits of the indices, a byte for each 32 elements |
/// | 74–81 | `s`, of even sixteens in the low nibble |
///
/// Layout: `block_iq2_s` of
/// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct IQ2_S: WritableEncoding {
  public let name = "IQ2_S"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 256
  public let bytesPerBlock = 82
  public var ggmlType: UInt32? { 22 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .half)] }

  private let grid: [UInt64]

  public init() { grid = expandedEights(gridIQ2S, values: magnitudesIQ2) }

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachGridBlock(of: blocks, into: &elements, bytes: 82, grid) { grid, source, target in
      let d = unsafe source.half(at: 0)
      for b in 0..<16 {
        let packed = unsafe source[74 + b / 2] >> UInt8(4 * (b % 2)) & 15
        let high = unsafe Int(source[66 + b / 2]) >> (4 * (b % 2))
        let first = unsafe Int(source[2 + 2 * b]) | (high & 3) << 8
        let second = unsafe Int(source[3 + 2 * b]) | (high >> 2 & 3) << 8
        unsafe storePoints(
          grid[first], grid[second], signs: UInt32(source.short(at: 34 + 2 * b)),
          scale: d * (0.5 + Float(packed)) * 0.25, at: target + 16 * b)
      }
    }
  }
}
