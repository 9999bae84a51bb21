internal import OunceCore

/// Special tokens that are not in the vocabulary.
public struct SpecialTokenRange: MeaningRule {
  public let id = "OUN302"
  public let name = "special-token-range"
  public let severity = Severity.error
  public let level = CheckLevel.deep
  public let proves = "The tokens that begin, end and pad texts are tokens of the vocabulary."
  public let example = "model.gguf: tokenizer.ggml.eos_token_id: is 32000, but ids end at 31999"
  public let fix = "set the right id with `ounce edit`, or convert the checkpoint again"

  public init() {}

  func check(_ meaning: Meaning) -> [Finding] {
    guard let model = meaning.model, let count = meaning.tokens?.count else { return [] }
    var findings: [Finding] = []
    for (key, value) in model.metadata where key.hasPrefix("tokenizer.ggml.") {
      let ids: [Int]
      if key.hasSuffix("_token_id") {
        ids = [number(value)]
      } else if key.hasSuffix("_token_ids"), let list = value.array?.integers {
        ids = list
      } else {
        continue
      }
      guard let bad = ids.first(where: { !(0..<count).contains($0) }) else { continue }
      findings.append(
        meaning.finding(
          self, bad == -1 ? "is -1, which is no token" : "is \(bad), but ids end at \(count - 1)", subject: key))
    }
    return findings.capped
  }

  /// -1 stands for what is none, also where a program wrote it as a number without sign.
  private func number(_ value: MetadataValue) -> Int {
    if case .uint32(.max) = value { return -1 }
    return value.integer ?? -1
  }
}
