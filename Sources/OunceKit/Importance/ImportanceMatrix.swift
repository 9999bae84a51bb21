public import OunceCore
internal import OrderedCollections

/// How much each column of each matrix matters: the mean of the squares of what it is multiplied with, recorded by
/// llama-imatrix while a model ran.
///
/// In a GGUF file each matrix `x` has two tensors: `x.in_sum2`, sums of squares with one row per expert, and
/// `x.counts`, how many tokens each expert saw.
public struct ImportanceMatrix: Sendable {
  /// The path as the user spelled it.
  public let path: String
  /// The texts that were read, by name.
  public let datasets: [String]
  public let chunkCount: Int
  /// Weights by the name of the matrix; for stacked experts one run of columns after the other.
  public let weights: [String: [Float]]

  /// Reads an importance matrix in GGUF form.
  ///
  /// - Throws: `OunceError` when the file is something else, or a sum has no count.
  public init(path: String) throws(OunceError) {
    let model = try Open.model(at: path)
    guard model.container == "GGUF", model.metadata["general.type"]?.string == "imatrix" else {
      throw OunceError(
        .request, "is no importance matrix", file: path,
        remedy: "llama-imatrix writes one; --imatrix takes its GGUF file")
    }
    self.path = path
    if case .array(.strings(let names)) = model.metadata["imatrix.datasets"] {
      datasets = Array(names)
    } else {
      datasets = []
    }
    chunkCount = model.metadata["imatrix.chunk_count"]?.integer ?? 0
    let tensors = Dictionary(model.tensors.map { ($0.info.name, $0) }, uniquingKeysWith: { first, _ in first })
    var weights: [String: [Float]] = [:]
    for tensor in model.tensors where tensor.info.name.hasSuffix(Self.sumsEnding) {
      let name = String(tensor.info.name.dropLast(Self.sumsEnding.count))
      guard let counts = tensors[name + ".counts"] else {
        throw OunceError(.malformed, "has sums but no counts", file: path, subject: "tensor \(name)")
      }
      weights[name] = try Self.means(of: tensor, counts, path)
    }
    self.weights = weights
  }

  private static let sumsEnding = ".in_sum2"

  private static func means(of sums: Tensor, _ counts: Tensor, _ path: String) throws(OunceError) -> [Float] {
    var values = try floats(of: sums, path)
    let counts = try floats(of: counts, path)
    guard !counts.isEmpty, values.count % counts.count == 0 else {
      throw OunceError(
        .malformed, "\(values.count) sums do not divide by \(counts.count) counts", file: path,
        subject: "tensor \(sums.info.name)")
    }
    let columns = values.count / counts.count
    for (expert, count) in counts.enumerated() {
      for index in expert * columns..<(expert + 1) * columns {
        // An expert that no token reached says nothing, so all of its columns count alike.
        values[index] = count > 0 ? values[index] / count : 1
      }
    }
    if let bad = values.firstIndex(where: { !$0.isFinite }) {
      throw OunceError(.malformed, "weight \(bad) is not finite", file: path, subject: "tensor \(sums.info.name)")
    }
    return values
  }

  private static func floats(of tensor: Tensor, _ path: String) throws(OunceError) -> [Float] {
    guard tensor.info.encoding.name == "F32", tensor.info.elementCount <= Limits.importanceCount else {
      throw OunceError(
        .malformed, "expected at most \(Limits.importanceCount) elements of F32", file: path,
        subject: "tensor \(tensor.info.name)")
    }
    var bytes = [UInt8](repeating: 0, count: tensor.info.byteCount)
    try bytes.withMutableRawSpan { (span) throws(OunceError) in
      try tensor.data.read(rows: 0..<tensor.info.rowCount, into: &span)
    }
    var values = [Float](repeating: 0, count: tensor.info.elementCount)
    bytes.withRawSpan { bytes in
      var elements = values.mutableSpan
      tensor.info.encoding.decode(bytes, into: &elements)
    }
    return values
  }
}

extension ImportanceMatrix {
  /// What llama-quantize records of the matrix in the file that it made.
  var record: Metadata {
    var record: Metadata = ["quantize.imatrix.file": .string(path)]
    if let dataset = datasets.first { record["quantize.imatrix.dataset"] = .string(dataset) }
    record["quantize.imatrix.entries_count"] = .uint32(UInt32(clamping: weights.count))
    if chunkCount > 0 { record["quantize.imatrix.chunks_count"] = .uint32(UInt32(clamping: chunkCount)) }
    return record
  }

  /// The weights for the tensor `info`, or nil when there are none of this name.
  ///
  /// - Throws: `OunceError` when there are, but not one for each column of each expert. Token embeddings are excused:
  ///   what they are multiplied with is not recorded.
  func weights(for info: TensorInfo) throws(OunceError) -> [Float]? {
    guard let weights = weights[info.name] else { return nil }
    let matrices = info.shape.count > 2 ? info.shape[info.shape.count - 3] : 1
    guard weights.count != info.columnCount * matrices else { return weights }
    if info.name.hasSuffix("token_embd.weight") { return nil }
    throw OunceError(
      .request, "has \(weights.count) weights, but the tensor needs \(info.columnCount * matrices)", file: path,
      subject: "tensor \(info.name)", remedy: "take an importance matrix that was made with this very model")
  }
}
