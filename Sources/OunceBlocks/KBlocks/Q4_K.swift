internal import CLanes
public import OunceEncoding

/// 256 elements as codes of four bits in eight sub-blocks of 32 with a scale and a minimum each:
/// `x = d * s * code - dmin * m`.
///
/// | bytes | |
/// |---|---|
/// | 0–1 | `d`, binary16 |
/// | 2–3 | `dmin`, binary16 |
/// | 4–15 | eight `s` and eight `m` of six bits (`SixBitScales.swift`) |
/// | 16–143 | byte 32 g + i: code 64 g + i in the low, code 64 g + 32 + i in the high nibble |
///
/// Layout: `block_q4_K` of https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h
public struct Q4_K: WritableEncoding, BlockTruth {
  public let name = "Q4_K"
  public let kind = EncodingKind.quantized
  public let elementsPerBlock = 256
  public let bytesPerBlock = 144
  public var ggmlType: UInt32? { 12 }
  public var words: [WordRun] { [WordRun(offset: 0, width: 2, count: 2)] }
  public var scales: [ScaleRun] { [ScaleRun(offset: 0, .half, count: 2)] }

  static let candidates = AffineCandidates(levels: 15, first: -1, step: 0.1, steps: 20)

  public init() {}

  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    decodeAffine(blocks, into: &elements, bytes: 144, fifth: nil, nibbles: 16)
  }

  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    unsafe withRows(elements, columns: columns, importance: importance, into: &blocks) { rows in
      unsafe Workspace.with { workspace in
        unsafe forEachGroup(of: rows, size: 16, workspace) { group in
          unsafe encodeAffine(self, group, Self.candidates, fifth: nil, nibbles: 16, workspace)
        }
      }
    }
  }

  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    unsafe withCodes(256) { codes in
      unsafe affineSuperBlockTruth(x, importance, Self.candidates, limited: false, codes: codes, into: target)
      unsafe storeNibblePairs(codes, at: target + 16)
    }
  }
}
