internal import OunceCore

/// Tables of the tokenizer that are not as long as the vocabulary, and a vocabulary that is not as long as the
/// embedding.
public struct TokenizerSizes: MeaningRule {
  public let id = "OUN301"
  public let name = "tokenizer-sizes"
  public let severity = Severity.error
  public let level = CheckLevel.deep
  public let proves = "The embedding has a row for each token, and each token a score and a type."
  public let example = "model.gguf: tensor token_embd.weight: has 32000 rows, but the vocabulary has 32064 tokens"
  public let fix = "convert the checkpoint again, with the tokenizer that belongs to it"

  public init() {}

  func check(_ meaning: Meaning) -> [Finding] {
    guard meaning.kind == .model || meaning.kind == .vocabulary, let model = meaning.model else { return [] }
    guard let tokens = meaning.tokens else { return missing(meaning, model) }
    return size(meaning, tokens.count) + tables(meaning, model, tokens.count) + rows(meaning, model, tokens.count)
      + types(meaning, model)
  }

  private func missing(_ meaning: Meaning, _ model: Model) -> [Finding] {
    let kind = model.metadata["tokenizer.ggml.model"]?.string
    // Models of sound have none; a checkpoint without a tokenizer is another rule's.
    if !meaning.isGGUF || kind == "none" || kind == "no_vocab" || meaning.architecture.isEmpty { return [] }
    if model.metadata["tokenizer.ggml.tokens"] != nil {
      return [meaning.finding(self, "is no list of texts", subject: "tokenizer.ggml.tokens")]
    }
    guard model.tensors.contains(where: { $0.info.name == "token_embd.weight" }) else { return [] }
    return [meaning.finding(self, "the file holds no vocabulary", severity: .warning)]
  }

  /// llama.cpp takes this number only where there are no tokens; other programs believe it.
  private func size(_ meaning: Meaning, _ count: Int) -> [Finding] {
    guard let size = meaning.number("vocab_size"), size != count else { return [] }
    let key = "\(meaning.architecture).vocab_size"
    return [
      meaning.finding(self, "is \(size), but the vocabulary has \(count) tokens", subject: key, severity: .warning)
    ]
  }

  private func tables(_ meaning: Meaning, _ model: Model, _ count: Int) -> [Finding] {
    ["scores", "token_type"].compactMap { table in
      guard let value = model.metadata["tokenizer.ggml.\(table)"] else { return nil }
      let found = value.array.map { "has \($0.count) entries" } ?? "is no list"
      guard value.array?.count != count else { return nil }
      return meaning.finding(
        self, "\(found), but the vocabulary has \(count) tokens", subject: "tokenizer.ggml.\(table)")
    }
  }

  private func rows(_ meaning: Meaning, _ model: Model, _ count: Int) -> [Finding] {
    // A drafter's head knows only some of its target's tokens, which `d2t` numbers.
    let isDrafter = model.tensors.contains { $0.info.name == "d2t" }
    let names = isDrafter ? ["token_embd.weight"] : ["token_embd.weight", "output.weight"]
    return model.tensors.filter { names.contains($0.info.name) }.compactMap { tensor in
      guard tensor.info.shape.count == 2, let rows = tensor.info.shape.first, rows != count else { return nil }
      return meaning.finding(self, "has \(rows) rows, but the vocabulary has \(count) tokens", tensor: tensor)
    }
  }

  /// GGUF numbers types from 0, undefined, to 6, a byte.
  private func types(_ meaning: Meaning, _ model: Model) -> [Finding] {
    guard let types = model.metadata["tokenizer.ggml.token_type"]?.array?.integers,
      let index = types.firstIndex(where: { !(0...6).contains($0) })
    else { return [] }
    return [
      meaning.finding(
        self, "token \(index) has the type \(types[index]), but types go from 0 to 6",
        subject: "tokenizer.ggml.token_type")
    ]
  }
}
