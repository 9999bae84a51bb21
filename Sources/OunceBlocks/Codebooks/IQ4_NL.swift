internal import CLanes
public import OunceEncoding

/// 32 elements as codes of four bits for sixteen uneven values with one scale: `x = d * value(code)`.
///
/// | bytes | |
/// |---|---|
/// | 0–1 | `d`, binary16 |
/// | 2–17 | byte 2 + j: code j in the low, code j + 16 in the high nibble |
///
/// The values are -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89 and 113. Codes are computed with
/// the scale as found, not as stored. Layout: `block_iq4_nl` of
/// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct IQ4_NL: WritableEncoding, BlockTruth {
  public let name = "IQ4_NL"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 32
  public let bytesPerBlock = 18
  public var ggmlType: UInt32? { 20 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .half)] }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 18, width: 32) { source, target in
      unsafe IQ4.decode(source + 2, scale: source.half(at: 0), into: target)
    }
  }

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    unsafe withRows(elements, columns: columns, importance: importance, into: &blocks) { rows in
      unsafe Workspace.with { workspace in
        unsafe forEachGroup(of: rows, size: tileLanes, workspace) { group in
          for half in 0..<2 {
            let x = unsafe group.x + 512 * half
            let importance = unsafe group.importance.map { unsafe $0 + 512 * half }
            unsafe IQ4.load(x, importance, spread: nil, half: half, workspace)
          }
          unsafe IQ4.fit(workspace)
          for half in 0..<2 {
            let target = unsafe group.target + 16 * 18 * half
            let scale = unsafe workspace.fit[half]
            let zero = Lanes(repeating: 0)
            let inverse = lanes_select(1 / scale, zero, lanes_equal(scale, zero))
            unsafe lanes_store_shorts(target, 18, lanes_half_bits(scale))
            unsafe IQ4.storeTile(workspace, half: half, inverse: inverse, at: target + 2, stride: 18)
          }
        }
      }
    }
  }

  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    let scale = unsafe IQ4.fitTruth(x, importance, spread: IQ4.spread(x, count: 32))
    let inverse = scale == 0 ? 0 : 1 / scale
    unsafe target.storeHalf(scale, at: 0)
    for j in 0..<16 {
      unsafe target[2 + j] = IQ4.code(inverse * x[j]) | IQ4.code(inverse * x[16 + j]) << 4
    }
  }
}
