internal import CLanes
public import OunceEncoding

/// 32 elements as signed bytes with one scale: `x = d * q`. Importance is ignored.
///
/// | bytes | |
/// |---|---|
/// | 0–1 | `d`, binary16 |
/// | 2–33 | `q`, signed |
///
/// Layout: `block_q8_0` of https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct Q8_0: WritableEncoding, BlockTruth {
  public let name = "Q8_0"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 32
  public let bytesPerBlock = 34
  public var ggmlType: UInt32? { 8 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .half)] }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 34, width: 32) { source, target in
      let scale = unsafe Lanes.all(source.half(at: 0))
      unsafe lanes_store(target, lanes_from_signed_bytes(lanes_load_bytes(source + 2)) * scale)
      unsafe lanes_store(target + 16, lanes_from_signed_bytes(lanes_load_bytes(source + 18)) * scale)
    }
  }

  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    var peak: Float = 0
    for i in 0..<32 { peak = unsafe max(peak, x[i].magnitude) }
    let scale = peak / 127
    let inverse = scale != 0 ? 1 / scale : 0
    unsafe target.storeHalf(scale, at: 0)
    for i in 0..<32 {
      unsafe target[2 + i] = truncatedByte((x[i] * inverse).rounded(.toNearestOrAwayFromZero))
    }
  }
}
