internal import OunceCore

/// Tensors that lie further from the source than their encoding explains, for no reason that is known.
public struct OutOfRange: LineageRule {
  public let id = "OUN405"
  public let name = "out-of-range"
  public let severity = Severity.error
  public let level = CheckLevel.full
  public let proves = "Every tensor and every row is as near to the source as its encoding allows."
  public let example = "model.gguf: tensor blk.0.ffn_up.weight: relative error 1.41, where Q4_K has at most 0.25"
  public let fix = "make the file again; `ounce compare` shows which rows suffer"

  public init() {}

  func text(_ suspect: Suspect) -> String {
    let (range, outcome) = (suspect.range, suspect.outcome)
    let figures = outcome.figures
    if figures.nonFiniteCount > 0 {
      return "\(figures.nonFiniteCount) elements are NaN or infinite on one side only"
    }
    if figures.squaredB == 0 { return "all elements are zero, which those of the source are not" }
    let relative = FigureText.significant
    if !range.holds(figures), !suspect.isLocal {
      let most =
        range.tensor == 0 ? "which has to be exact" : "where \(range.name) has at most \(relative(range.tensor))"
      return "relative error \(relative(figures.relativeRMSE)), \(most)"
    }
    if !range.holds(outcome.worstPart), !suspect.isLocal {
      return "some experts have a relative error of \(relative(outcome.worstPart.relativeRMSE)), where \(range.name) "
        + "has at most \(relative(range.tensor)), the worst row is \(outcome.worstRows.first?.row ?? 0)"
    }
    let rows = outcome.worstRows.filter { !range.holds($0) }
    let worst = rows.first
    return "row \(worst?.row ?? 0) has a relative error of \(relative(worst?.relativeRMSE ?? 0)), where rows of "
      + "\(range.name) have at most \(relative(range.row)); the tensor as a whole has \(relative(figures.relativeRMSE))"
  }
}
