internal import OrderedCollections
internal import OunceCore

/// How well an importance matrix fits the tensors that are quantized with it: known before any work.
public struct ImportanceCoverage: Sendable, Equatable {
  /// Tensors whose encoding takes weights, but that have none. Token embeddings are not among them: what selects rows
  /// is not multiplied, so that it is never recorded.
  public internal(set) var missing: [String] = []
  /// Matrices that no tensor of the model is called.
  public internal(set) var unused: [String] = []
  /// Tensors with experts that no token reached, and how many of how many.
  public internal(set) var unreached: [String] = []
  /// Tensors whose weights have another number, and what was expected.
  public internal(set) var misfits: [String] = []
  /// Tensors with weights that count.
  public internal(set) var usedCount = 0

  private var isMissing: Set<String> = []
  private var isUnreached: Set<String> = []

  init(unusedOf weights: ColumnWeights, in prepared: Prepared) {
    let names = Set(prepared.model.tensors.indices.map(prepared.importanceName))
    unused = weights.names.filter { !names.contains($0) }.sorted()
  }

  /// The weights of a tensor that is quantized, and what is noticed on the way.
  ///
  /// - Parameters:
  ///   - name: what the matrix calls it.
  mutating func weights(
    for info: TensorInfo, _ name: String, _ importance: ColumnWeights?, _ choice: Choice
  ) -> [Float]? {
    guard Self.counts(for: choice.encoding.name) else { return nil }
    guard let importance, let weights = importance.weights(of: name) else {
      if !Self.isEmbedding(info.name), isMissing.insert(info.name).inserted { missing.append(info.name) }
      return nil
    }
    // One run of columns for each matrix of a stack; of four dimensions, the third may stand for the fourth, too.
    let matrices = info.shape.dropLast(2)
    let expected = [info.columnCount * matrices.reduce(1, *), info.columnCount * (matrices.last ?? 1)]
    guard expected.contains(weights.count) else {
      if !Self.isEmbedding(info.name) { misfits.append("\(info.name) has \(weights.count) instead of \(expected[0])") }
      return nil
    }
    usedCount += 1
    if let (count, expertCount) = importance.unreached[name], isUnreached.insert(info.name).inserted {
      unreached.append("\(info.name) (\(count) of \(expertCount))")
    }
    return weights
  }

  /// - Throws: `OunceError` when a tensor has weights of another number than columns.
  func checkFit(path: String) throws(OunceError) {
    guard !misfits.isEmpty else { return }
    let shown = misfits.prefix(Limits.listedNames).joined(separator: ", ")
    let rest = misfits.count - min(misfits.count, Limits.listedNames)
    throw OunceError(
      .request, "the numbers of weights do not fit: \(shown)" + (rest > 0 ? " and \(rest) more" : ""), file: path,
      remedy: "take an importance matrix that was made with this very model")
  }

  /// Encodings that pay no attention to weights.
  private static let indifferent: Set<String> = [
    "Q8_0", "Q1_0", "Q2_0", "TQ1_0", "TQ2_0", "MXFP4", "NVFP4",
  ]

  /// Whether `encoding` becomes better with weights.
  static func counts(for encoding: String) -> Bool {
    Encodings.named(encoding)?.kind == .quantized && !indifferent.contains(encoding)
  }

  /// Token embeddings of the two kinds that llama.cpp knows.
  static func isEmbedding(_ name: String) -> Bool { name.hasSuffix("token_embd.weight") }

  /// One line for each kind of gap, with the first few names.
  public var summaries: [String] {
    var lines: [String] = []
    func add(_ names: [String], _ text: String) {
      guard !names.isEmpty else { return }
      let shown = names.prefix(Limits.listedNames).joined(separator: ", ")
      let rest = names.count - min(names.count, Limits.listedNames)
      lines.append("\(names.count) \(text): \(shown)" + (rest > 0 ? " and \(rest) more" : ""))
    }
    add(missing, "tensors have no importance weights")
    add(unused, "matrices of the importance matrix fit no tensor")
    add(unreached, "stacks have experts that no token reached, whose columns count alike")
    return lines
  }
}
