public import OunceCore

/// CTranslate2's `model.bin`.
///
/// | bytes | what | versions |
/// |---|---|---|
/// | 4 | binary version: 1 to 6 | |
/// | … | name of the specification (string): `TransformerSpec` | 2 and later |
/// | 4 | revision of the specification | 2 and later |
/// | 4 | number of variables | |
/// | … | variables: name (string), number of dimensions (1 byte), dimensions (4 each), type, bytes | |
/// | 4 | number of aliases | 3 and later |
/// | … | aliases: name (string), name of the variable that it stands for (string) | 3 and later |
///
/// The type of a variable is its number (1 byte: 0 F32, 1 I8, 2 I16, 3 I32, 4 F16, 5 BF16) and its bytes (4 bytes);
/// before version 4, the size of an element (1 byte: 4 F32, 2 I16, 1 I8) and the number of elements (4 bytes). A string
/// is its length (2 bytes), its bytes and a zero, which the length includes.
///
/// Weights of 8 and 16 bits stay what they are; their scales are the variables `…_scale` beside them. An alias is a
/// tensor with the bytes of its variable.
///
/// There is no magic: the version, the specification and the first variable have to look like such.
///
/// Source: `ModelSpec._serialize` of https://github.com/OpenNMT/CTranslate2 (python/ctranslate2/specs/model_spec.py),
/// and src/models/model.cc there.
public struct CTranslate2Container: Container {
  public let name = "CTranslate2"
  public let fileExtensions = ["bin"]
  public let sharesBytes = true

  public init() {}

  static let newestVersion: UInt32 = 6

  public func recognizes(_ candidate: Candidate) -> Bool {
    guard candidate.byteCount > 16 else { return false }
    var bytes = HeadReader(candidate.head)
    guard let version = bytes.integer(4), (1...64).contains(version) else { return false }
    if version > 1 {
      guard let spec = bytes.text(), spec.allSatisfy(Self.isLetter), let revision = bytes.integer(4),
        revision < 1 << 16
      else { return false }
    }
    guard let count = bytes.integer(4), count > 0, let variable = bytes.text() else { return false }
    guard let rank = bytes.integer(1), rank <= Limits.dimensions else { return false }
    return variable.allSatisfy { $0 > 0x20 && $0 < 0x7F }
  }

  /// Names of specifications are names of Python classes.
  private static func isLetter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  public func read(_ file: InputFile) throws(OunceError) -> Model {
    var reader = try CTranslate2Reader(file)
    return try reader.model()
  }
}

/// Reads the first bytes of a file that may be anything.
private struct HeadReader {
  private var rest: ArraySlice<UInt8>

  init(_ head: [UInt8]) { rest = head[...] }

  mutating func integer(_ count: Int) -> Int? {
    guard rest.count >= count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count).reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// A string that is not empty, without its closing zero.
  mutating func text() -> ArraySlice<UInt8>? {
    guard let count = integer(2), count > 1, rest.count >= count, rest[rest.startIndex + count - 1] == 0 else {
      return nil
    }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count - 1)
  }
}
