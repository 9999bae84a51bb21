internal import CLanes
public import OunceEncoding

/// 256 elements as points of a grid of 512, four at a time, with a scale of four bits for each 32:
/// `x = d * (2 s + 1) * ±magnitude`.
///
/// | bytes | |
/// |---|---|
/// | 0–1 | `d`, binary16 |
/// | 2–65 | the low eight bits of the indices |
/// | 66–73 | the ninth bits of the indices |
/// | 74–105 | signs, a byte for each eight elements |
/// | 106–109 | `s`, of even 32s in the low nibble |
///
/// The reference's encoder forgets to step over a sub-block of zeros, so that all later points and signs of its
/// super-block are stored one sub-block too early. This does not, unless asked for the reference's bytes. Where
/// distances overflow the reference aborts; here the first neighbour is taken.
///
/// Layout: `block_iq3_s` of
/// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct IQ3_S: CorrectedEncoding {
  public let name = "IQ3_S"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 256
  public let bytesPerBlock = 110
  public var ggmlType: UInt32? { 21 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .half)] }

  private let grid: [UInt32]
  /// Whether a sub-block of zeros shifts what follows, as in the reference.
  let repeatsShift: Bool

  public init() { self.init(repeatsShift: false) }

  private init(repeatsShift: Bool) {
    grid = expandedFours(gridIQ3S, values: [1, 3, 5, 7, 9, 11, 13, 15])
    self.repeatsShift = repeatsShift
  }

  public var reference: any WritableEncoding { IQ3_S(repeatsShift: true) }

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachGridBlock(of: blocks, into: &elements, bytes: 110, grid) { grid, source, target in
      let d = unsafe source.half(at: 0)
      for b in 0..<16 {
        let packed = unsafe source[106 + b / 4] >> UInt8(4 * (b / 2 % 2)) & 15
        let high = unsafe Int(source[66 + b / 2]) >> (4 * (b % 2))
        let low = unsafe source + 2 + 4 * b
        @inline(__always)
        func point(_ n: Int) -> UInt32 { unsafe grid[Int(low[n]) | (high >> n & 1) << 8] }
        unsafe storePoints(
          joined(point(0), point(1)), joined(point(2), point(3)), signs: UInt32(source.short(at: 74 + 2 * b)),
          scale: d * Float(1 + 2 * Int(packed)), at: target + 16 * b)
      }
    }
  }
}
