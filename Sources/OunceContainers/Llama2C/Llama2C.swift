public import OunceCore

/// The checkpoints of llama2.c: floats one after the other, in an order that follows from seven numbers.
///
/// | bytes of version 0 | what |
/// |---|---|
/// | 4 each | `dim`, `hidden_dim`, `n_layers`, `n_heads`, `n_kv_heads`, `vocab_size`, `seq_len` |
/// | … | floats: embeddings, norms of attention, wq, wk, wv, wo, norms of the network, w1, w2, w3, |
/// | | the last norm, cosines and sines, the classifier; those of all layers stand together |
///
/// `vocab_size` is negative where the classifier is not the embeddings. There is no magic: a file is one when its size
/// is exactly what the numbers ask for.
///
/// | bytes of versions 1 and 2 | what |
/// |---|---|
/// | 4 | `24ka`: the word "ak42" |
/// | 4 | version |
/// | 28 | the seven numbers |
/// | 1 | whether the classifier is the embeddings |
/// | 4 | version 2: how many elements share a scale |
/// | … | zeros up to byte 256 |
/// | … | floats: both norms of the layers, the last norm |
/// | … | embeddings, wq, wk, wv, wo, w1, w2, w3, the classifier: floats, or 8-bit integers and then their scales |
///
/// Tensors get the names of the checkpoints that the program was written for: those of Meta's Llama
/// (`layers.0.attention.wq.weight`), whose order of heads the file has; Hugging Face's names would promise another. The
/// scales of `X` are `X_scale`, with a column for each group of a row.
///
/// Source: `export.py` of https://github.com/karpathy/llama2.c
public struct Llama2CContainer: Container {
  public let name = "llama2.c"
  public let fileExtensions = ["bin"]

  public init() {}

  static let magic = Array("24ka".utf8)

  public func recognizes(_ candidate: Candidate) -> Bool {
    if candidate.has(Self.magic) { return true }
    guard candidate.head.count >= 28 else { return false }
    var bytes = ByteReader(InputFile(path: candidate.file.path, bytes: candidate.head))
    guard let numbers = try? bytes.integers(7, Int32.self), let sizes = Llama2CSizes(numbers, version: 0) else {
      return false
    }
    return sizes.byteCount == candidate.byteCount
  }

  public func read(_ file: InputFile) throws(OunceError) -> Model {
    var bytes = ByteReader(file)
    var version = 0
    if try file.head(4) == Self.magic {
      try bytes.skip(4)
      let number = try bytes.integer(UInt32.self)
      guard (1...2).contains(number) else {
        throw OunceError(
          .unsupported, "is version \(number) of llama2.c; known are 0, 1 and 2", file: file.path, offset: 4,
          remedy: "the file is damaged, or export it with version 1")
      }
      version = Int(number)
    }
    let start = bytes.offset
    let numbers = try bytes.integers(7, Int32.self)
    guard var sizes = Llama2CSizes(numbers, version: version) else {
      throw bytes.malformed("the sizes \(numbers) make no model", at: start)
    }
    if version > 0 {
      let flag = try bytes.integer(UInt8.self)
      guard flag < 2 else { throw bytes.malformed("the flag of a shared classifier is \(flag)") }
      sizes.hasClassifier = flag == 0
    }
    if version == 2 {
      let groupStart = bytes.offset
      let group = Int(try bytes.integer(Int32.self))
      guard group > 0, sizes.matrices.allSatisfy({ $0.rows * $0.columns % group == 0 }) else {
        throw bytes.malformed("groups of \(group) elements do not divide the matrices", at: groupStart)
      }
      sizes.group = group
    }
    guard let byteCount = sizes.byteCount, byteCount == file.byteCount else {
      throw OunceError(
        .malformed,
        "the sizes \(numbers) ask for \(sizes.byteCount.map { "\($0)" } ?? "too many") bytes, but the file has "
          + "\(file.byteCount)", file: file.path, offset: min(start, file.byteCount),
        remedy: "the download was cut short, or the file is damaged; fetch it again")
    }
    return Model(
      path: file.path, container: name, metadata: sizes.metadata, tensors: try sizes.tensors(in: file), files: [file])
  }
}
