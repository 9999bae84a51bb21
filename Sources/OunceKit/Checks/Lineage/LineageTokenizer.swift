internal import OunceCore

/// A tokenizer that is not the source's.
public struct LineageTokenizer: LineageRule {
  public let id = "OUN418"
  public let name = "lineage-tokenizer"
  public let severity = Severity.error
  public let level = CheckLevel.quick
  public let proves = "Tokens, scores, types, merges and special ids are those of the source's tokenizer."
  public let example = "model.gguf: tokenizer.ggml.tokens: 12 of 32000 entries are others, the first is number 5"
  public let fix = "convert the checkpoint again, with the tokenizer that belongs to it"

  public init() {}
}
