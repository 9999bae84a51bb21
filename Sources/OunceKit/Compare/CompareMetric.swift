public import OunceCore

/// A figure by which two tensors are compared.
public enum CompareMetric: String, CaseIterable, Sendable {
  case max, mean, rmse, relative, nmse, cosine, sqnr

  /// What it is, for a table.
  public var title: String {
    switch self {
    case .max: "max error"
    case .mean: "mean error"
    case .rmse: "RMSE"
    case .relative: "relative"
    case .nmse: "NMSE"
    case .cosine: "cosine"
    case .sqnr: "SQNR dB"
    }
  }

  /// Its formula.
  public var meaning: String {
    switch self {
    case .max: "max |a − b|"
    case .mean: "mean of |a − b|"
    case .rmse: "√ mean of (a − b)²"
    case .relative: "relative RMSE: ‖a − b‖ / ‖a‖"
    case .nmse: "‖a − b‖² / ‖a‖²"
    case .cosine: "a · b / (‖a‖ ‖b‖)"
    case .sqnr: "10 log₁₀(‖a‖² / ‖a − b‖²)"
    }
  }

  /// Whether more is better.
  public var isBetterHigher: Bool { self == .cosine || self == .sqnr }

  public func value(of figures: ErrorFigures) -> Double {
    switch self {
    case .max: figures.maxError
    case .mean: figures.meanError
    case .rmse: figures.rmse
    case .relative: figures.relativeRMSE
    case .nmse: figures.nmse
    case .cosine: figures.cosine
    case .sqnr: figures.sqnr
    }
  }

  /// The value as people read it.
  public func text(_ value: Double) -> String {
    switch self {
    case .cosine: FigureText.fixed(value, 6)
    case .sqnr: FigureText.fixed(value, 1)
    default: FigureText.significant(value)
    }
  }

  /// The metrics of a list such as `rmse,cosine`.
  ///
  /// - Throws: `OunceError` of kind `.request` that names a near one.
  public static func list(_ text: String, option: String) throws(OunceError) -> [CompareMetric] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { (word) throws(OunceError) in
      try named(String(word), option: option)
    }
  }

  fileprivate static func named(_ word: String, option: String) throws(OunceError) -> CompareMetric {
    if let metric = CompareMetric(rawValue: word.lowercased()) { return metric }
    let near = NearNames.find(word, among: allCases.map(\.rawValue)).first
    throw OunceError(
      .request, "\(option): there is no metric \(word)",
      remedy: (near.map { "did you mean \($0)? " } ?? "")
        + "there are \(allCases.map(\.rawValue).joined(separator: ", "))")
  }
}

/// A bound on a metric, which every tensor has to keep.
public struct CompareLimit: Sendable, Equatable {
  public let metric: CompareMetric
  public let value: Double

  /// Reads `rmse=1e-3`.
  ///
  /// - Parameter isUpper: whether values above it fail, or values below it.
  /// - Throws: `OunceError` of kind `.request`, also when the other side of the metric is the bad one.
  public init(_ text: String, isUpper: Bool) throws(OunceError) {
    let (option, other) = isUpper ? ("--fail-above", "--fail-below") : ("--fail-below", "--fail-above")
    guard let sign = text.firstIndex(of: "="), let value = Double(text[text.index(after: sign)...]), !value.isNaN else {
      throw OunceError(
        .request, "\(option) \(text): expected METRIC=VALUE", remedy: isUpper ? "such as nmse=1e-3" : "such as sqnr=20")
    }
    metric = try CompareMetric.named(String(text[..<sign]), option: option)
    guard metric.isBetterHigher != isUpper else {
      throw OunceError(
        .request, "\(option) \(text): \(metric.rawValue) is better the \(isUpper ? "higher" : "lower") it is",
        remedy: "use \(other) \(text)")
    }
    self.value = value
  }

  /// Whether these figures fail; NaN does.
  public func isExceeded(by figures: ErrorFigures) -> Bool {
    let found = metric.value(of: figures)
    return metric.isBetterHigher ? !(found >= value) : !(found <= value)
  }

  /// `relative above 0.1`
  public var description: String {
    "\(metric.rawValue) \(metric.isBetterHigher ? "below" : "above") \(FigureText.significant(value))"
  }
}
