internal import CLanes
public import OunceEncoding

/// 256 elements as -1, 0 or 1 times one scale, five trits in a byte: `x = d * (trit - 1)`.
///
/// | bytes | |
/// |---|---|
/// | 0–31 | byte i: trits i, 32 + i, 64 + i, 96 + i and 128 + i |
/// | 32–47 | byte 32 + i: trits 160 + i, 176 + i, 192 + i, 208 + i and 224 + i |
/// | 48–51 | byte 48 + i: trits 240 + i, 244 + i, 248 + i, 252 + i, and a 0 |
/// | 52–53 | `d`, binary16 |
///
/// A byte is a fraction: the trits, the first one leading, make q from 0 to 242, stored as q * 256 / 243 rounded up.
/// Trit n is then the integer part of 3 * (byte * 3^n mod 256) / 256.
///
/// Importance is ignored: there is nothing to choose. Layout: `block_tq1_0` of
/// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct TQ1_0: WritableEncoding, BlockTruth {
  public let name = "TQ1_0"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 256
  public let bytesPerBlock = 54
  public var ggmlType: UInt32? { 34 }
  public var words: [WordRun] { [WordRun(offset: 52, width: 2)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 52, .half)] }

  public var hasForbiddenBits: Bool { true }

  public init() {}

  /// Of the 256 fractions, 243 stand for five trits.
  public func isForbidden(_ block: RawSpan) -> Bool {
    (0..<52).contains { index in
      let byte = Int(unsafe block.unsafeLoad(fromByteOffset: index, as: UInt8.self))
      return (byte * 243 / 256 * 256 + 242) / 243 != byte
    }
  }

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 54, width: 256) { source, target in
      let scale = unsafe source.half(at: 52)
      unsafe decodeRows(source, scale, target, distance: 32)
      unsafe decodeRows(source + 16, scale, target + 16, distance: 32)
      unsafe decodeRows(source + 32, scale, target + 160, distance: 16)
      for i in 0..<4 {
        var fraction = unsafe source[48 + i]
        for n in 0..<4 {
          unsafe target[240 + 4 * n + i] = Float((Int(fraction) * 3) >> 8 - 1) * scale
          fraction &*= 3
        }
      }
    }
  }

  /// The five trits of sixteen bytes, each row `distance` elements behind the one before.
  @inline(__always)
  private func decodeRows(
    _ source: UnsafePointer<UInt8>, _ scale: Float, _ target: UnsafeMutablePointer<Float>, distance: Int
  ) {
    var fractions = unsafe lanes_widened(lanes_load_bytes(source))
    for n in 0..<5 {
      let tripled = fractions &+ fractions &+ fractions
      unsafe storeTrits(lanes_shifted_right(tripled, 8), Lanes(repeating: scale), at: target + distance * n)
      fractions = tripled & IntLanes(repeating: 255)
    }
  }

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    unsafe forEachBlock(of: elements, into: &blocks, width: 256, bytes: 54) { x, target in
      let scale = unsafe largestMagnitude(x, count: 256)
      let inverse = inverseScale(scale, overflowed: 0)
      unsafe lanes_store_bytes(target, encodeRows(x, inverse, distance: 32))
      unsafe lanes_store_bytes(target + 16, encodeRows(x + 16, inverse, distance: 32))
      unsafe lanes_store_bytes(target + 32, encodeRows(x + 160, inverse, distance: 16))
      unsafe encodeTail(x + 240, inverse, into: target + 48)
      unsafe target.storeHalf(scale, at: 52)
    }
  }

  @inline(__always)
  private func encodeRows(_ x: UnsafePointer<Float>, _ inverse: Float, distance: Int) -> lanes_u8 {
    let inverse = Lanes(repeating: inverse)
    var number = unsafe trits(x, inverse)
    for n in 1..<5 { number = unsafe number &+ number &+ number &+ trits(x + distance * n, inverse) }
    // ceil(256 q / 243) = q + ceil(13 q / 243); the division is exact for numerators below 2^12.
    let numerator = number &* IntLanes(repeating: 13) &+ IntLanes(repeating: 242)
    return lanes_narrowed(number &+ lanes_shifted_right(numerator &* IntLanes(repeating: 1079), 18))
  }

  /// The last sixteen elements, four to a byte.
  @inline(__always)
  private func encodeTail(_ x: UnsafePointer<Float>, _ inverse: Float, into target: UnsafeMutablePointer<UInt8>) {
    for i in 0..<4 {
      var number = 0
      for n in 0..<4 { unsafe number = 3 * number + Int(trit(x[4 * n + i] * inverse)) }
      unsafe target[i] = fraction(3 * number)
    }
  }

  @inline(__always)
  private func fraction(_ number: Int) -> UInt8 { UInt8((number * 256 + 242) / 243) }

  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    var scale: Float = 0
    for i in 0..<256 { scale = unsafe max(scale, x[i].magnitude) }
    let inverse = inverseScale(scale, overflowed: 0)
    for i in 0..<48 {
      let (first, distance) = i < 32 ? (i, 32) : (160 + i - 32, 16)
      var number = 0
      for n in 0..<5 { unsafe number = 3 * number + Int(trit(x[first + distance * n] * inverse)) }
      unsafe target[i] = fraction(number)
    }
    unsafe encodeTail(x + 240, inverse, into: target + 48)
    unsafe target.storeHalf(scale, at: 52)
  }
}
