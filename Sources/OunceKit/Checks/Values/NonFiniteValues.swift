internal import OunceCore

/// NaN and infinity among elements, or in the scales of blocks.
public struct NonFiniteValues: ContentRule {
  public let id = "OUN201"
  public let name = "non-finite"
  public let severity = Severity.error
  public let level = CheckLevel.full
  public let proves = "Every element is a number."
  public let example =
    "model.safetensors: tensor a.weight: 3 elements are NaN or infinite, the first at row 0, column 7"
  public let fix = "the model computes nothing but NaN: fetch it again, or ask its makers"

  public init() {}

  public func message(_ survey: TensorSurvey) -> String? {
    if let scales = survey.scaling?.scales, let index = scales.firstIndex(where: { !$0.isFinite }) {
      return "its scale \(index) of \(scales.count) is NaN or infinite"
    }
    let tally = survey.blocks.nonFinite
    guard let first = tally.first else { return nil }
    let what = survey.info.encoding.kind == .quantized ? "blocks have a scale that is" : "elements are"
    return "\(tally.count) \(what) NaN or infinite, the first at \(survey.place(first))"
  }
}
