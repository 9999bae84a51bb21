internal import CLanes
public import OunceEncoding

/// 128 signs with one magnitude: `x = d` where the bit is set, else `-d`.
///
/// | bytes | |
/// |---|---|
/// | 0–1 | `d`, binary16: the mean of the magnitudes |
/// | 2–17 | byte 2 + i: the bits of elements 8 i to 8 i + 7, from the low bit up; set: not negative |
///
/// Importance is ignored. Layout: `block_q1_0` of
/// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct Q1_0: WritableEncoding, BlockTruth {
  public let name = "Q1_0"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 128
  public let bytesPerBlock = 18
  public var ggmlType: UInt32? { 41 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .half)] }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 18, width: 128) { source, target in
      let scale = unsafe source.half(at: 0)
      // -d is d with its sign bit flipped, where the bit of the element is not set.
      let bits = IntLanes(repeating: Int32(bitPattern: scale.bitPattern))
      for i in 0..<8 {
        let negative = unsafe ~UInt32(source.short(at: 2 + 2 * i)) & 0xFFFF
        let flipped = bits ^ lanes_where_bit(negative, .min)
        unsafe lanes_store(target + 16 * i, lanes_float_of(lanes_u32(truncatingIfNeeded: flipped)))
      }
    }
  }

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    unsafe forEachBlock(of: elements, into: &blocks, width: 16 * 128, bytes: 16 * 18) { x, target in
      unsafe encodeSixteen(x, into: target)
    }
    let done = elements.count / (16 * 128) * 16
    let rest = elements.extracting((done * 128)...)
    unsafe rest.withUnsafeBufferPointer { source in
      unsafe blocks.withUnsafeMutableBytes { target in
        guard let x = source.baseAddress, let first = target.baseAddress else { return }
        let out = unsafe first.assumingMemoryBound(to: UInt8.self) + done * 18
        for block in 0..<(source.count / 128) {
          unsafe encodeBlock(x + block * 128, importance: nil, meanSquare: 0, into: out + block * 18)
        }
      }
    }
  }

  /// Sixteen blocks, a lane summing the magnitudes of a block in order.
  private func encodeSixteen(_ x: UnsafePointer<Float>, into target: UnsafeMutablePointer<UInt8>) {
    unsafe withUnsafeTemporaryAllocation(of: Lanes.self, capacity: 4) { rows in
      unsafe rows.initialize(repeating: Lanes(repeating: 0))
      guard let row = rows.baseAddress else { return }
      var sum = Lanes(repeating: 0)
      for i in stride(from: 0, to: 128, by: 4) {
        unsafe lanes_load_transposed(x + i, 512, row, 1)
        for n in 0..<4 { unsafe sum += lanes_magnitude(row[n]) }
      }
      unsafe lanes_store_shorts(target, 18, lanes_half_bits(sum * Lanes(repeating: 1 / 128)))
    }
    for block in 0..<16 {
      for i in 0..<8 {
        let values = unsafe lanes_load(x + 128 * block + 16 * i)
        let bits = lanes_mask_word(lanes_less_or_equal(Lanes(repeating: 0), values))
        unsafe target.store(bits, at: 18 * block + 2 + 2 * i)
      }
    }
  }

  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    var sum: Float = 0
    for i in 0..<128 { unsafe sum += x[i].magnitude }
    unsafe target.storeHalf(sum / 128, at: 0)
    for i in 0..<16 {
      var byte: UInt8 = 0
      for n in 0..<8 where unsafe x[8 * i + n] >= 0 { byte |= 1 << UInt8(n) }
      unsafe target[2 + i] = byte
    }
  }
}
