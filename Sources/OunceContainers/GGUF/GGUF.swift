public import OunceCore

/// GGUF, the file format of llama.cpp: metadata, tensor descriptions and tensor data in one file.
///
/// Specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
///
/// | bytes | what | version 1 |
/// |---|---|---|
/// | 4 | `GGUF` | |
/// | 4 | version: 1, 2 or 3 | |
/// | 8 | number of tensors | 4 bytes |
/// | 8 | number of metadata pairs | 4 bytes |
/// | … | pairs: key (string), type (4 bytes), value | |
/// | … | tensors: name (string), dimensions (4), sizes (8 each), type (4), offset (8) | sizes of 4 bytes |
/// | … | zeros up to a multiple of `general.alignment` (32 when there is no such key) | |
/// | … | tensor data; offsets count from here and are multiples of the alignment | |
///
/// A string is its length (8 bytes; 4 in version 1) and its bytes; an array is the type of its elements (4 bytes),
/// their number (8 bytes; 4 in version 1) and the elements. Sizes stand with the fastest dimension first, the reverse
/// of
/// `TensorInfo.shape`. All words of a big-endian file are big endian, those inside of tensors too; such a file is known
/// by its version, whose low half is zero when read as little endian.
public struct GGUFContainer: Container {
  /// How files are written.
  public struct Options: Sendable {
    /// Writes every word with its most significant byte first.
    public var isBigEndian: Bool
    /// Leaves out slowest dimensions of size 1, as ggml does when it writes a file. The reference converter keeps them.
    public var dropsLeadingOnes: Bool

    public init(isBigEndian: Bool = false, dropsLeadingOnes: Bool = false) {
      self.isBigEndian = isBigEndian
      self.dropsLeadingOnes = dropsLeadingOnes
    }
  }

  public let name = "GGUF"
  public let fileExtensions = ["gguf"]
  public let options: Options

  public init(options: Options = Options()) { self.options = options }

  public func recognizes(_ candidate: Candidate) -> Bool { candidate.has(Self.magic) }

  public func read(_ file: InputFile) throws(OunceError) -> Model {
    var reader = try GGUFReader(file)
    return try reader.model()
  }
}

extension GGUFContainer {
  static let magic = Array("GGUF".utf8)
  static let alignmentKey = "general.alignment"
  static let defaultAlignment = 32
  static let splitNumberKey = "split.no"
  static let splitCountKey = "split.count"
  static let splitTensorCountKey = "split.tensors.count"
  static let splitKeys = [splitNumberKey, splitCountKey, splitTensorCountKey]
}

/// The numbers of value types in metadata.
enum GGUFValueType: UInt32 {
  case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

  /// The fewest bytes that a value takes in a file.
  func byteCount(lengthByteCount: Int) -> Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string: lengthByteCount
    case .array: 4 + lengthByteCount
    }
  }
}
