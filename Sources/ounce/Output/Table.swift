import OunceKit

/// Rows with a header, in each of the formats that commands offer.
struct Table {
  struct Column {
    let title: String
    var isNumber = false
    /// Whether a narrow terminal shows the table without it.
    var mayGo = false
    /// Whether its texts are never cut.
    var isWhole = false
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

  /// The same with rows of at most `width` characters: first without the columns that may go, the last one first, then
  /// with the middle of texts left out, of the longest column first. Numbers stay whole; where all that does not help,
  /// the table stays as it is.
  private func fitting(_ width: Int) -> Table {
    var table = self
    while table.leastWidth(texts: Self.readableTextWidth) > width, let column = table.columns.lastIndex(where: \.mayGo)
    {
      table = table.without(column)
    }
    var widths = table.widths
    var excess = widths.reduce(0, +) + 2 * (widths.count - 1) - width
    guard excess > 0, table.leastWidth(texts: Self.leastTextWidth) <= width else { return excess > 0 ? self : table }
    while excess > 0, let longest = table.cuttable(widths).max(by: { widths[$0] < widths[$1] }) {
      widths[longest] -= 1
      excess -= 1
    }
    table.rows = table.rows.map { row in
      zip(widths, row).map { width, cell in
        let text = cell.escapingControls
        guard text.count > width else { return text }
        let tail = (width - 1) * 2 / 3
        return text.prefix(width - 1 - tail) + "…" + text.suffix(tail)
      }
    }
    return table
  }

  /// Columns whose texts could still be shorter.
  private func cuttable(_ widths: [Int]) -> [Int] {
    widths.indices.filter { !columns[$0].isNumber && !columns[$0].isWhole && widths[$0] > Self.leastTextWidth }
  }

  /// The width of rows when texts are cut to so many characters.
  private func leastWidth(texts textWidth: Int) -> Int {
    let widths = widths
    let savings = cuttable(widths).reduce(0) { $0 + max(0, widths[$1] - max(textWidth, columns[$1].title.count)) }
    return widths.reduce(0, +) + 2 * (widths.count - 1) - savings
  }

  private func without(_ column: Int) -> Table {
    var columns = columns
    columns.remove(at: column)
    var table = Table(columns: columns)
    table.rows = rows.map { row in
      var row = row
      row.remove(at: column)
      return row
    }
    return table
  }

  /// Columns that may go make room until texts have this.
  private static let readableTextWidth = 24
  private static let leastTextWidth = 12

  private func aligned(_ style: Style) -> String {
    let widths = widths
    // Escapes are wider than what they stand for.
    let rows = rows.map { $0.map(\.escapingControls) }
    func line(_ cells: [String], _ decorate: (String) -> String) -> String {
      let padded = zip(columns.indices, cells).map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return decorate(columns[column].isNumber ? padding + cell : cell + padding)
      }
      var text = padded.joined(separator: "  ")
      while text.last == " " { text.removeLast() }
      return text + "\n"
    }
    return line(columns.map(\.title), style.dim) + rows.map { row in line(row) { $0 } }.joined()
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
