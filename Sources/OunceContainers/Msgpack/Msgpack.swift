public import OunceCore

/// The msgpack checkpoints of Flax: dictionaries in dictionaries, with arrays as their leaves.
///
/// | first byte | what |
/// |---|---|
/// | 80–8f, de, df | dictionary: pairs of key and value |
/// | 90–9f, dc, dd | list |
/// | a0–bf, d9–db | text · c4–c6 bytes |
/// | c7–c9, d4–d8 | extension: length, kind, bytes |
/// | others | numbers, nil, booleans |
///
/// | kind of extension | what |
/// |---|---|
/// | 1 | array: the bytes hold a list of shape, name of the dtype, elements in C order |
/// | 2 | complex number |
/// | 3 | scalar of NumPy, as an array without dimensions |
///
/// An array of more than 2^30 bytes is a dictionary with `__msgpack_chunked_array__`, its `shape` and its `chunks`,
/// each a dictionary by numbers as texts; the chunks are flat and follow each other.
///
/// The name of a leaf is its keys joined with dots, as transformers writes Flax weights to safetensors. Numbers, texts
/// and booleans among the leaves are metadata.
///
/// Specifications: https://github.com/msgpack/msgpack/blob/master/spec.md and
/// https://github.com/google/flax/blob/main/flax/serialization.py
public struct MsgpackContainer: Container {
  public let name = "msgpack"
  public let fileExtensions = ["msgpack"]

  public init() {}

  /// There is no magic: dictionaries lead to the extension of an array within the first values.
  public func recognizes(_ candidate: Candidate) -> Bool {
    // The file itself, since what is passed over may be longer than its head.
    var bytes = MsgpackReader(candidate.file)
    guard candidate.head.first.map({ (0x81...0x8F).contains($0) || $0 == 0xDE || $0 == 0xDF }) == true,
      let first = try? bytes.next(), case .dictionary(let count) = first, count > 0
    else { return false }
    // A key, then whatever comes until there is an array: a few counters may stand before it.
    for index in 0..<Limits.msgpackNesting * 4 {
      guard let value = try? bytes.next() else { return false }
      switch value {
      case .text(let range):
        guard range.count <= Limits.tensorNameByteCount else { return false }
      case .extended(let kind, _): return (1...3).contains(kind)
      case .dictionary, .integer, .float, .boolean, .null:
        guard index > 0 else { return false }
      case .bytes, .list: return false
      }
    }
    return false
  }

  public func read(_ file: InputFile) throws(OunceError) -> Model {
    var tree = MsgpackTree(file)
    return try tree.read()
  }
}
