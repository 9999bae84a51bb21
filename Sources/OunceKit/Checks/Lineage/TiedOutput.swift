internal import OunceCore

/// The output that shares its weights with the embedding, or does not.
public struct TiedOutput: LineageRule {
  public let id = "OUN416"
  public let name = "tied-output"
  public let severity = Severity.error
  public let level = CheckLevel.quick
  public let proves = "The output is left out only where it is the embedding, and stored only where it is not."
  public let example = "model.gguf: tensor output.weight: is missing, and programs take the embedding in its place"
  public let fix = "convert the checkpoint again, with its output"

  public init() {}

  /// The output, and the embedding in whose place it may be, by the names of GGUF and of transformers.
  private static let names = [
    ("output.weight", "token_embd.weight"), ("lm_head.weight", "model.embed_tokens.weight"),
    ("lm_head.weight", "transformer.wte.weight"),
    ("language_model.lm_head.weight", "language_model.model.embed_tokens.weight"),
  ]

  /// The output among tensors that only one side has, and the other side's embedding.
  static func output(among tensors: [Tensor], _ model: Model) -> (output: Tensor, embedding: Tensor)? {
    for (output, embedding) in names {
      guard let found = tensors.first(where: { $0.info.name == output }),
        let other = model.tensors.first(where: { $0.info.name == embedding })
      else { continue }
      return (found, other)
    }
    return nil
  }

  /// What a missing output means. Both tensors are the source's.
  func finding(missing output: Tensor, _ embedding: Tensor, file: String, readsValues: Bool) throws(OunceError)
    -> Finding?
  {
    let subject = "tensor \(output.info.name)"
    guard output.info.shape == embedding.info.shape else {
      return finding("is missing, but the source has it", file: file, subject: subject)
    }
    guard readsValues else {
      var found = finding(
        "is missing: programs take the embedding in its place, which is right where both are the same", file: file,
        subject: subject, fix: "--level full reads whether both are the same")
      found.severity = .note
      return found
    }
    let sample = RowSample(output.info)
    let (a, b) = (
      try sample.read(try output.dequantized().inSinglePrecision()),
      try sample.read(try embedding.dequantized().inSinglePrecision())
    )
    let error = Suspect.relativeError(a, b)
    guard error > 0 else { return nil }
    return finding(
      "is missing, and programs take the embedding in its place, which is another (relative error "
        + "\(FigureText.significant(error)))", file: file, subject: subject)
  }

  /// What an output means that the source has not: it is compared with the source's embedding.
  func finding(extra pair: TensorPair, _ outcome: LineagePass.Outcome?, file: String) -> Finding? {
    let subject = "tensor \(pair.b.info.name)"
    let range = ErrorRange(pair.b)
    if pair.reason == nil, outcome.map({ range.holds($0.figures) }) ?? true {
      var found = finding(
        "is the embedding once more: the source shares it, and programs take it where there is no output", file: file,
        subject: subject, fix: "nothing, when size does not matter; `ounce edit --drop output.weight` leaves it out")
      found.severity = .note
      return found
    }
    return finding(
      "is not the embedding, although the source's output is", file: file, subject: subject,
      fix: "convert the checkpoint again; its output shares the weights of the embedding")
  }
}
