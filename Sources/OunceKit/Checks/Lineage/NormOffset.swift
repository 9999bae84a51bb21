internal import OunceCore

/// Norms that are off by exactly one: some families store their distance from 1.
public struct NormOffset: LineagePattern {
  public let id = "OUN407"
  public let name = "norm-offset"
  public let severity = Severity.error
  public let level = CheckLevel.full
  public let proves = "Norms that checkpoints store as their distance from 1 have that 1 added once, and others never."
  public let example = "model.gguf: tensors blk.*.attn_norm.weight: 1 was not added, as gemma needs it"
  public let fix = "convert the checkpoint again, with a converter that knows the family"

  public init() {}

  func explanation(of suspect: Suspect, _ context: LineageContext) throws(OunceError) -> Explanation? {
    guard suspect.name.contains("norm") || suspect.name.contains("ln_") else { return nil }
    let expects = context.applies({ $0 is Added }, to: suspect.name) == true && context.sides.hasGGUFNames
    for offset in [Float(-1), 1] {
      let error = suspect.error(of: suspect.expectedRows.lazy.map { $0 + offset })
      guard suspect.isExplained(by: error) else { continue }
      let text =
        switch (offset < 0, expects) {
        case (true, true): "1 was not added, as \(context.family) needs it"
        case (false, true): "1 was added twice"
        case (true, false): "values are 1 less than those of the source"
        case (false, false): "1 was added, which \(context.family) does without"
        }
      return Explanation(self, text, error: error, suspect)
    }
    return nil
  }
}
