internal import CLanes
public import OunceEncoding

/// 32 elements as codes of five bits with a scale and a minimum: `x = d * code + m`.
///
/// | bytes | |
/// |---|---|
/// | 0–1 | `d`, binary16 |
/// | 2–3 | `m`, binary16 |
/// | 4–7 | bit j: the fifth bit of code j |
/// | 8–23 | byte j: the low bits of code j in the low, of code j + 16 in the high nibble |
///
/// Layout: `block_q5_1` of https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct Q5_1: WritableEncoding, BlockOfFields {
  public let name = "Q5_1"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 32
  public let bytesPerBlock = 24
  public var ggmlType: UInt32? { 7 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2, count: 2), WordRun(offset: 4, width: 4)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .half, count: 2)] }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 24, width: 32) { source, target in
      let scale = unsafe Lanes.all(source.half(at: 0))
      let minimum = unsafe Lanes.all(source.half(at: 2))
      let codes = unsafe loadNibbles(source + 8, fifth: source.word(at: 4))
      unsafe lanes_store(target, lanes_from_integers(codes.low) * scale + minimum)
      unsafe lanes_store(target + 16, lanes_from_integers(codes.high) * scale + minimum)
    }
  }

  static let fields = BlockFields(levels: 31, minimum: 2, fifth: 4, nibbles: 8)

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    encodeFields(elements, columns, importance, into: &blocks)
  }
}
