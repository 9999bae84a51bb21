internal import CLanes
public import OunceEncoding

/// 64 elements as -1, 0, 1 or 2 times one scale: `x = d * (code - 1)`.
///
/// | bytes | |
/// |---|---|
/// | 0–1 | `d`, binary16 |
/// | 2–17 | byte 2 + i: codes 4 i to 4 i + 3, from the low bits up |
///
/// The scale is the largest magnitude, as in the reference, so nothing is encoded as 2. Importance is ignored.
/// Layout: `block_q2_0` of https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct Q2_0: WritableEncoding, BlockTruth {
  public let name = "Q2_0"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 64
  public let bytesPerBlock = 18
  public var ggmlType: UInt32? { 42 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .half)] }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe withCodes(64) { codes in
      unsafe forEachBlock(of: blocks, into: &elements, bytes: 18, width: 64) { source, target in
        let scale = unsafe Lanes(repeating: source.half(at: 0))
        unsafe lanes_store_pairs(codes, lanes_load_bytes(source + 2))
        for i in stride(from: 0, to: 64, by: 16) {
          unsafe storeTrits(lanes_widened(lanes_load_bytes(codes + i)), scale, at: target + i)
        }
      }
    }
  }

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    unsafe forEachBlock(of: elements, into: &blocks, width: 64, bytes: 18) { x, target in
      let scale = unsafe largestMagnitude(x, count: 64)
      unsafe target.storeHalf(scale, at: 0)
      let inverse = Lanes(repeating: inverseScale(scale, overflowed: -.infinity))
      if inverse[0] == -.infinity {
        // What the reference's overflow leaves on x86-64: the lowest code.
        unsafe lanes_store_bytes(target + 2, lanes_u8(repeating: 0))
        return
      }
      unsafe lanes_store_bytes(
        target + 2,
        lanes_packed_pairs(
          trits(x, inverse), trits(x + 16, inverse), trits(x + 32, inverse), trits(x + 48, inverse)))
    }
  }

  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    var scale: Float = 0
    for i in 0..<64 { scale = unsafe max(scale, x[i].magnitude) }
    unsafe target.storeHalf(scale, at: 0)
    let inverse = inverseScale(scale, overflowed: -.infinity)
    for i in 0..<16 {
      var byte: UInt8 = 0
      for n in 0..<4 where inverse > -.infinity {
        unsafe byte |= trit(x[4 * i + n] * inverse) << UInt8(2 * n)
      }
      unsafe target[2 + i] = byte
    }
  }
}
