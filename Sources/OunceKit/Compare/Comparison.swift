internal import OunceCore
internal import OunceEncoding

/// What a comparison is asked for.
public struct CompareOptions: Sendable {
  /// Only tensors whose names match: those of the GGUF where a checkpoint is translated.
  public var filter: Glob?
  /// Whether names are paired as they are, without translating a checkpoint.
  public var usesOriginalNames = false
  /// How a checkpoint is translated.
  public var translation = TranslationOptions()
  /// Layers of the first model that the second was made without; those behind them have other numbers there.
  public var prunedLayers: [Int] = []
  /// Of so many of the worst tensors histograms are made, in a second reading.
  public var histogramCount = 0
  /// Threads; nil: one for each processor.
  public var jobs: Int?
  public var isCancelled: @Sendable () -> Bool = { false }

  public init() {}
}

/// What came of comparing two models.
public struct Comparison: Sendable {
  /// One of both models.
  public struct Subject: Sendable {
    public let path: String
    public let container: String
    public let tensorCount: Int
    public let byteCount: Int
    /// Whether its tensors were given the names that they have in GGUF.
    public let isTranslated: Bool
    /// Bytes of all tensors of each type, the largest first.
    public let sizes: [(dtype: String, byteCount: Int)]
  }

  public let a: Subject
  public let b: Subject
  /// Tensors that both have, in the order of `a`.
  public internal(set) var tensors: [TensorComparison] = []
  public let onlyInA: [TensorDescription]
  public let onlyInB: [TensorDescription]
  public let metadata: [MetadataDifference]
  /// What the user should know, one sentence each.
  public let notes: [String]
  public internal(set) var histograms: [ErrorHistogram] = []

  /// The figures of all tensors that were compared, as if they were one.
  public var overall: ErrorFigures {
    tensors.reduce(into: ErrorFigures()) { sum, tensor in if let figures = tensor.figures { sum.add(figures) } }
  }

  /// The tensors that both have, the worst first: those that cannot be compared, then by relative error.
  public var worstFirst: [TensorComparison] {
    let keys = tensors.map { $0.figures?.nmse ?? .infinity }
    return tensors.indices.sorted {
      let isLast = (tensors[$0].figures != nil, tensors[$1].figures != nil)
      if isLast.0 != isLast.1 { return isLast.1 }
      return keys[$0] == keys[$1] ? $0 < $1 : keys[$0] > keys[$1]
    }.map { tensors[$0] }
  }

  /// Why this comparison fails under `limits`: a tensor beyond one, and, where there is any limit, a tensor that could
  /// not be compared.
  public func failures(_ limits: [CompareLimit]) -> [CompareFailure] {
    guard !limits.isEmpty else { return [] }
    var failures: [CompareFailure] = []
    for tensor in worstFirst {
      guard let figures = tensor.figures else {
        failures.append(CompareFailure(tensor: tensor.name, problem: tensor.reason ?? "not compared"))
        continue
      }
      for limit in limits where limit.isExceeded(by: figures) {
        let value = limit.metric.value(of: figures)
        failures.append(
          CompareFailure(
            tensor: tensor.name, metric: limit.metric, value: value,
            problem: "\(limit.metric.rawValue) is \(limit.metric.text(value))"))
      }
    }
    failures += onlyInA.map { CompareFailure(tensor: $0.name, problem: "is only in A") }
    failures += onlyInB.map { CompareFailure(tensor: $0.name, problem: "is only in B") }
    // A pipeline must not take silence for consent.
    if tensors.isEmpty { failures.append(CompareFailure(tensor: "*", problem: "no tensor was compared")) }
    return failures
  }
}

/// A tensor that breaks a limit.
public struct CompareFailure: Sendable {
  /// Its name; `*` where there is none at all.
  public let tensor: String
  /// nil: it could not be compared.
  public var metric: CompareMetric?
  public var value: Double?
  public let problem: String

  public var message: String { "\(tensor): \(problem)" }
}

/// A tensor as a model has it.
public struct TensorDescription: Sendable {
  public let name: String
  /// Its encoding, or the way in which its planes are quantized.
  public let dtype: String
  public let shape: [Int]
  public let byteCount: Int

  init(_ tensor: Tensor) {
    name = tensor.info.name
    dtype = tensor.stored?.name ?? tensor.info.encoding.name
    shape = tensor.info.shape
    byteCount = tensor.stored?.byteCount ?? tensor.info.byteCount
  }
}

/// One tensor in both models.
public struct TensorComparison: Sendable {
  public let a: TensorDescription
  public let b: TensorDescription
  /// nil: it could not be compared.
  public let figures: ErrorFigures?
  /// Why not.
  public let reason: String?
  /// At most three, the worst first; none where nothing differs.
  public let worstRows: [RowError]

  public var name: String { a.name }
  public var isIdentical: Bool { figures?.isIdentical ?? false }

  /// `BF16 → Q4_K`; one where both are the same.
  public var types: String { a.dtype == b.dtype ? a.dtype : "\(a.dtype) → \(b.dtype)" }
  /// `[2, 3]`, or both with an arrow.
  public var shapes: String {
    a.shape == b.shape ? FigureText.shape(a.shape) : "\(FigureText.shape(a.shape)) → \(FigureText.shape(b.shape))"
  }
}
