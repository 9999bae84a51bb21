/// What the elements of an encoding are, which decides how they may be converted.
public enum EncodingKind: Sendable, Hashable {
  /// Floating-point numbers, one by one.
  case float
  /// Whole numbers (or booleans): copied, never cast through floats.
  case integer
  /// Pairs of floats: copied only.
  case complex
  /// Blocks of elements that share scales.
  case quantized
}

/// A run of multi-byte words inside one block, so that a big-endian file can be read: `count` words of `width` bytes
/// starting at byte `offset` of the block.
public struct WordRun: Sendable, Hashable {
  public let offset: Int
  public let width: Int
  public let count: Int

  public init(offset: Int, width: Int, count: Int = 1) {
    self.offset = offset
    self.width = width
    self.count = count
  }
}

/// Scales inside one block that multiply its elements: `count` of them, one after the other from byte `offset` on.
public struct ScaleRun: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    /// A binary16 of two bytes.
    case half
    /// A bfloat16 of two bytes.
    case brain
    /// A binary32 of four bytes.
    case single
    /// A power of two in one byte; 255 is NaN.
    case e8m0
    /// A number without sign in one byte; 127 is NaN.
    case e4m3
    /// A binary16 whose four-bit pieces are the upper bits of four words, the lowest first.
    case scattered
  }

  public let offset: Int
  public let kind: Kind
  public let count: Int

  public init(offset: Int, _ kind: Kind, count: Int = 1) {
    self.offset = offset
    self.kind = kind
    self.count = count
  }
}

/// Words of `width` bytes that have these values in the bits of a mask.
public struct BitPattern: Sendable, Hashable {
  public let width: Int
  public let mask: UInt64
  public let value: UInt64

  public init(width: Int, mask: UInt64, value: UInt64) {
    self.width = width
    self.mask = mask
    self.value = value
  }

  /// Words whose bits of `exponent` are all set.
  public init(width: Int, exponent: UInt64) { self.init(width: width, mask: exponent, value: exponent) }
}

/// How a run of tensor elements is laid out in bytes. A plain type is a block of one element.
///
/// Pure: spans in, spans out, cannot fail. Callers check first: whole blocks, finite elements.
/// All words are little endian.
public protocol Encoding: Sendable {
  /// What people type and files show: `Q8_0`.
  var name: String { get }
  var kind: EncodingKind { get }
  var elementsPerBlock: Int { get }
  var bytesPerBlock: Int { get }
  /// The number of the type in GGUF files; nil: ggml has no such type.
  var ggmlType: UInt32? { get }
  /// The name of the dtype in safetensors headers; nil: safetensors has none.
  var safetensorsType: String? { get }
  /// The multi-byte words of one block.
  var words: [WordRun] { get }
  /// The scales of one block; empty for plain types.
  var scales: [ScaleRun] { get }
  /// Which words of a plain type are NaN or infinite; nil: none are, or the type has scales.
  var nonFinite: BitPattern? { get }
  /// Whether a block has bits that no encoder writes and the format forbids. Called for blocks whose encoding says that
  /// it may (`hasForbiddenBits`).
  func isForbidden(_ block: RawSpan) -> Bool
  var hasForbiddenBits: Bool { get }
  /// Decodes whole blocks. `elements.count` is `blocks.byteCount / bytesPerBlock * elementsPerBlock`.
  func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>)
}

extension Encoding {
  public var ggmlType: UInt32? { nil }
  public var safetensorsType: String? { nil }
  public var scales: [ScaleRun] { [] }
  public var nonFinite: BitPattern? { nil }
  public var hasForbiddenBits: Bool { false }
  public func isForbidden(_ block: RawSpan) -> Bool { false }

  public var bitsPerElement: Double { Double(bytesPerBlock * 8) / Double(elementsPerBlock) }
}

/// An encoding that can be produced from floats.
public protocol WritableEncoding: Encoding {
  /// Encodes whole rows.
  ///
  /// - Parameters:
  ///   - elements: whole rows of `columns` finite floats; `columns` is a multiple of `elementsPerBlock`.
  ///   - importance: one weight per column, the same for each row; nil: all columns count alike.
  ///   - blocks: exactly the bytes of the encoded rows.
  func encode(_ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan)
}

/// An encoding that deviates from its reference implementation where that one is wrong.
public protocol CorrectedEncoding: WritableEncoding {
  /// Writes the reference's bytes, mistakes included.
  var reference: any WritableEncoding { get }
}

/// The numeric code of one CPU level: what `OunceBlocks` and its wider copies each export.
public protocol Kernels: Sendable {
  /// Every encoding, in the order of the catalog.
  var encodings: [any Encoding] { get }
  /// The encoding of records of MLX; nil when it has none of this kind.
  func mlx(_ record: MLXRecord) -> (any Encoding)?
  /// The index of the first NaN or infinity.
  func firstNonFinite(_ elements: Span<Float>) -> Int?
  /// What can be seen of encoded elements without computing with them.
  func survey(_ blocks: RawSpan, _ encoding: any Encoding) -> BlockSurvey
  /// The largest magnitude; NaN or infinity when there is one.
  func largestMagnitude(_ elements: Span<Float>) -> Float
}
