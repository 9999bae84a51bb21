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

/// The sizes of a model, from its settings.
private struct ModelSizes {
  private let meaning: Meaning
  private let width: Int
  private let hasUsualAttention: Bool
  private let hasUsualExperts: Bool
  private let names: Set<String>

  /// nil when the settings do not even give a width.
  init?(_ meaning: Meaning) {
    guard let width = meaning.number("embedding_length"), (1...Limits.modelSize).contains(width) else { return nil }
    self.meaning = meaning
    self.width = width
    let unusual = [
      "attention.key_length_mla", "attention.kv_lora_rank", "attention.q_lora_rank", "attention.key_length_swa",
      "full_attention_interval", "attention.output_lora_rank",
    ]
    hasUsualAttention = unusual.allSatisfy { meaning.setting($0) == nil }
    hasUsualExperts = meaning.setting("moe_latent_size") == nil
    names = Set(meaning.model?.tensors.map(\.info.name) ?? [])
  }

  private func size(_ key: String, _ block: Int?) -> Int? {
    meaning.number(key, block: block).flatMap { (1...Limits.modelSize).contains($0) ? $0 : nil }
  }

  /// The shapes that a tensor may have, the usual one first; none: nothing is known.
  func shapes(of tensor: Tensor) -> [[Int]] {
    let name = BlockName(tensor.info.name)
    if let name, !["", "enc.", "dec."].contains(name.stack) { return [] }
    let part = name?.part ?? tensor.info.name
    switch part {
    case "token_embd.weight": return (meaning.tokens?.count).map { [[$0, width]] } ?? []
    case "output_norm.weight", "output_norm.bias", "attn_norm.weight", "attn_norm.bias", "ffn_norm.weight",
      "ffn_norm.bias", "post_attention_norm.weight", "post_ffw_norm.weight", "attn_output_norm.weight",
      "layer_output_norm.weight":
      return [[width]]
    default: break
    }
    guard let name else { return [] }
    return attention(name) + feedForward(name) + experts(name)
  }

  private func attention(_ name: BlockName) -> [[Int]] {
    guard hasUsualAttention, let heads = size("attention.head_count", name.block) else { return [] }
    let shared = meaning.setting("attention.head_count_kv") == nil ? heads : size("attention.head_count_kv", name.block)
    guard let keyWidth = size("attention.key_length", nil) ?? (width % heads == 0 ? width / heads : nil),
      let valueWidth = size("attention.value_length", nil) ?? (width % heads == 0 ? width / heads : nil)
    else { return [] }
    let queries = heads * keyWidth
    switch name.part {
    case "attn_q.weight": return [[queries, width]]
    case "attn_q.bias": return [[queries]]
    case "attn_output.weight": return [[width, heads * valueWidth]]
    case "attn_output.bias": return [[width]]
    default: break
    }
    guard let shared else { return [] }
    let (keys, values) = (shared * keyWidth, shared * valueWidth)
    switch name.part {
    case "attn_k.weight": return [[keys, width]]
    case "attn_k.bias": return [[keys]]
    case "attn_v.weight": return [[values, width]]
    case "attn_v.bias": return [[values]]
    case "attn_qkv.weight": return [[queries + keys + values, width]]
    case "attn_qkv.bias": return [[queries + keys + values]]
    // Of each head, or of all at once.
    case "attn_q_norm.weight": return [[keyWidth], [queries], [heads, keyWidth]]
    case "attn_k_norm.weight": return [[keyWidth], [keys], [shared, keyWidth]]
    default: return []
    }
  }

  private func feedForward(_ name: BlockName) -> [[Int]] {
    guard let inner = size("feed_forward_length", name.block) else { return [] }
    switch name.part {
    case "ffn_gate.weight": return [[inner, width]]
    case "ffn_down.weight": return [[width, inner]]
    case "ffn_down.bias": return [[width]]
    case "ffn_up.weight", "ffn_up.bias":
      // Families without a tensor for gates may have them in this one.
      let hasGate = names.contains("\(name.stack)blk.\(name.block).ffn_gate.weight")
      let rows = hasGate ? [inner] : [inner, 2 * inner]
      return rows.map { name.part.hasSuffix("bias") ? [$0] : [$0, width] }
    default: return []
    }
  }

  private func experts(_ name: BlockName) -> [[Int]] {
    guard hasUsualExperts, let count = size("expert_count", name.block) else { return [] }
    if name.part == "ffn_gate_inp.weight" { return [[count, width]] }
    guard let inner = size("expert_feed_forward_length", name.block) ?? size("feed_forward_length", name.block) else {
      return []
    }
    switch name.part {
    case "ffn_gate_exps.weight", "ffn_up_exps.weight": return [[count, inner, width]]
    case "ffn_down_exps.weight": return [[count, width, inner]]
    case "ffn_gate_up_exps.weight": return [[count, 2 * inner, width]]
    default: return []
    }
  }
}
