internal import CLanes
public import OunceEncoding

/// 32 elements as codes of four bits with a scale and a minimum: `x = d * code + m`.
///
/// | bytes | |
/// |---|---|
/// | 0–1 | `d`, binary16 |
/// | 2–3 | `m`, binary16 |
/// | 4–19 | byte j: code j in the low, code j + 16 in the high nibble |
///
/// Layout: `block_q4_1` of https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct Q4_1: WritableEncoding, BlockOfFields {
  public let name = "Q4_1"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 32
  public let bytesPerBlock = 20
  public var ggmlType: UInt32? { 3 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2, count: 2)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .half, count: 2)] }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 20, width: 32) { source, target in
      let scale = unsafe Lanes.all(source.half(at: 0))
      let minimum = unsafe Lanes.all(source.half(at: 2))
      let codes = unsafe loadNibbles(source + 4)
      unsafe lanes_store(target, lanes_from_integers(codes.low) * scale + minimum)
      unsafe lanes_store(target + 16, lanes_from_integers(codes.high) * scale + minimum)
    }
  }

  static let fields = BlockFields(levels: 15, minimum: 2, fifth: nil, nibbles: 4)

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    encodeFields(elements, columns, importance, into: &blocks)
  }
}
