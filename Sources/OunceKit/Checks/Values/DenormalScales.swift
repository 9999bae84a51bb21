internal import OunceCore

/// Scales so small that a half float has lost bits of them.
public struct DenormalScales: ContentRule {
  public let id = "OUN205"
  public let name = "denormal-scales"
  public let severity = Severity.note
  public let level = CheckLevel.full
  public let proves = "Scales of blocks have their full precision."
  public let example =
    "model.gguf: tensor blk.0.attn_q.weight: 12 of 16384 blocks have a denormal scale, the first at block 7"
  public let fix = "nothing, when the weights of those blocks are that small; else quantize again from the source"

  public init() {}

  /// A few blocks of tiny weights are in every model: only where they are many has something gone wrong.
  public func message(_ survey: TensorSurvey) -> String? {
    let tally = survey.blocks.denormalScales
    guard let first = tally.first, tally.count * 2 > survey.blockCount, survey.blockCount > 1 else { return nil }
    return "\(tally.count) of \(survey.blockCount) blocks have a denormal scale, the first at \(survey.place(first))"
  }
}
