internal import OrderedCollections
internal import OunceContainers
internal import OunceCore
internal import OunceEncoding

// The GGUF format: `general.type` is "imatrix", and each matrix `x` has two tensors of F32: `x.in_sum2`, one row of
// sums for each expert, and `x.counts`, one number for each.
// (https://github.com/ggml-org/llama.cpp/blob/master/tools/imatrix/README.md)

private let sumsEnding = ".in_sum2"
private let countsEnding = ".counts"
private let datasetsKey = "imatrix.datasets"
private let chunkCountKey = "imatrix.chunk_count"
private let chunkSizeKey = "imatrix.chunk_size"

extension ImportanceMatrix {
  static func readGGUF(_ file: InputFile) throws(OunceError) -> Content {
    let model = try Containers.read(file)
    guard model.metadata["general.type"]?.string == "imatrix" else {
      throw OunceError(
        .request, "is a GGUF file, but no importance matrix", file: file.path,
        remedy: "llama-imatrix makes one: llama-imatrix -m model.gguf -f text.txt -o imatrix.gguf")
    }
    var content = Content()
    if case .array(.strings(let names)) = model.metadata[datasetsKey] { content.datasets = Array(names) }
    content.chunkCount = model.metadata[chunkCountKey]?.integer ?? 0
    content.chunkSize = model.metadata[chunkSizeKey]?.integer
    // Counts are divided by it.
    if let size = content.chunkSize, !(1...Limits.importanceChunkSize).contains(size) {
      throw OunceError(
        .malformed, "chunks of \(size) tokens are outside 1...\(Limits.importanceChunkSize)", file: file.path,
        subject: "key \(chunkSizeKey)")
    }
    let tensors = Dictionary(model.tensors.map { ($0.info.name, $0) }, uniquingKeysWith: { first, _ in first })
    for tensor in model.tensors {
      if tensor.info.name.hasSuffix(sumsEnding) {
        let name = String(tensor.info.name.dropLast(sumsEnding.count))
        guard let counts = tensors[name + countsEnding] else {
          throw OunceError(.malformed, "has sums but no counts", file: file.path, subject: "tensor \(name)")
        }
        content.entries[name] = try entry(tensor, counts, file.path)
      } else if tensor.info.name.hasSuffix(countsEnding) {
        let name = String(tensor.info.name.dropLast(countsEnding.count))
        guard tensors[name + sumsEnding] != nil else {
          throw OunceError(.malformed, "has counts but no sums", file: file.path, subject: "tensor \(name)")
        }
      }
    }
    guard !content.entries.isEmpty else {
      throw OunceError(
        .malformed, "holds no sums", file: file.path, remedy: "make the importance matrix again, or fetch it again")
    }
    return content
  }

  private static func entry(_ sums: Tensor, _ counts: Tensor, _ path: String) throws(OunceError) -> Entry {
    let (sums, counts, name) = (try floats(of: sums, path), try floats(of: counts, path), sums.info.name)
    guard !counts.isEmpty, sums.count % counts.count == 0 else {
      throw OunceError(
        .malformed, "\(sums.count) sums do not divide by \(counts.count) counts", file: path, subject: "tensor \(name)")
    }
    var whole: [Int] = []
    for count in counts {
      // Beyond 2^53 a count is damage: no run reads so many tokens.
      guard count.isFinite, count.magnitude < 9e15 else {
        throw OunceError(.malformed, "a count is \(count)", file: path, subject: "tensor \(name)")
      }
      whole.append(Int(count.rounded(.toNearestOrAwayFromZero)))
    }
    return Entry(sums: sums, counts: whole)
  }

  private static func floats(of tensor: Tensor, _ path: String) throws(OunceError) -> [Float] {
    guard tensor.info.encoding.name == "F32", tensor.info.elementCount <= Limits.importanceCount else {
      throw OunceError(
        .malformed, "expected at most \(Limits.importanceCount) elements of F32", file: path,
        subject: "tensor \(tensor.info.name)")
    }
    return try tensor.floats()
  }

  /// Metadata and tensors of the GGUF format.
  func gguf() throws(OunceError) -> (metadata: Metadata, tensors: [Tensor]) {
    let metadata: Metadata = [
      "general.type": .string("imatrix"), datasetsKey: .strings(datasets),
      chunkCountKey: .uint32(UInt32(clamping: chunkCount)),
      chunkSizeKey: .uint32(UInt32(clamping: chunkSize ?? Self.usualChunkSize)),
    ]
    let f32 = try Encodings.require("F32")
    var tensors: [Tensor] = []
    for (name, entry) in entries where !entry.sums.isEmpty && !entry.counts.isEmpty {
      let experts = entry.counts.count
      tensors.append(
        try Tensor(
          name: name + sumsEnding, shape: [experts, entry.columnCount], encoding: f32,
          data: Memory(bytes: Memory.bytes(of: entry.sums), rowByteCount: 4 * entry.columnCount)))
      tensors.append(
        try Tensor(
          name: name + countsEnding, shape: [experts, 1], encoding: f32,
          data: Memory(bytes: Memory.bytes(of: entry.counts.map { Float($0) }), rowByteCount: 4)))
    }
    return (metadata, tensors)
  }
}
