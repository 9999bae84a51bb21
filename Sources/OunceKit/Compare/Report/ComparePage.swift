/// A comparison as one page.
public struct ComparePage: Sendable {
  /// Tensors whose weights and errors are shown as histograms.
  public static let histogramCount = 6

  let comparison: Comparison
  let limits: [CompareLimit]

  public init(_ comparison: Comparison, limits: [CompareLimit] = []) {
    self.comparison = comparison
    self.limits = limits
  }

  public var html: String { "" }
}
