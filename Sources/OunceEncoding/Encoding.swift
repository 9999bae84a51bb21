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
  /// Decodes whole blocks. `elements.count` is `blocks.byteCount / bytesPerBlock * elementsPerBlock`.
  func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>)
}

extension Encoding {
  public var ggmlType: UInt32? { nil }
  public var safetensorsType: String? { nil }

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
  /// The largest magnitude; NaN or infinity when there is one.
  func largestMagnitude(_ elements: Span<Float>) -> Float
}
