internal import CLanes
public import OunceEncoding

/// 32 elements as codes of four bits with one scale: `x = d * (code - 8)`.
///
/// | bytes | |
/// |---|---|
/// | 0–1 | `d`, binary16 |
/// | 2–17 | byte j: code j in the low, code j + 16 in the high nibble |
///
/// Layout: `block_q4_0` of https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct Q4_0: WritableEncoding, BlockOfFields {
  public let name = "Q4_0"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 32
  public let bytesPerBlock = 18
  public var ggmlType: UInt32? { 2 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .half)] }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 18, width: 32) { source, target in
      let scale = unsafe Lanes.all(source.half(at: 0))
      let codes = unsafe loadNibbles(source + 2)
      unsafe lanes_store(target, (lanes_from_integers(codes.low) - 8) * scale)
      unsafe lanes_store(target + 16, (lanes_from_integers(codes.high) - 8) * scale)
    }
  }

  static let fields = BlockFields(levels: 15, minimum: nil, fifth: nil, nibbles: 2)

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    encodeFields(elements, columns, importance, into: &blocks)
  }
}
