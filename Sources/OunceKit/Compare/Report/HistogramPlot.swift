/// The weights of both sides over each other, and beside them their differences.
struct HistogramPlot {
  let id: String
  let histogram: ErrorHistogram
  let tensor: TensorComparison

  func write(to markup: inout Markup) {
    let half = Self.width / 2
    markup.figure(
      id, width: Self.width, height: Self.height + 40, title: histogram.name.shortened(to: 120), summary: summary
    ) { svg in
      let top = max(histogram.a.max() ?? 0, histogram.b.max() ?? 0)
      svg.empty("path", ["class": "a", "d": Self.area(histogram.a, top, x: 0)])
      svg.empty("path", ["class": "outline", "d": Self.outline(histogram.b, top, x: 0)])
      svg.empty(
        "path", ["class": "error", "d": Self.area(histogram.errors, histogram.errors.max() ?? 0, x: half + 20)])
      let base = Self.height + 16
      let (low, high) = (histogram.weights.lowerBound, histogram.weights.upperBound)
      svg.text("left", x: 0, y: base, FigureText.significant(low))
      svg.text("axis-middle", x: Double(half - 20) / 2, y: base, "weights")
      svg.text("right", x: Double(half - 20), y: base, FigureText.significant(high))
      svg.text("left", x: Double(half + 20), y: base, FigureText.significant(-histogram.largestError))
      svg.text("axis-middle", x: Double(half + 20) + Double(half - 20) / 2, y: base, "errors, b − a")
      svg.text("right", x: Double(Self.width), y: base, FigureText.significant(histogram.largestError))
    }
  }

  private var summary: String {
    guard let figures = tensor.figures else { return "" }
    return "\(tensor.types), relative error \(FigureText.significant(figures.relativeRMSE)). "
      + "Weights of A lie from \(FigureText.significant(figures.smallest)) to "
      + "\(FigureText.significant(figures.largest)); differences reach \(FigureText.significant(figures.maxError)), "
      + "\(FigureText.significant(figures.meanError)) on average. Filled: A; line: B."
  }

  /// The closed shape of bars beside each other.
  private static func area(_ counts: [Int], _ top: Int, x: Int) -> String {
    steps(counts, top, x: x, from: "M\(x) \(height)") + "V\(height)Z"
  }

  /// Their upper edge only.
  private static func outline(_ counts: [Int], _ top: Int, x: Int) -> String {
    steps(counts, top, x: x, from: "M\(x) \(height)") + "V\(height)"
  }

  private static func steps(_ counts: [Int], _ top: Int, x: Int, from start: String) -> String {
    let width = Double(Self.width / 2 - 20) / Double(max(1, counts.count))
    return counts.enumerated().reduce(into: start) { path, bin in
      let y = Double(height) * (1 - (top > 0 ? Double(bin.element) / Double(top) : 0))
      path += "V\(FigureText.fixed(y, 1))H\(FigureText.fixed(Double(x) + Double(bin.offset + 1) * width, 1))"
    }
  }

  private static let width = 860
  private static let height = 110
}
