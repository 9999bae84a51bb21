internal import CLanes
public import OunceEncoding

/// 256 elements as points of a grid of 256, four at a time, with a scale of four bits for each 32:
/// `x = d * (s + 0.5) / 2 * ±magnitude`.
///
/// | bytes | |
/// |---|---|
/// | 0–1 | `d`, binary16 |
/// | 2–65 | indices |
/// | 66–97 | for each 32 elements a word of four times seven signs and, on top, `s` |
///
/// Layout: `block_iq3_xxs` of
/// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct IQ3_XXS: WritableEncoding {
  public let name = "IQ3_XXS"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 256
  public let bytesPerBlock = 98
  public var ggmlType: UInt32? { 18 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2), WordRun(offset: 66, width: 4, count: 8)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .half)] }

  private let grid: [UInt32]

  public init() { grid = expandedFours(gridIQ3XXS, values: [4, 12, 20, 28, 36, 44, 52, 62]) }

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachGridBlock(of: blocks, into: &elements, bytes: 98, grid) { grid, source, target in
      let d = unsafe source.half(at: 0)
      for b in 0..<8 {
        let word = unsafe source.word(at: 66 + 4 * b)
        let scale = d * (0.5 + Float(word >> 28)) * 0.5
        for n in stride(from: 0, to: 4, by: 2) {
          let indices = unsafe source + 2 + 8 * b + 2 * n
          let signs = eightSigns(word >> UInt32(7 * n)) | eightSigns(word >> UInt32(7 * n + 7)) << 8
          unsafe storePoints(
            joined(grid[Int(indices[0])], grid[Int(indices[1])]), joined(grid[Int(indices[2])], grid[Int(indices[3])]),
            signs: signs, scale: scale, at: target + 32 * b + 8 * n)
        }
      }
    }
  }
}
