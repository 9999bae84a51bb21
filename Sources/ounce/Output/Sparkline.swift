/// A histogram in one word of text.
enum Sparkline {
  /// Cells that a histogram takes in a table.
  static let cellCount = 16

  /// Eight heights, the tallest for the largest count; a blank where nothing was counted, so that outliers show.
  static func text(_ counts: [Int], isUnicode: Bool) -> String {
    guard !counts.isEmpty else { return "" }
    let width = max(1, (counts.count + cellCount - 1) / cellCount)
    let cells = stride(from: 0, to: counts.count, by: width).map { start in
      counts[start..<min(start + width, counts.count)].reduce(0, +)
    }
    let top = cells.max() ?? 0
    let heights = Array(isUnicode ? "▁▂▃▄▅▆▇█" : ".:-=+*#@")
    return String(
      cells.map { count -> Character in
        guard count > 0 else { return " " }
        let share = Double(count) / Double(top)
        return heights[min(heights.count - 1, max(0, Int((share * Double(heights.count)).rounded(.up)) - 1))]
      })
  }
}
