/// Bars with labels, in one or two series: sizes by type of both models, errors of tensors outside of blocks.
struct BarPlot {
  struct Entry {
    let label: String
    /// One for each series; nil: it has none there.
    let values: [Double?]
  }

  let id: String
  let title: String
  let summary: String
  let entries: [Entry]
  let text: (Double) -> String

  func write(to markup: inout Markup) {
    let seriesCount = entries.map(\.values.count).max() ?? 0
    guard seriesCount > 0 else { return }
    let top = entries.flatMap(\.values).compactMap { $0 }.filter(\.isFinite).max() ?? 0
    let rowHeight = seriesCount * Self.barPitch + 10
    markup.figure(
      id, width: Self.left + Self.plotWidth + Self.right, height: rowHeight * entries.count, title: title,
      summary: summary
    ) { svg in
      for (row, entry) in entries.enumerated() {
        let y = row * rowHeight + 5
        svg.element(
          "text", ["class": "label", "x": "\(Self.left - 8)", "y": "\(y + seriesCount * Self.barPitch / 2 + 4)"],
          entry.label.shortened(to: 32))
        for (series, value) in entry.values.enumerated() {
          guard let value else { continue }
          let share = top > 0 && value.isFinite ? value / top : value > 0 ? 1 : 0
          let width = share > 0 ? max(1, share * Double(Self.plotWidth)) : 0
          let barY = y + series * Self.barPitch
          svg.empty(
            "rect",
            [
              "class": Self.classes[series % Self.classes.count], "x": "\(Self.left)", "y": "\(barY)",
              "width": FigureText.fixed(width, 1), "height": "\(Self.barPitch - 3)",
            ])
          svg.text("value", x: Double(Self.left) + width + 6, y: barY + Self.barPitch - 6, text(value))
        }
      }
    }
  }

  private static let classes = ["a", "b"]
  private static let barPitch = 17
  private static let left = 230
  private static let right = 110
  private static let plotWidth = 520
}

extension Markup {
  mutating func text(_ style: String, x: Double, y: Int, _ content: String) {
    element("text", ["class": style, "x": FigureText.fixed(x, 1), "y": "\(y)"], content)
  }
}
