/// Error over depth: one row for each role, one bar for each block, all on one scale.
struct DepthPlot {
  private struct Row {
    let role: String
    /// The relative error in each block; where a block has several tensors of the role, the largest.
    var values: [Int: Double]
    var worst: (depth: Int, value: Double) {
      values.map { (depth: $0.key, value: $0.value) }.max { ($0.value, $1.depth) < ($1.value, $0.depth) } ?? (0, 0)
    }
  }

  private let rows: [Row]
  private let depths: [Int]
  private let hiddenRoleCount: Int
  private let top: Double
  /// Bars above it stand out.
  private let threshold: Double

  /// - Returns: nil when no tensor is in a block.
  init?(_ tensors: [TensorComparison]) {
    var order: [String] = []
    var values: [String: [Int: Double]] = [:]
    for tensor in tensors {
      let place = DepthPlace(tensor.name)
      guard let depth = place.depth, let figures = tensor.figures else { continue }
      if values[place.role] == nil { order.append(place.role) }
      values[place.role, default: [:]][depth] = max(values[place.role]?[depth] ?? 0, figures.relativeRMSE)
    }
    let all = order.map { Row(role: $0, values: values[$0] ?? [:]) }
    guard !all.isEmpty else { return nil }
    // Roles that are copied exactly would only take room.
    let different = all.filter { $0.worst.value > 0 }
    let shown =
      different.count <= Self.roleCount
      ? different : Array(different.sorted { $0.worst.value > $1.worst.value }.prefix(Self.roleCount))
    rows = shown
    hiddenRoleCount = all.count - shown.count
    depths = Array(Set(all.flatMap(\.values.keys)).sorted().prefix(Self.depthCount))
    let finite = shown.flatMap(\.values.values).filter { $0.isFinite && $0 > 0 }.sorted()
    top = finite.last ?? 1
    threshold = 1.5 * (finite.isEmpty ? 1 : finite[finite.count / 2])
  }

  /// In words, for those who do not see it.
  var summary: String {
    guard let worst = rows.max(by: { $0.worst.value < $1.worst.value }) else {
      return "No tensor in any of \(depths.count) blocks differs."
    }
    let (depth, value) = worst.worst
    return "Relative error of \(rows.count) roles in \(depths.count) blocks. The largest is "
      + "\(FigureText.significant(value)), of \(worst.role.shortened(to: 80)) in block \(depth)."
      + (hiddenRoleCount > 0 ? " \(hiddenRoleCount) further roles have less error or none." : "")
  }

  func write(to markup: inout Markup) {
    guard !rows.isEmpty else {
      markup.element("p", summary)
      return
    }
    let pitch = max(4, min(28, Self.plotWidth / depths.count))
    let width = Self.left + max(pitch * depths.count + Self.right, Self.leastWidth)
    let height = Self.rowHeight * rows.count + 34
    markup.figure("depth", width: width, height: height, title: "Error over depth, by role", summary: summary) { svg in
      for (index, row) in rows.enumerated() { write(row, y: index * Self.rowHeight, pitch: pitch, to: &svg) }
      let base = Self.rowHeight * rows.count + 14
      let step = max(1, (depths.count * 22 + pitch * depths.count - 1) / max(1, pitch * depths.count))
      for (index, depth) in depths.enumerated() where index % step == 0 {
        svg.element(
          "text", ["class": "tick", "x": "\(Self.left + index * pitch + pitch / 2)", "y": "\(base)"], "\(depth)")
      }
      svg.element(
        "text", ["class": "axis", "x": "\(Self.left)", "y": "\(base + 16)"],
        "block; full height is \(FigureText.significant(top)); marked: above 1.5 times the median")
    }
  }

  private func write(_ row: Row, y: Int, pitch: Int, to svg: inout Markup) {
    let base = y + Self.rowHeight - 4
    svg.element("text", ["class": "label", "x": "\(Self.left - 8)", "y": "\(base - 4)"], row.role.shortened(to: 32))
    svg.empty(
      "line",
      [
        "class": "grid", "x1": "\(Self.left)", "x2": "\(Self.left + pitch * depths.count)", "y1": "\(base)",
        "y2": "\(base)",
      ])
    for (index, depth) in depths.enumerated() {
      guard let value = row.values[depth], value > 0 else { continue }
      let room = Double(Self.rowHeight - 8)
      let height = value.isFinite ? max(1, value / top * room) : room
      svg.element(
        "rect",
        [
          "class": value > threshold ? "hot" : "bar", "x": "\(Self.left + index * pitch)",
          "y": FigureText.fixed(Double(base) - height, 1), "width": "\(max(2, pitch - max(1, pitch / 6)))",
          "height": FigureText.fixed(height, 1),
        ]
      ) { $0.element("title", "block \(depth): \(FigureText.significant(value))") }
    }
    svg.element(
      "text", ["class": "value", "x": "\(Self.left + pitch * depths.count + 8)", "y": "\(base - 4)"],
      FigureText.significant(row.worst.value))
  }

  private static let roleCount = 32
  private static let depthCount = 512
  private static let rowHeight = 32
  private static let left = 230
  private static let right = 64
  private static let plotWidth = 640
  private static let leastWidth = 420
}

extension Markup {
  /// A plot with a name and a description for screen readers, which do not read what is in it.
  mutating func figure(
    _ id: String, width: Int, height: Int, title: String, summary: String, content: (inout Markup) -> Void
  ) {
    figure("scroll", title: title, summary: summary) { markup in
      markup.plot(id, width: width, height: height, title: title, summary: summary, content: content)
    }
  }

  /// A frame around plots, with their name and their description.
  mutating func figure(_ style: String, title: String, summary: String, content: (inout Markup) -> Void) {
    element("figure") { markup in
      markup.element("figcaption") { caption in
        caption.element("strong", title)
        caption.write(". " + summary)
      }
      markup.element(
        "div", ["class": style, "tabindex": "0", "role": "group", "aria-label": title], content: content)
    }
    line()
  }

  /// A plot inside of a frame.
  mutating func plot(
    _ id: String, width: Int, height: Int, title: String, summary: String, content: (inout Markup) -> Void
  ) {
    element(
      "svg",
      [
        "role": "img", "aria-labelledby": "\(id)-title \(id)-summary", "viewBox": "0 0 \(width) \(height)",
        "width": "\(width)", "height": "\(height)",
      ]
    ) { svg in
      svg.element("title", ["id": "\(id)-title"], title)
      svg.element("desc", ["id": "\(id)-summary"], summary)
      content(&svg)
    }
  }
}
