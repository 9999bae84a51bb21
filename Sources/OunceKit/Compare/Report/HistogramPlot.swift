/// The weights of both sides over each other, and beside them their differences.
struct HistogramPlot {
  let id: String
  let histogram: ErrorHistogram
  let tensor: TensorComparison

  func write(to markup: inout Markup) {
    let title = histogram.name.shortened(to: 120)
    markup.figure("pair", title: title, summary: summary) { markup in
      let (low, high) = (histogram.weights.lowerBound, histogram.weights.upperBound)
      plot(id, "\(title): weights", "weights", low, high, &markup) { svg in
        let top = max(histogram.a.max() ?? 0, histogram.b.max() ?? 0)
        svg.empty("path", ["class": "a", "d": Self.steps(histogram.a, top) + "V\(Self.height)Z"])
        svg.empty("path", ["class": "outline", "d": Self.steps(histogram.b, top) + "V\(Self.height)"])
      }
      let largest = histogram.largestError
      plot("\(id)-errors", "\(title): errors", "errors, b − a", -largest, largest, &markup) { svg in
        let steps = Self.steps(histogram.errors, histogram.errors.max() ?? 0)
        svg.empty("path", ["class": "error", "d": steps + "V\(Self.height)Z"])
      }
    }
  }

  /// One of both, over an axis from `low` to `high`.
  private func plot(
    _ id: String, _ title: String, _ axis: String, _ low: Double, _ high: Double, _ markup: inout Markup,
    content: (inout Markup) -> Void
  ) {
    let range = "From \(FigureText.significant(low)) to \(FigureText.significant(high))."
    markup.plot(id, width: Self.width, height: Self.height + 20, title: title, summary: range) { svg in
      content(&svg)
      let base = Self.height + 16
      svg.text("left", x: 0, y: base, FigureText.significant(low))
      svg.text("axis-middle", x: Double(Self.width) / 2, y: base, axis)
      svg.text("right", x: Double(Self.width), y: base, FigureText.significant(high))
    }
  }

  private var summary: String {
    guard let figures = tensor.figures else { return "" }
    return "\(tensor.types), relative error \(FigureText.significant(figures.relativeRMSE)). "
      + "Weights of A lie from \(FigureText.significant(figures.smallest)) to "
      + "\(FigureText.significant(figures.largest)); differences reach \(FigureText.significant(figures.maxError)), "
      + "\(FigureText.significant(figures.meanError)) on average. Filled: A; line: B."
  }

  /// The upper edge of bars beside each other.
  private static func steps(_ counts: [Int], _ top: Int) -> String {
    let width = Double(width) / Double(max(1, counts.count))
    return counts.enumerated().reduce(into: "M0 \(height)") { path, bin in
      let y = Double(height) * (1 - (top > 0 ? Double(bin.element) / Double(top) : 0))
      path += "V\(FigureText.fixed(y, 1))H\(FigureText.fixed(Double(bin.offset + 1) * width, 1))"
    }
  }

  private static let width = 420
  private static let height = 110
}
