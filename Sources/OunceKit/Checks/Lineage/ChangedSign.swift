internal import OunceCore

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Values that are negated, or logarithms that should have become what they are logarithms of.
public struct ChangedSign: LineagePattern {
  public let id = "OUN414"
  public let name = "sign-or-exponential"
  public let severity = Severity.error
  public let level = CheckLevel.full
  public let proves =
    "State-space models have the negated exponential of what checkpoints store, all others their sign."
  public let example = "model.gguf: tensors blk.*.ssm_a: values are logarithms: −exp was not applied"
  public let fix = "convert the checkpoint again, with a converter that knows the family"

  public init() {}

  func explanation(of suspect: Suspect, _ context: LineageContext) throws(OunceError) -> Explanation? {
    let values = suspect.expectedRows
    guard !values.isEmpty else { return nil }
    func tried(_ text: String, _ change: (Double) -> Double) -> Explanation? {
      let error = suspect.error(of: values.map { Float(change(Double($0))) })
      return suspect.isExplained(by: error) ? Explanation(self, text, error: error, suspect) : nil
    }
    if context.applies({ $0 is NegatedExponential }, to: suspect.name) == true {
      guard context.sides.hasGGUFNames else { return tried("−exp was applied, as only GGUF has it") { -exp($0) } }
      // The source, as GGUF should have it, is −exp(x).
      return tried("values are logarithms: −exp was not applied") { log(-$0) }
        ?? tried("values are positive: exp was applied, but not the minus before it") { -$0 }
        ?? tried("values are negated logarithms: exp was not applied") { -log(-$0) }
        ?? tried("−exp was applied twice") { -exp($0) }
    }
    return tried("values are negated") { -$0 }
  }
}
