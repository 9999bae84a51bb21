public import OunceCore

/// A model of which nothing can be looked at.
public struct NothingToCheck: ModelRule {
  public let id = "OUN111"
  public let name = "nothing-to-check"
  public let severity = Severity.error
  public let level = CheckLevel.quick
  public let proves =
    "There is a tensor, or a vocabulary: a file of which nothing can be looked at is not called sound."
  public let example = "model.safetensors: holds no tensor"
  public let fix = "look whether the weights are in another file"

  public init() {}

  /// Files that are nothing but a vocabulary: GGUF, and the old files of ggml that tests are made with.
  private static let vocabularies = ["tokenizer.ggml.tokens", "ggml.tokens"]

  public func check(_ model: Model) -> [Finding] {
    guard model.tensors.isEmpty, !Self.vocabularies.contains(where: { model.metadata[$0] != nil }),
      !model.remarks.contains(where: { $0.kind == .danger })
    else { return [] }
    let unread = model.remarks.count { $0.kind == .unsupported }
    return [
      finding(
        unread == 0 ? "holds no tensor" : "holds no tensor that can be read, but \(unread) that cannot",
        file: model.path)
    ]
  }
}
