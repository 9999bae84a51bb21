/// How the weights of both sides and their differences are spread.
public struct ErrorHistogram: Sendable, Equatable {
  public static let binCount = 48

  public let name: String
  /// The range of weights: that of `a`, by which `b` is counted too.
  public let weights: ClosedRange<Double>
  /// Differences lie from minus to plus this.
  public let largestError: Double
  public private(set) var a = [Int](repeating: 0, count: binCount)
  public private(set) var b = [Int](repeating: 0, count: binCount)
  public private(set) var errors = [Int](repeating: 0, count: binCount)

  init(name: String, _ figures: ErrorFigures) {
    self.name = name
    weights = figures.smallest...max(figures.smallest, figures.largest)
    largestError = figures.largestError
  }

  /// Counts elements of both sides; what is beyond an end belongs to its bin, NaN to none.
  mutating func count(_ a: Span<Float>, _ b: Span<Float>) {
    for index in a.indices {
      let (x, y) = (Double(a[index]), Double(b[index]))
      Self.count(x, weights.lowerBound, weights.upperBound, &self.a)
      Self.count(y, weights.lowerBound, weights.upperBound, &self.b)
      Self.count(y - x, -largestError, largestError, &errors)
    }
  }

  /// Adds the counts of other elements.
  mutating func add(_ other: ErrorHistogram) {
    for bin in 0..<Self.binCount {
      a[bin] += other.a[bin]
      b[bin] += other.b[bin]
      errors[bin] += other.errors[bin]
    }
  }

  private static func count(_ value: Double, _ low: Double, _ high: Double, _ bins: inout [Int]) {
    guard value.isFinite else { return }
    let place = high > low ? (value - low) / (high - low) * Double(binCount) : 0
    bins[Int(min(max(place, 0), Double(binCount - 1)))] += 1
  }
}
