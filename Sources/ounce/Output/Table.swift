import OunceKit

/// Rows with a header, in each of the formats that commands offer.
struct Table {
  struct Column {
    let title: String
    var isNumber = false
  }

  let columns: [Column]
  var rows: [[String]] = []

  /// The table as text.
  ///
  /// - Parameter width: columns that there are; texts of wider tables lose their middle, as far as that helps. nil: any
  ///   number.
  func text(_ format: OutputFormat, style: Style, width: Int? = nil) -> String {
    switch format {
    case .table: (width.map(fitting) ?? self).aligned(style)
    case .tsv: ([columns.map(\.title)] + rows).map { $0.map(Self.oneLine).joined(separator: "\t") + "\n" }.joined()
    case .markdown: markdown
    // Commands that offer JSON write a document of their own.
    case .json: ""
    }
  }

  /// Characters of each column.
  private var widths: [Int] {
    columns.indices.map { column in
      max(columns[column].title.count, rows.map { $0[column].escapingControls.count }.max() ?? 0)
    }
  }

  /// The same with texts cut so that rows have at most `width` characters: the longest column first, none below
  /// `leastTextWidth`. Numbers stay whole.
  private func fitting(_ width: Int) -> Table {
    var widths = widths
    var excess = widths.reduce(0, +) + 2 * (widths.count - 1) - width
    guard excess > 0 else { return self }
    while excess > 0 {
      let texts = widths.indices.filter { !columns[$0].isNumber && widths[$0] > Self.leastTextWidth }
      guard let longest = texts.max(by: { widths[$0] < widths[$1] }) else { break }
      widths[longest] -= 1
      excess -= 1
    }
    var table = self
    table.rows = rows.map { row in
      zip(columns.indices, row).map { column, cell in
        let text = cell.escapingControls
        guard text.count > widths[column] else { return text }
        let tail = (widths[column] - 1) * 2 / 3
        return text.prefix(widths[column] - 1 - tail) + "…" + text.suffix(tail)
      }
    }
    return table
  }

  private static let leastTextWidth = Sparkline.cellCount

  private func aligned(_ style: Style) -> String {
    let widths = widths
    func line(_ cells: [String], _ decorate: (String) -> String) -> String {
      let padded = zip(columns.indices, cells).map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return decorate(columns[column].isNumber ? padding + cell : cell + padding)
      }
      var text = padded.joined(separator: "  ")
      while text.last == " " { text.removeLast() }
      return text + "\n"
    }
    return line(columns.map(\.title), style.dim)
      + rows.map { row in line(row.map(\.escapingControls)) { $0 } }.joined()
  }

  private var markdown: String {
    func line(_ cells: [String]) -> String {
      "| " + cells.map { Self.oneLine($0).replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
    }
    return line(columns.map(\.title)) + line(columns.map { $0.isNumber ? "---:" : "---" }) + rows.map(line).joined()
  }

  /// Tabs and line ends would break a row.
  private static func oneLine(_ cell: String) -> String { cell.escapingControls }
}
