internal import CLanes
public import OunceEncoding

/// 32 elements as codes of five bits with one scale: `x = d * (code - 16)`.
///
/// | bytes | |
/// |---|---|
/// | 0–1 | `d`, binary16 |
/// | 2–5 | bit j: the fifth bit of code j |
/// | 6–21 | byte j: the low bits of code j in the low, of code j + 16 in the high nibble |
///
/// Layout: `block_q5_0` of https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct Q5_0: WritableEncoding, BlockOfFields {
  public let name = "Q5_0"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 32
  public let bytesPerBlock = 22
  public var ggmlType: UInt32? { 6 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2), WordRun(offset: 2, width: 4)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .half)] }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 22, width: 32) { source, target in
      let scale = unsafe Lanes.all(source.half(at: 0))
      let codes = unsafe loadNibbles(source + 6, fifth: source.word(at: 2))
      unsafe lanes_store(target, (lanes_from_integers(codes.low) - 16) * scale)
      unsafe lanes_store(target + 16, (lanes_from_integers(codes.high) - 16) * scale)
    }
  }

  static let fields = BlockFields(levels: 31, minimum: nil, fifth: 2, nibbles: 6)

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    encodeFields(elements, columns, importance, into: &blocks)
  }
}
