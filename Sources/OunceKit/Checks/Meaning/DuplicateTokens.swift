internal import OunceCore

/// Tokens that are twice in the vocabulary.
///
/// llama.cpp stops at them, as texts no longer lead to one id. Empty tokens are no duplicates: it gives each a name.
public struct DuplicateTokens: MeaningRule {
  public let id = "OUN304"
  public let name = "duplicate-tokens"
  public let severity = Severity.error
  public let level = CheckLevel.deep
  public let proves = "No two tokens of the vocabulary are the same text."
  public let example = "model.gguf: tokenizer.ggml.tokens: 2 tokens are there twice, the first is 17, as 5: \"the\""
  public let fix = "convert the checkpoint again, with the tokenizer that belongs to it"

  public init() {}

  func check(_ meaning: Meaning) -> [Finding] {
    guard let tokens = meaning.tokens else { return [] }
    var places: [ExactString: Int] = [:]
    places.reserveCapacity(tokens.count)
    var count = 0
    var first: (index: Int, before: Int)?
    for index in tokens.indices where !tokens.range(index).isEmpty {
      let token = ExactString(tokens[index])
      if let before = places[token] {
        // Bytes that are not UTF-8 are repaired to the same text, which says nothing about them.
        guard tokens.bytes[tokens.range(before)].elementsEqual(tokens.bytes[tokens.range(index)]) else { continue }
        count += 1
        first = first ?? (index, before)
      } else {
        places[token] = index
      }
    }
    guard let first else { return [] }
    return [
      meaning.finding(
        self,
        "\(count) tokens are there twice, the first is \(first.index), as \(first.before): "
          + "\"\(tokens[first.index].beginning)\"", subject: "tokenizer.ggml.tokens")
    ]
  }
}
