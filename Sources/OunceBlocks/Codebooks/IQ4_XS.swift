internal import CLanes
public import OunceEncoding

/// 256 elements as codes of four bits for sixteen uneven values, in eight sub-blocks of 32 with a scale of six bits
/// each:
/// `x = d * (s - 32) * value(code)`.
///
/// | bytes | |
/// |---|---|
/// | 0–1 | `d`, binary16 |
/// | 2–3 | bits 2 b and 2 b + 1: the high two bits of `s` of sub-block b |
/// | 4–7 | byte 4 + b / 2: the low four bits of `s`, of even sub-blocks in the low nibble |
/// | 8–135 | byte 8 + 16 b + j: code j of sub-block b in the low, code j + 16 in the high nibble |
///
/// The values are those of IQ4_NL. Codes are computed with `d` as found, not as stored. Layout: `block_iq4_xs` of
/// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct IQ4_XS: WritableEncoding, BlockTruth {
  public let name = "IQ4_XS"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 256
  public let bytesPerBlock = 136
  public var ggmlType: UInt32? { 23 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2, count: 2)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .half)] }

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    unsafe forEachBlock(of: blocks, into: &elements, bytes: 136, width: 256) { source, target in
      let scale = unsafe source.half(at: 0)
      let high = unsafe Int32(source.short(at: 2))
      for b in 0..<8 {
        let low = unsafe Int32(source[4 + b / 2] >> UInt8(4 * (b % 2)) & 15)
        let packed = low | (high >> Int32(2 * b) & 3) << 4
        unsafe IQ4.decode(source + 8 + 16 * b, scale: scale * Float(packed - 32), into: target + 32 * b)
      }
    }
  }

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    unsafe withRows(elements, columns: columns, importance: importance, into: &blocks) { rows in
      unsafe Workspace.with { workspace in
        unsafe forEachGroup(of: rows, size: tileLanes / 8, workspace) { group in
          for half in 0..<2 {
            let x = unsafe group.x + 512 * half
            let importance = unsafe group.importance.map { unsafe $0 + 512 * half }
            var spread = Lanes(repeating: 0)
            if unsafe importance != nil {
              let first = unsafe Lanes(repeating: IQ4.spread(x, count: 256))
              let second = unsafe Lanes(repeating: IQ4.spread(x + 256, count: 256))
              spread = Lanes(lowHalf: first.lowHalf, highHalf: second.highHalf)
            }
            unsafe IQ4.load(x, importance, spread: spread, half: half, workspace)
          }
          unsafe IQ4.fit(workspace)
          let scales = unsafe UnsafeMutableRawPointer(workspace.fit).assumingMemoryBound(to: Float.self)
          for block in 0..<tileLanes / 8 {
            unsafe storeScales(scales + 8 * block, inverses: scales + 32 + 8 * block, into: group.target + 136 * block)
          }
          for half in 0..<2 {
            let codes = unsafe workspace.stagedTarget + 3840
            unsafe IQ4.storeTile(workspace, half: half, inverse: workspace.fit[2 + half], at: codes, stride: 16)
            let target = unsafe group.target + 2 * 136 * half
            unsafe (target + 8).update(from: codes, count: 128)
            unsafe (target + 136 + 8).update(from: codes + 128, count: 128)
          }
        }
      }
    }
  }

  /// Packs the scales of one block, and gives the factor that makes elements comparable with the values for each.
  private func storeScales(
    _ scales: UnsafePointer<Float>, inverses: UnsafeMutablePointer<Float>, into target: UnsafeMutablePointer<UInt8>
  ) {
    var peak: Float = 0
    for b in 0..<8 where unsafe scales[b].magnitude > peak.magnitude { peak = unsafe scales[b] }
    let scale = -peak / 32
    unsafe target.storeHalf(scale, at: 0)
    let inverse = scale == 0 ? 0 : 1 / scale
    var low: UInt32 = 0
    var high: UInt16 = 0
    for b in 0..<8 {
      let packed = unsafe clamp(nearestInteger(inverse * scales[b]), -32, 31)
      let own = scale * Float(packed)
      unsafe inverses[b] = own == 0 ? 0 : 1 / own
      let code = UInt32(packed + 32)
      low |= (code & 15) << UInt32(4 * b)
      high |= UInt16(code >> 4) << UInt16(2 * b)
    }
    unsafe target.store(high, at: 2)
    unsafe target.store(low, at: 4)
  }

  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    let spread = unsafe IQ4.spread(x, count: 256)
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 16) { memory in
      unsafe memory.initialize(repeating: 0)
      guard let scales = memory.baseAddress else { return }
      for b in 0..<8 {
        let weights = unsafe importance.map { unsafe $0 + 32 * b }
        unsafe scales[b] = IQ4.fitTruth(x + 32 * b, weights, spread: spread)
      }
      unsafe storeScales(scales, inverses: scales + 8, into: target)
      for b in 0..<8 {
        let part = unsafe x + 32 * b
        let inverse = unsafe scales[8 + b]
        for j in 0..<16 {
          unsafe target[8 + 16 * b + j] = IQ4.code(inverse * part[j]) | IQ4.code(inverse * part[16 + j]) << 4
        }
      }
    }
  }
}
