internal import CLanes
public import OunceEncoding

/// 256 elements as points of a grid of 2048, eight at a time, with a scale of three bits and a shift for each 32:
/// `x = d * (2 s + 1) * (digit ± 1/8)`, digits being -1, 0 and 1.
///
/// | bytes | |
/// |---|---|
/// | 0–1 | `d`, binary16 |
/// | 2–33 | the low eight bits of the indices |
/// | 34–49 | per 32 elements a short: four times three high index bits, three bits of `s`, the sign of the shift |
///
/// The reference refuses to encode this without importance; here the squares of the elements then weigh them.
///
/// Layout: `block_iq1_s` of
/// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct IQ1_S: WritableEncoding {
  public let name = "IQ1_S"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 256
  public let bytesPerBlock = 50
  public var ggmlType: UInt32? { 19 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2), WordRun(offset: 34, width: 2, count: 8)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .half)] }

  private let grid: [UInt64]

  public init() { grid = expandedEights(gridIQ1S, values: [-1, 0, 1, 0]) }

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachGridBlock(of: blocks, into: &elements, bytes: 50, grid) { grid, source, target in
      let d = unsafe source.half(at: 0)
      for b in 0..<8 {
        let high = unsafe Int(source.short(at: 34 + 2 * b))
        let scale = d * Float(2 * (high >> 12 & 7) + 1)
        let shift = Lanes.all(high & 0x8000 == 0 ? 0.125 : -0.125)
        for n in stride(from: 0, to: 4, by: 2) {
          let first = unsafe Int(source[2 + 4 * b + n]) | (high >> (3 * n) & 7) << 8
          let second = unsafe Int(source[3 + 4 * b + n]) | (high >> (3 * n + 3) & 7) << 8
          let digits = unsafe lanes_widened_signed(lanes_from_words(grid[first], grid[second]))
          unsafe lanes_store(target + 32 * b + 8 * n, Lanes.all(scale) * (lanes_from_integers(digits) + shift))
        }
      }
    }
  }
}
