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
  func text(_ format: OutputFormat, style: Style) -> String {
    switch format {
    case .table: aligned(style)
    case .tsv: ([columns.map(\.title)] + rows).map { $0.map(Self.oneLine).joined(separator: "\t") + "\n" }.joined()
    case .markdown: markdown
    // Commands that offer JSON write a document of their own.
    case .json: ""
    }
  }

  private func aligned(_ style: Style) -> String {
    // Escapes are wider than what they stand for.
    let rows = rows.map { $0.map(\.escapingControls) }
    let widths = columns.indices.map { column in
      max(columns[column].title.count, rows.map { $0[column].count }.max() ?? 0)
    }
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
