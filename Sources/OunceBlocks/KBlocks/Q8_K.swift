internal import CLanes
public import OunceEncoding

/// 256 elements as signed bytes with one scale: `x = d * code`. ggml makes these for dot products; no file should hold
/// them.
///
/// | bytes | |
/// |---|---|
/// | 0–3 | `d`, binary32 |
/// | 4–259 | codes |
/// | 260–291 | the sums of each sixteen codes, signed shorts |
///
/// Layout: `block_q8_K` of https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct Q8_K: Encoding {
  public let name = "Q8_K"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 256
  public let bytesPerBlock = 292
  public var ggmlType: UInt32? { 15 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 4), WordRun(offset: 260, width: 2, count: 16)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .single)] }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 292, width: 256) { source, target in
      let scale = unsafe Lanes.all(Float(bitPattern: source.word(at: 0)))
      for i in stride(from: 0, to: 256, by: 16) {
        let codes = unsafe lanes_widened_signed(lanes_load_bytes(source + 4 + i))
        unsafe lanes_store(target + i, scale * lanes_from_integers(codes))
      }
    }
  }
}
