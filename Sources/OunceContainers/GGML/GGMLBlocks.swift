internal import OunceCore
internal import OunceEncoding

/// What the numbers of types mean in one file.
struct GGMLBlockTypes {
  let version: Int
  private let isRWKV: Bool
  /// Whether rows are known to be made of blocks. The first programs kept the scales of a row before its codes, under
  /// the numbers of Q4_0 and Q4_1.
  private let isInBlocks: Bool

  init(_ version: GGMLVersion, fileType: Int32) {
    self.version = version.blockVersion(fileType: fileType)
    isRWKV = version.isRWKV
    isInBlocks = version.magic == .ggjt || version.isRWKV || self.version > 0
  }

  enum Block {
    /// Laid out as today.
    case current(any Encoding)
    case old(OldBlock)
    /// Of this size, but laid out in one of two ways.
    case unknowable(OldBlock)

    /// Checks a shape, and returns the bytes in the file.
    func check(_ name: String, _ shape: [Int]) throws(OunceError) -> Int {
      switch self {
      case .current(let encoding): return try TensorInfo(name: name, shape: shape, encoding: encoding).byteCount
      case .old(let old), .unknowable(let old):
        let info = try TensorInfo(name: name, shape: shape, encoding: try Encodings.require("F32"))
        guard info.columnCount % old.elementCount == 0 else {
          throw OunceError(
            .malformed,
            "rows of \(info.columnCount) elements are no whole blocks of \(old.elementCount), as \(old.name) needs",
            subject: "tensor \(name)")
        }
        return info.elementCount / old.elementCount * old.byteCount
      }
    }
  }

  /// The types of rwkv.cpp, which has numbers of its own, as those of ggml.
  private static let typesOfRWKV: [UInt32] = [0, 1, 2, 3, 3, 4, 5, 6, 7, 8]

  /// - Throws: `OunceError` without a place, which the caller adds.
  func block(_ number: UInt32) throws(OunceError) -> Block {
    var type = number
    if isRWKV {
      guard number < Self.typesOfRWKV.count else {
        throw OunceError(
          .unsupported, "has the unknown type \(number) of rwkv.cpp", remedy: "convert it with rwkv.cpp to F16 first")
      }
      guard number != 4 else {
        throw OunceError(
          .unsupported, "has the type Q4_1_O, which rwkv.cpp had for a month", remedy: "requantize from the source")
      }
      type = Self.typesOfRWKV[Int(number)]
    }
    let isQuantized = type >= 2
    guard version < 2, isQuantized else { return .current(try GGMLTypes.encoding(type)) }
    guard let old = OldBlock.all.first(where: { $0.type == type && $0.versions.contains(version) }) else {
      // The blocks of five bits did not change any more.
      if version == 1, type == 6 || type == 7 { return .current(try GGMLTypes.encoding(type)) }
      throw OunceError(
        .unsupported, "has the type \(type), which version \(version) of ggml's blocks does not know",
        remedy: "requantize from the source")
    }
    return isInBlocks || type > 3 ? .old(old) : .unknowable(old)
  }
}

/// A block of elements as ggml laid it out in the spring of 2023: the scale, an offset where there is one, the fifth
/// bits where there are any, the codes.
///
/// Two codes of four bits share a byte, the low half first: in version 0 those of elements 2i and 2i + 1, in version 1
/// those of elements i and i + half of the block, as ever since. An element is `scale * (code - 2^(bits - 1))`, with an
/// offset `scale * code + offset`; codes of eight bits have a sign and no middle.
///
/// Source: `block_q4_0` and its like in ggml.c of llama.cpp when it wrote ggjt 1 (April 2023) and 2 (May 2023).
struct OldBlock: Sendable {
  let name: String
  /// Its number in `enum ggml_type`.
  let type: UInt32
  let versions: ClosedRange<Int>
  let elementCount: Int
  /// 4, 5 or 8.
  let bits: Int
  /// 4: binary32; 2: binary16.
  let scaleByteCount: Int
  let hasOffset: Bool

  var byteCount: Int {
    scaleByteCount * (hasOffset ? 2 : 1) + (bits == 5 ? 4 : 0) + elementCount * (bits == 8 ? 8 : 4) / 8
  }

  static let all: [OldBlock] = [
    block("Q4_0", 2, 0...1, bits: 4),
    block("Q4_1", 3, 0...1, bits: 4, hasOffset: true),
    block("Q4_2", 4, 0...0, of: 16, bits: 4, scale: 2),
    block("Q4_3", 5, 0...0, of: 16, bits: 4, scale: 2, hasOffset: true),
    block("Q5_0", 6, 0...0, bits: 5, scale: 2),
    block("Q5_1", 7, 0...0, bits: 5, scale: 2, hasOffset: true),
    block("Q8_0", 8, 0...1, bits: 8),
  ]

  private static func block(
    _ name: String, _ type: UInt32, _ versions: ClosedRange<Int>, of elementCount: Int = 32, bits: Int, scale: Int = 4,
    hasOffset: Bool = false
  ) -> OldBlock {
    OldBlock(
      name: name, type: type, versions: versions, elementCount: elementCount, bits: bits, scaleByteCount: scale,
      hasOffset: hasOffset)
  }
}
