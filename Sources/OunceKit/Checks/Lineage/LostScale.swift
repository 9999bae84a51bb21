internal import OunceCore

/// Values that are those of the source times a number: scales that were left out, or applied though they are not.
public struct LostScale: LineagePattern {
  public let id = "OUN415"
  public let name = "lost-scale"
  public let severity = Severity.error
  public let level = CheckLevel.full
  public let proves = "Scales that belong to weights were applied, each once."
  public let example = "model.gguf: tensors blk.*.attn_q.weight: values are 0.125 times those of the source"
  public let fix = "convert the checkpoint again, with all its tensors: scales are tensors beside the weights"

  public init() {}

  func explanation(of suspect: Suspect, _ context: LineageContext) throws(OunceError) -> Explanation? {
    let (a, b) = (suspect.expectedRows, suspect.foundRows)
    let columns = max(1, suspect.found.info.columnCount)
    guard a.count == b.count, a.count >= 8 else { return nil }
    if let factor = Self.factor(a[...], b[...]), Self.isOther(factor) {
      let error = suspect.error(of: a.lazy.map { Float(Double($0) * factor) })
      if suspect.isExplained(by: error) {
        let text = "values are \(Self.text(factor)) times those of the source\(Self.meaning(factor, context))"
        return Explanation(self, text, error: error, suspect)
      }
    }
    // Scales of rows, or of runs of 128 columns, as 8-bit weights have them.
    for width in Set([columns, 128]).sorted(by: >) where columns % width == 0 && width >= 16 {
      guard let explanation = parts(of: width, suspect) else { continue }
      return explanation
    }
    return nil
  }

  private func parts(of width: Int, _ suspect: Suspect) -> Explanation? {
    let (a, b) = (suspect.expectedRows, suspect.foundRows)
    var scaled: [Float] = []
    scaled.reserveCapacity(a.count)
    var (least, most) = (Double.infinity, 0.0)
    for start in stride(from: 0, to: a.count - width + 1, by: width) {
      let (x, y) = (a[start..<start + width], b[start..<start + width])
      let factor = Self.factor(x, y) ?? 0
      guard factor >= 0 else { return nil }
      if factor > 0 { (least, most) = (min(least, factor), max(most, factor)) }
      scaled += x.lazy.map { Float(Double($0) * factor) }
    }
    let error = suspect.error(of: scaled)
    guard suspect.isExplained(by: error), least <= most, Self.isOther(least) || Self.isOther(most) else { return nil }
    let whole = width == suspect.found.info.columnCount
    return Explanation(
      self,
      "each \(whole ? "row" : "run of \(width) columns") is the source's times another number, from "
        + "\(Self.text(least)) to \(Self.text(most)): the scales beside the weights were not applied", error: error,
      suspect)
  }

  /// What `a` has to be multiplied with to be nearest to `b`; nil: it is all zeros.
  private static func factor(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Double? {
    var (product, squared) = (0.0, 0.0)
    for (x, y) in zip(a, b) {
      product += Double(x) * Double(y)
      squared += Double(x) * Double(x)
    }
    let factor = squared > 0 ? product / squared : .nan
    return factor.isFinite ? factor : nil
  }

  /// Whether this is a scale, and not what rounding makes of 1, or of −1.
  private static func isOther(_ factor: Double) -> Bool {
    factor.magnitude > 0 && !(0.8...1.25).contains(factor.magnitude)
  }

  private static func text(_ factor: Double) -> String { FigureText.significant(factor) }

  /// Where such a number comes from.
  private static func meaning(_ factor: Double, _ context: LineageContext) -> String {
    let width = context.number("embedding_length")
    let head =
      context.number("attention.key_length")
      ?? context.headCount(.query, "").flatMap { count in
        count > 0 ? width.map { $0 / count } : nil
      }
    for (name, size) in [("the embedding's width", width), ("the width of a head", head)] {
      guard let size, size > 0 else { continue }
      let root = Double(size).squareRoot()
      if (factor / root - 1).magnitude < 0.02 { return ", the root of \(name)" }
      if (factor * root - 1).magnitude < 0.02 { return ", 1 by the root of \(name)" }
    }
    return ""
  }
}
