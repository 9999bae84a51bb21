internal import CLanes
public import OunceEncoding

/// 256 elements as -1, 0 or 1 times one scale, two bits each: `x = d * (code - 1)`.
///
/// | bytes | |
/// |---|---|
/// | 0–63 | byte 32 h + i, h 0 or 1, i from 0 to 31: codes 128 h + i, + 32, + 64 and + 96, from the low bits up |
/// | 64–65 | `d`, binary16 |
///
/// Importance is ignored: there is nothing to choose. Layout: `block_tq2_0` of
/// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct TQ2_0: WritableEncoding, BlockTruth {
  public let name = "TQ2_0"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 256
  public let bytesPerBlock = 66
  public var ggmlType: UInt32? { 35 }
  public var words: [WordRun] { [WordRun(offset: 64, width: 2)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 64, .half)] }

  public var hasForbiddenBits: Bool { true }

  public init() {}

  /// The code 3 would be twice the scale.
  public func isForbidden(_ block: RawSpan) -> Bool {
    (0..<64).contains { index in
      let byte = unsafe block.unsafeLoad(fromByteOffset: index, as: UInt8.self)
      return byte & (byte >> 1) & 0x55 != 0
    }
  }

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 66, width: 256) { source, target in
      let scale = unsafe Lanes(repeating: source.half(at: 64))
      for i in stride(from: 0, to: 64, by: 16) {
        let codes = unsafe lanes_widened(lanes_load_bytes(source + i))
        let row = unsafe target + 128 * (i / 32) + i % 32
        unsafe storeTrits(codes & IntLanes(repeating: 3), scale, at: row)
        unsafe storeTrits(lanes_shifted_right(codes, 2) & IntLanes(repeating: 3), scale, at: row + 32)
        unsafe storeTrits(lanes_shifted_right(codes, 4) & IntLanes(repeating: 3), scale, at: row + 64)
        unsafe storeTrits(lanes_shifted_right(codes, 6), scale, at: row + 96)
      }
    }
  }

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    unsafe forEachBlock(of: elements, into: &blocks, width: 256, bytes: 66) { x, target in
      let scale = unsafe largestMagnitude(x, count: 256)
      let inverse = Lanes(repeating: inverseScale(scale, overflowed: 0))
      for i in stride(from: 0, to: 64, by: 16) {
        let row = unsafe x + 128 * (i / 32) + i % 32
        var codes = unsafe trits(row, inverse)
        unsafe codes |= lanes_shifted_left(trits(row + 32, inverse), 2)
        unsafe codes |= lanes_shifted_left(trits(row + 64, inverse), 4)
        unsafe codes |= lanes_shifted_left(trits(row + 96, inverse), 6)
        unsafe lanes_store_bytes(target + i, lanes_narrowed(codes))
      }
      unsafe target.storeHalf(scale, at: 64)
    }
  }

  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    var scale: Float = 0
    for i in 0..<256 { scale = unsafe max(scale, x[i].magnitude) }
    let inverse = inverseScale(scale, overflowed: 0)
    for i in 0..<64 {
      let row = unsafe x + 128 * (i / 32) + i % 32
      var byte: UInt8 = 0
      for n in 0..<4 { unsafe byte |= trit(row[32 * n] * inverse) << UInt8(2 * n) }
      unsafe target[i] = byte
    }
    unsafe target.storeHalf(scale, at: 64)
  }
}
