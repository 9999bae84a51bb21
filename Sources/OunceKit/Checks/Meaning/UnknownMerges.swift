internal import OunceCore

/// Merges of byte-pair vocabularies whose parts, or whose result, is no token.
public struct UnknownMerges: MeaningRule {
  public let id = "OUN303"
  public let name = "unknown-merges"
  public let severity = Severity.error
  public let level = CheckLevel.deep
  public let proves = "Every merge joins two tokens of the vocabulary to a third."
  public let example = "model.gguf: tokenizer.ggml.merges: 3 merges name no tokens, the first is number 17: \"ab c\""
  public let fix = "convert the checkpoint again, with merges and vocabulary of the same tokenizer"

  public init() {}

  func check(_ meaning: Meaning) -> [Finding] {
    guard let value = meaning.model?.metadata["tokenizer.ggml.merges"], let tokens = meaning.tokens else { return [] }
    guard case .array(.strings(let merges)) = value else {
      return [meaning.finding(self, "is no list of texts", subject: "tokenizer.ggml.merges")]
    }
    let known = Set(tokens.map { ExactString($0) })
    var count = 0
    var first: Int?
    for index in merges.indices where !isKnown(merges.bytes[merges.range(index)], known) {
      count += 1
      first = first ?? index
    }
    guard let first else { return [] }
    let text = merges[first].beginning
    return [
      meaning.finding(
        self, "\(count) merges name no tokens, the first is number \(first): \"\(text)\"",
        subject: "tokenizer.ggml.merges")
    ]
  }

  /// A space stands between the parts; one at the beginning belongs to the first of them.
  private func isKnown(_ merge: ArraySlice<UInt8>, _ known: Set<ExactString>) -> Bool {
    guard let space = merge.dropFirst().firstIndex(of: UInt8(ascii: " ")) else { return false }
    let (left, right) = (merge[..<space], merge[(space + 1)...])
    return [left, right, left + right].allSatisfy { known.contains(ExactString(String(decoding: $0, as: UTF8.self))) }
  }
}
