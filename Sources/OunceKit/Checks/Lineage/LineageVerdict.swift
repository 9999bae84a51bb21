internal import OrderedCollections
internal import OunceCore

/// What the errors of all tensors mean together.
struct LineageVerdict {
  private let context: LineageContext
  private let all: [(pair: TensorPair, outcome: LineagePass.Outcome)]
  private let file: String
  private(set) var notes: [String] = []

  init(
    _ context: LineageContext, _ all: [(pair: TensorPair, outcome: LineagePass.Outcome)], file: String
  ) {
    (self.context, self.all, self.file) = (context, all, file)
  }

  mutating func findings() throws(OunceError) -> [Finding] {
    let wrong = all.filter { !Self.isInRange($0.pair, $0.outcome) }
    guard !wrong.isEmpty else { return [] }
    if let other = try otherSource(wrong) { return [other] }
    var explained: [Explained] = []
    // Where nothing explains so many in a row, the rest is not worth reading the source again and again.
    var failureCount = 0
    for (pair, outcome) in wrong.prefix(Limits.explainedTensors) {
      let suspect = try Suspect(pair, outcome)
      let found = try explanation(of: suspect, searches: failureCount < Limits.fruitlessSearches)
      failureCount = found == nil ? failureCount + 1 : 0
      explained.append(
        Explained(explanation: found ?? unexplained(suspect), name: suspect.name, error: suspect.figuresError))
    }
    var findings = told(explained).capped
    if wrong.count > Limits.explainedTensors {
      findings.append(
        OutOfRange().finding("\(wrong.count - Limits.explainedTensors) more tensors are out of range", file: file))
    }
    return findings
  }

  /// A tensor, and what became of it. Its rows are not kept.
  private struct Explained {
    let explanation: Explanation
    let name: String
    /// The error that put it under suspicion.
    let error: Double
  }

  /// Whether nothing is to be said about a tensor.
  private static func isInRange(_ pair: TensorPair, _ outcome: LineagePass.Outcome) -> Bool {
    guard outcome.reason == nil else { return false }
    let range = ErrorRange(pair.b)
    return range.holds(outcome.figures) && range.holds(outcome.worstPart) && outcome.worstRows.allSatisfy(range.holds)
  }

  /// The one finding that most tensors are others, for no reason that is known.
  private func otherSource(
    _ wrong: [(pair: TensorPair, outcome: LineagePass.Outcome)]
  ) throws(OunceError) -> Finding? {
    // Vectors tell little: norms of all models are alike.
    let matrices = all.filter { $0.pair.b.info.shape.count > 1 }
    let others = wrong.filter { pair, outcome in
      pair.b.info.shape.count > 1 && (outcome.reason != nil || !ErrorRange(pair.b).holds(outcome.figures))
    }
    guard others.count >= 2, 2 * others.count > matrices.count else { return nil }
    let step = max(1, others.count / Limits.probedTensors)
    var (tried, explained) = (0, 0)
    for index in stride(from: 0, to: others.count, by: step) {
      tried += 1
      if try explanation(of: try Suspect(others[index].pair, others[index].outcome)) != nil { explained += 1 }
    }
    guard 2 * explained < tried else { return nil }
    let cosines = others.map { $0.outcome.reason == nil ? $0.outcome.figures.cosine : 0 }.map { $0.isNaN ? 0 : $0 }
      .sorted()
    let shapes = others.count { $0.outcome.reason != nil }
    let source = context.sides.source.path
    let text =
      2 * shapes > others.count
      ? "was not made of \(source): \(shapes) of \(all.count) tensors have other shapes"
      : OtherSource.text(source, count: others.count, of: matrices.count, cosine: cosines[cosines.count / 2])
    return OtherSource().finding(text, file: file)
  }

  /// The pattern that leaves the least error; those that read much only where no other fits.
  private func explanation(of suspect: Suspect, searches: Bool = true) throws(OunceError) -> Explanation? {
    for isSearch in searches ? [false, true] : [false] {
      var best: Explanation?
      for pattern in Rules.lineage where pattern.isSearch == isSearch {
        if context.isCancelled() { throw .cancelled }
        guard !suspect.isPartial || pattern is RowOrder || pattern is ExpertOrder,
          let found = try pattern.explanation(of: suspect, context)
        else { continue }
        if best == nil || found.error ?? .infinity < best?.error ?? .infinity { best = found }
      }
      if let best { return best }
    }
    return nil
  }

  private func unexplained(_ suspect: Suspect) -> Explanation {
    if suspect.outcome.reason != nil {
      return Explanation(LineageShapes(), LineageShapes().text(suspect.pair), error: nil, suspect)
    }
    // Numbers differ by tensor: each has its own finding.
    return Explanation(OutOfRange(), OutOfRange().text(suspect), error: nil, suspect)
  }

  /// One finding for all tensors to which the same happened.
  private func told(_ explained: [Explained]) -> [Finding] {
    struct Key: Hashable {
      let rule: String
      let text: String
      let group: String
    }
    var groups: OrderedDictionary<Key, [Explained]> = [:]
    for item in explained {
      let key = Key(rule: item.explanation.rule.id, text: item.explanation.text, group: item.explanation.group)
      groups[key, default: []].append(item)
    }
    return groups.map { key, items in
      let group = LineageGroups(items.map { (key.group, $0.name) }).first { _ in true }
      let first = items[0]
      var text = key.text + (group?.ending ?? "")
      if let error = items.compactMap(\.explanation.error).max() {
        let before = items.map(\.error).max() ?? 0
        let significant = FigureText.significant
        text += ": relative error \(significant(error)) when that is undone, \(significant(before)) as it is"
      }
      var finding = first.explanation.rule.finding(
        text, file: file, subject: group?.subject, fix: first.explanation.fix)
      if let severity = first.explanation.severity { finding.severity = severity }
      return finding
    }
  }
}

extension Suspect {
  /// The error that put it under suspicion.
  fileprivate var figuresError: Double {
    outcome.reason != nil ? .infinity : max(outcome.figures.relativeRMSE, outcome.worstPart.relativeRMSE)
  }
}

extension Limits {
  /// Tensors whose distance from the source is to be explained, one by one.
  static let explainedTensors = 512
  /// Tensors in a row for which nothing was found, after which the source is not searched any more.
  static let fruitlessSearches = 32
  /// Tensors that are tried before a model is said to be of another source.
  static let probedTensors = 8
}
