internal import CLanes
public import OunceEncoding

/// 256 elements as codes of five bits in eight sub-blocks of 32 with a scale and a minimum each:
/// `x = d * s * code - dmin * m`.
///
/// | bytes | |
/// |---|---|
/// | 0–1 | `d`, binary16 |
/// | 2–3 | `dmin`, binary16 |
/// | 4–15 | eight `s` and eight `m` of six bits (`SixBitScales.swift`) |
/// | 16–47 | byte i, bit j: the fifth bit of code 32 j + i |
/// | 48–175 | byte 32 g + i: the low bits of code 64 g + i in the low, of code 64 g + 32 + i in the high nibble |
///
/// Layout: `block_q5_K` of https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct Q5_K: WritableEncoding, BlockTruth {
  public let name = "Q5_K"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 256
  public let bytesPerBlock = 176
  public var ggmlType: UInt32? { 13 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2, count: 2)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .half, count: 2)] }

  static let candidates = AffineCandidates(levels: 31, first: -0.5, step: 0.1, steps: 15)

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    decodeAffine(blocks, into: &elements, bytes: 176, fifth: 16, nibbles: 48)
  }

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    unsafe withRows(elements, columns: columns, importance: importance, into: &blocks) { rows in
      unsafe Workspace.with { workspace in
        unsafe forEachGroup(of: rows, size: 16, workspace) { group in
          unsafe encodeAffine(self, group, Self.candidates, fifth: 16, nibbles: 48, workspace)
        }
      }
    }
  }

  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    unsafe withCodes(256) { codes in
      unsafe affineSuperBlockTruth(x, importance, Self.candidates, limited: true, codes: codes, into: target)
      for i in 0..<32 {
        var bits: UInt8 = 0
        for j in 0..<8 { unsafe bits |= (codes[32 * j + i] >> 4) << UInt8(j) }
        unsafe target[16 + i] = bits
      }
      unsafe storeNibblePairs(codes, at: target + 48)
    }
  }
}
