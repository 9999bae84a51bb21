internal import OunceCore

/// Rows that are those of the source, in another order.
public struct RowOrder: LineagePattern {
  public let id = "OUN412"
  public let name = "row-order"
  public let severity = Severity.error
  public let level = CheckLevel.full
  public let proves = "Rows are in the order of the source: of tokens, heads and channels."
  public let example = "model.gguf: tensor token_embd.weight: each row is the source's row 1 further on"
  public let fix = "convert the checkpoint again; of embeddings, with the tokenizer that belongs to it"
  let isSearch = true

  public init() {}

  func explanation(of suspect: Suspect, _ context: LineageContext) throws(OunceError) -> Explanation? {
    let shape = suspect.found.info.shape
    guard shape.count >= 2, !suspect.expectedRows.isEmpty, shape == suspect.expected.info.shape,
      (16...Limits.comparedColumns).contains(shape[shape.count - 1])
    else { return nil }
    let sought = try soughtRows(suspect)
    let matches = try nearest(to: sought, suspect.expected, context)
    let limit = min(0.9, suspect.range.row)
    guard matches.allSatisfy({ $0.error <= limit }) else { return nil }
    let pairs = zip(sought, matches).map { (found: $0.row, source: $1.row) }
    guard pairs.contains(where: { $0.found != $0.source }) else { return nil }
    let error = matches.map(\.error).max() ?? 0
    return Explanation(self, Self.text(pairs, rowCount: suspect.found.info.rowCount), error: error, suspect)
  }

  /// The rows to look for: the worst where only some are out of range, else some that stand for all.
  private func soughtRows(_ suspect: Suspect) throws(OunceError) -> [(row: Int, values: [Float])] {
    let rows =
      suspect.isLocal
      ? suspect.outcome.worstRows.filter { !suspect.range.holds($0) }.prefix(3).map(\.row)
      : suspect.sample.runs.flatMap { [$0.lowerBound, $0.upperBound - 1] }
    var sought: [(row: Int, values: [Float])] = []
    for row in Array(Set(rows)).sorted().prefix(Limits.soughtRows) {
      let values = try suspect.found.floats(row..<row + 1)
      // A row of zeros is nowhere, and everywhere.
      if values.contains(where: { $0 != 0 }) { sought.append((row, values)) }
    }
    return sought
  }

  /// The nearest rows of the source, in one reading of it.
  private func nearest(
    to sought: [(row: Int, values: [Float])], _ source: Tensor, _ context: LineageContext
  ) throws(OunceError) -> [(row: Int, error: Double)] {
    var best = sought.map { _ in (row: -1, error: Double.infinity) }
    let columns = source.info.columnCount
    let step = max(1, (1 << 18) / columns)
    for start in stride(from: 0, to: source.info.rowCount, by: step) {
      if context.isCancelled() { throw .cancelled }
      let rows = start..<min(start + step, source.info.rowCount)
      let values = try source.floats(rows)
      for (index, wanted) in sought.enumerated() {
        for row in rows {
          let place = (row - start) * columns
          // The beginning tells most rows from the one that is sought.
          let head = Suspect.relativeError(values[place..<place + min(columns, 32)], wanted.values[..<min(columns, 32)])
          guard head < 1 else { continue }
          let error = Suspect.relativeError(values[place..<place + columns], wanted.values)
          if error < best[index].error { best[index] = (row, error) }
        }
      }
    }
    return best
  }

  private static func text(_ pairs: [(found: Int, source: Int)], rowCount: Int) -> String {
    let shift = pairs[0].source - pairs[0].found
    if shift != 0, pairs.count > 1, pairs.allSatisfy({ ($0.found + shift + rowCount) % rowCount == $0.source }) {
      return "each row is the source's row \(shift.magnitude) further \(shift > 0 ? "on" : "up")"
    }
    if pairs.count > 1, pairs.allSatisfy({ $0.found + $0.source == rowCount - 1 }) {
      return "rows are in reverse order"
    }
    let moved = pairs.filter { $0.found != $0.source }.prefix(3)
    return "rows are in another order: " + moved.map { "row \($0.found) is \($0.source)" }.joined(separator: ", ")
  }
}

extension Limits {
  /// Rows of one tensor that are looked for in the source.
  static let soughtRows = 8
}
