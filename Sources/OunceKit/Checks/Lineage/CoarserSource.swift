internal import OunceCore
internal import OunceEncoding

/// Values that went through a coarser encoding on the way.
public struct CoarserSource: LineagePattern {
  public let id = "OUN417"
  public let name = "coarser-source"
  public let severity = Severity.error
  public let level = CheckLevel.full
  public let proves = "Tensors are as precise as their encoding allows: they were not made of a file with fewer bits."
  public let example = "model.gguf: tensors *: are less precise than Q8_0 is: their values had fewer bits on the way"
  public let fix = "make the file of the original checkpoint; quantizing twice loses twice"

  public init() {}

  func explanation(of suspect: Suspect, _ context: LineageContext) throws(OunceError) -> Explanation? {
    let figures = suspect.outcome.figures
    let error = figures.relativeRMSE
    guard suspect.outcome.reason == nil, figures.nonFiniteCount == 0, !suspect.isLocal, error > 0,
      error <= Self.most, suspect.range.tensor < Self.most / 2,
      suspect.outcome.worstPart.relativeRMSE <= 2 * Self.most,
      // The error of rounding has nothing to do with the values: their scale stays.
      let scale = suspect.scale, (scale - 1).magnitude <= max(error * error, 0.001)
    else { return nil }
    let own = ErrorRange(suspect.pair.a)
    if own.tensor > suspect.range.tensor, own.holds(figures) {
      return Explanation(
        self, "values are more precise than the source's, which are \(own.name): it may have been made of this model",
        error: nil, suspect, group: "*")
    }
    let rounded = Self.steps.first { name in
      guard let encoding = Encodings.named(name), figures.relativeRMSE <= ErrorRange.bound(ofFloats: name) else {
        return false
      }
      return suspect.foundRows.allSatisfy { $0.isExact(in: encoding) }
        && !suspect.expectedRows.allSatisfy { $0.isExact(in: encoding) }
    }
    if let rounded {
      var explanation = Explanation(
        self, "values were rounded to \(rounded) on the way", error: nil, suspect, group: "*")
      explanation.severity = .warning
      return explanation
    }
    return Explanation(
      self,
      "values are less precise than \(suspect.range.name) is: they had fewer bits on the way, or come of another "
        + "state of training", error: nil, suspect, group: "*")
  }

  /// What four bits make of weights.
  private static let most = 0.3
  private static let steps = ["BF16", "F16", "F8_E4M3"]
}

extension Suspect {
  /// What the source would have to be multiplied with to be nearest; nil: it is all zeros.
  var scale: Double? {
    let figures = outcome.figures
    return figures.squaredA > 0 ? figures.product / figures.squaredA : nil
  }
}

extension Float {
  /// Whether an encoding of plain floats holds this very number.
  fileprivate func isExact(in encoding: any Encoding) -> Bool {
    switch encoding.name {
    case "BF16": bitPattern & 0xFFFF == 0
    case "F16": self == 0 || (bitPattern & 0x1FFF == 0 && magnitude <= 65_504 && magnitude >= 6.2e-5)
    default: self == 0 || (bitPattern & 0xF_FFFF == 0 && magnitude <= 448 && magnitude >= 0.016)
    }
  }
}
