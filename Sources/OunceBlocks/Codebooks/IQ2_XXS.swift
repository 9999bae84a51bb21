internal import CLanes
public import OunceEncoding

/// 256 elements as points of a grid of 256, eight at a time, with a scale of four bits for each 32:
/// `x = d * (s + 0.5) / 4 * ±magnitude`.
///
/// | bytes | |
/// |---|---|
/// | 0–1 | `d`, binary16 |
/// | 2–65 | for each 32 elements a word of four indices, and a word of four times seven signs and, on top, `s` |
///
/// The reference refuses to encode this without importance; here the squares of the elements then weigh them.
///
/// Layout: `block_iq2_xxs` of
/// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct IQ2_XXS: WritableEncoding {
  public let name = "IQ2_XXS"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 256
  public let bytesPerBlock = 66
  public var ggmlType: UInt32? { 16 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2), WordRun(offset: 2, width: 4, count: 16)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .half)] }

  private let grid: [UInt64]

  public init() { grid = expandedEights(gridIQ2XXS, values: magnitudesIQ2) }

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachGridBlock(of: blocks, into: &elements, bytes: 66, grid) { grid, source, target in
      let d = unsafe source.half(at: 0)
      for b in 0..<8 {
        let indices = unsafe source + 2 + 8 * b
        let word = unsafe source.word(at: 6 + 8 * b)
        let scale = d * (0.5 + Float(word >> 28)) * 0.25
        for n in stride(from: 0, to: 4, by: 2) {
          let signs = eightSigns(word >> UInt32(7 * n)) | eightSigns(word >> UInt32(7 * n + 7)) << 8
          unsafe storePoints(
            grid[Int(indices[n])], grid[Int(indices[n + 1])], signs: signs, scale: scale, at: target + 32 * b + 8 * n)
        }
      }
    }
  }
}
