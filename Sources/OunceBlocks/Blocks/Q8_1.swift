internal import CLanes
public import OunceEncoding

/// 32 elements as signed bytes with one scale: `x = d * code`. ggml makes these for dot products; no file should hold
/// them.
///
/// | bytes | |
/// |---|---|
/// | 0–1 | `d`, binary16 |
/// | 2–3 | `d` times the sum of the codes, binary16 |
/// | 4–35 | codes |
///
/// Layout: `block_q8_1` of https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct Q8_1: Encoding {
  public let name = "Q8_1"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 32
  public let bytesPerBlock = 36
  public var ggmlType: UInt32? { 9 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2, count: 2)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .half, count: 2)] }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 36, width: 32) { source, target in
      let scale = unsafe Lanes.all(source.half(at: 0))
      for i in stride(from: 0, to: 32, by: 16) {
        let codes = unsafe lanes_widened_signed(lanes_load_bytes(source + 4 + i))
        unsafe lanes_store(target + i, scale * lanes_from_integers(codes))
      }
    }
  }
}
