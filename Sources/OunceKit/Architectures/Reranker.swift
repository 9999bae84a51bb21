internal import OunceCore

/// Qwen 3's rerankers are language models that answer "yes" or "no". Their configuration is that of any other: the
/// name of the folder or the model card tells. GGUF keeps the two rows of the head as a classifier.
enum Reranker {
  private static let answers = ["yes", "no"]
  private static let rows = "rerank.weight"

  static let tensors = [TensorRule(rows, "cls.output.weight", AnswerRows())]

  /// Whether this model is one, by the hints that the reference takes.
  static func isOne(_ checkpoint: Checkpoint) throws(OunceError) -> Bool {
    let names = ["qwen3-reranker", "qwen3-vl-reranker"]
    let hints = [
      Paths.resolvedName(of: checkpoint.model.path), checkpoint.configuration.string("_name_or_path") ?? "",
      checkpoint.configuration.string("model_type") ?? "", checkpoint.className,
    ]
    if hints.contains(where: { hint in names.contains { hint.lowercased().contains($0) } }) { return true }
    guard let card = checkpoint.model.companions["README.md"] else { return false }
    let count = min(card.byteCount, Limits.cardOfReranker)
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withMutableRawSpan { (span) throws(OunceError) in try card.read(at: 0, into: &span) }
    let text = String(decoding: bytes, as: UTF8.self).lowercased()
    return names.contains { text.contains("# \($0)") }
  }

  /// The rows are taken from the embedding where it is the head, too, and else in place of the head.
  @Sendable static func repeated(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> [String] {
    guard name == "lm_head.weight" || name == "model.embed_tokens.weight", try isOne(checkpoint) else { return [name] }
    let isTied = checkpoint.configuration.isTrue("tie_word_embeddings")
    if name == "lm_head.weight" { return isTied ? [name] : [rows] }
    return isTied ? [rows, name] : [name]
  }

  static let metadata = MetadataRule { (checkpoint, writer) throws(OunceError) in
    guard try isOne(checkpoint) else { return }
    writer.set("{arch}.pooling_type", .uint32(4))
    writer.set("{arch}.classifier.output_labels", .strings(answers))
    writer.set("tokenizer.chat_template.rerank", .string(template))
    writer.set("tokenizer.chat_templates", .strings(["rerank"]))
  }

  /// What the model was trained to answer, in the form of its card (https://huggingface.co/Qwen/Qwen3-Reranker-0.6B).
  private static let template =
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct "
    + "provided. Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n"
    + "<|im_start|>user\n<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n"
    + "<Query>: {query}\n<Document>: {document}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"

  /// The rows of the two answers.
  private struct AnswerRows: TensorTransform {
    var inverse: (any TensorTransform)? { nil }

    func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
      let tokenizer = try HuggingFaceTokenizer(checkpoint)
      let count = tensor.info.shape.first ?? 0
      var ids: [Int] = []
      for answer in answers {
        guard let id = tokenizer.id(of: answer), id < count else {
          throw OunceError(
            .malformed, "has no token \"\(answer)\" below \(count), with which a reranker answers",
            file: "tokenizer.json", remedy: "rename the folder if the model is no reranker")
        }
        ids.append(id)
      }
      let rows = ids
      return try tensor.gathering(rows.count) { rows[$0] }
    }
  }
}

extension Limits {
  /// Bytes of a model card that are searched for its title: cards are rarely longer than 100 kB.
  static let cardOfReranker = 1 << 20
}
