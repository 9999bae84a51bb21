internal import OunceCore

/// The sizes of a model, from its settings.
struct ModelSizes {
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
    case "position_embd.weight": return size("context_length", nil).map { [[$0, width]] } ?? []
    case "output_norm.weight", "output_norm.bias", "attn_norm.weight", "attn_norm.bias", "ffn_norm.weight",
      "ffn_norm.bias", "post_attention_norm.weight", "post_ffw_norm.weight", "attn_output_norm.weight",
      "layer_output_norm.weight":
      return [[width]]
    default: break
    }
    guard let name else { return [] }
    return attention(name) + latent(name) + feedForward(name) + experts(name) + stateSpace(name, tensor.info.shape)
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
    if let shared = sharedWidth(name.block) {
      switch name.part {
      case "ffn_gate_shexp.weight", "ffn_up_shexp.weight": return [[shared, width]]
      case "ffn_down_shexp.weight": return [[width, shared]]
      default: break
      }
    }
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

  /// The width of the experts that see every token.
  private func sharedWidth(_ block: Int) -> Int? {
    if let width = size("expert_shared_feed_forward_length", block) { return width }
    guard let count = size("expert_shared_count", block), let width = size("expert_feed_forward_length", block) else {
      return nil
    }
    return count * width
  }

  /// Latent attention (DeepSeek): keys and values of all heads come from one short row, and so may queries.
  private func latent(_ name: BlockName) -> [[Int]] {
    // Other blocks of the family may have another attention.
    guard names.contains("\(name.stack)blk.\(name.block).attn_kv_a_mqa.weight"),
      let rank = size("attention.kv_lora_rank", nil), let heads = size("attention.head_count", name.block),
      let keys = size("attention.key_length_mla", nil), let values = size("attention.value_length_mla", nil),
      let turned = size("rope.dimension_count", nil), turned < keys
    else { return [] }
    let queryRank = size("attention.q_lora_rank", nil)
    switch name.part {
    case "attn_q.weight": return [[heads * keys, width]]
    case "attn_q_a.weight": return queryRank.map { [[$0, width]] } ?? []
    case "attn_q_a_norm.weight": return queryRank.map { [[$0]] } ?? []
    case "attn_q_b.weight": return queryRank.map { [[heads * keys, $0]] } ?? []
    case "attn_kv_a_mqa.weight": return [[rank + turned, width]]
    case "attn_kv_a_norm.weight": return [[rank]]
    case "attn_k_b.weight": return [[heads, rank, keys - turned]]
    case "attn_v_b.weight": return [[heads, values, rank]]
    case "attn_output.weight": return [[width, heads * values]]
    default: return []
    }
  }

  private func stateSpace(_ name: BlockName, _ shape: [Int]) -> [[Int]] {
    switch name.part {
    case "ssm_out.weight": return size("ssm.inner_size", nil).map { [[width, $0]] } ?? []
    case "ssm_conv1d.weight": return size("ssm.conv_kernel", nil).map { [shape.dropLast() + [$0]] } ?? []
    default: return []
    }
  }
}
