internal import OunceCore

/// Tensors whose sizes are not those that the settings give.
///
/// Only sizes that mean the same in every family are compared: where a family's settings say that its attention is
/// another one (latent, gated, with other heads in a window), its sizes are left alone.
public struct TensorShapes: MeaningRule {
  public let id = "OUN309"
  public let name = "tensor-shapes"
  public let severity = Severity.error
  public let level = CheckLevel.deep
  public let proves =
    "Embeddings, norms, attention, feed-forward parts and experts have the sizes that the settings give."
  public let example = "model.gguf: tensor blk.0.ffn_up.weight: is [11008, 4096], but the settings give [14336, 4096]"
  public let fix = "convert the checkpoint again, with the config.json that belongs to it"

  public init() {}

  func check(_ meaning: Meaning) -> [Finding] {
    guard let model = meaning.model else { return [] }
    if meaning.kind == .adapter { return ranks(meaning, model) }
    guard meaning.kind == .model, let sizes = ModelSizes(meaning) else { return [] }
    return meaning.findings(model.tensors) { tensor in
      let expected = sizes.shapes(of: tensor)
      guard let first = expected.first, !expected.contains(where: { Self.fits(tensor.info.shape, $0) }) else {
        return nil
      }
      return meaning.finding(self, "is \(tensor.info.shape), but the settings give \(first)", tensor: tensor)
    }.capped
  }

  /// Sizes of 1 do not count.
  private static func fits(_ shape: [Int], _ expected: [Int]) -> Bool {
    shape.filter { $0 != 1 } == expected.filter { $0 != 1 }
  }

  /// The two factors of an adapter meet in its rank. Embeddings have them the other way around.
  private func ranks(_ meaning: Meaning, _ model: Model) -> [Finding] {
    var ranks: [ExactString: Int] = [:]
    for tensor in model.tensors where tensor.info.name.hasSuffix(".lora_a") {
      ranks[ExactString(String(tensor.info.name.dropLast(7)))] = tensor.info.shape.dropLast().last
    }
    return meaning.findings(model.tensors) { tensor in
      let name = tensor.info.name
      guard name.hasSuffix(".lora_b"), !name.hasPrefix("token_embd."), let found = tensor.info.shape.last,
        let rank = ranks[ExactString(String(name.dropLast(7)))], rank != found
      else { return nil }
      return meaning.finding(self, "has \(found) columns, but the other factor has \(rank) rows", tensor: tensor)
    }.capped
  }
}
