internal import OunceCore

/// Bits that no encoder of a type writes.
public struct ForbiddenCodes: ContentRule {
  public let id = "OUN202"
  public let name = "forbidden-codes"
  public let severity = Severity.error
  public let level = CheckLevel.full
  public let proves = "Every code is one that the encoding has."
  public let example =
    "model.gguf: tensor blk.0.ffn_up.weight: 2 blocks have codes that TQ2_0 forbids, the first in block 19"
  public let fix = "the file is damaged; fetch it again"

  public init() {}

  public func message(_ survey: TensorSurvey) -> String? {
    let tally = survey.blocks.forbidden
    guard let first = tally.first else { return nil }
    return
      "\(tally.count) blocks have codes that \(survey.info.encoding.name) forbids, the first at \(survey.place(first))"
  }
}
