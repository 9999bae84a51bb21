internal import CLanes
public import OunceEncoding

/// 256 elements as points of a grid of 2048, eight at a time and each with a shift, and a scale of three bits for each
/// 16:
/// `x = d * (2 s + 1) * (digit ± 1/8)`, digits being -1, 0 and 1.
///
/// | bytes | |
/// |---|---|
/// | 0–31 | the low eight bits of the indices |
/// | 32–47 | for each eight elements a nibble: three high bits of the index, and the sign of the shift |
/// | 48–55 | four shorts of four times three bits of `s`; their top nibbles, the first one lowest, are `d`, binary16 |
///
/// Layout: `block_iq1_m` of
/// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct IQ1_M: WritableEncoding {
  public let name = "IQ1_M"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 256
  public let bytesPerBlock = 56
  public var ggmlType: UInt32? { 29 }
  public var words: [WordRun] { [WordRun(offset: 48, width: 2, count: 4)] }
  // The scale is spread over the upper four bits of four words.
  public var scales: [ScaleRun] { [ScaleRun(offset: 48, .scattered)] }

  private let grid: [UInt64]

  public init() { grid = expandedEights(gridIQ1S, values: [-1, 0, 1, 0]) }

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachGridBlock(of: blocks, into: &elements, bytes: 56, grid) { grid, source, target in
      let top = unsafe source.short(at: 48) >> 12 | source.short(at: 50) >> 8 & 0xF0
      let d = unsafe halfValue(top | source.short(at: 52) >> 4 & 0xF00 | source.short(at: 54) & 0xF000)
      for b in 0..<16 {
        let packed = unsafe source.short(at: 48 + b / 4 * 2) >> UInt16(3 * (b % 4)) & 7
        let scale = d * Float(2 * packed + 1)
        let high = unsafe Int(source[32 + b])
        let first = unsafe Int(source[2 * b]) | (high & 7) << 8
        let second = unsafe Int(source[2 * b + 1]) | (high >> 4 & 7) << 8
        let digits = unsafe lanes_widened_signed(lanes_from_words(grid[first], grid[second]))
        // A shift is 1/8, and the bit its sign.
        let negative = (high & 8 == 0 ? 0 : 0x00FF) | (high & 0x80 == 0 ? 0 : 0xFF00) as UInt32
        let shift = lanes_mask(lanes_unmask(Lanes.all(0.125)) ^ lanes_where_bit(negative, .min))
        unsafe lanes_store(target + 16 * b, Lanes.all(scale) * (lanes_from_integers(digits) + shift))
      }
    }
  }
}
