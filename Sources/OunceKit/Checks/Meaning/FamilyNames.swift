internal import OunceCore

/// The GGUF names of a family's tensors, as its table has them.
struct FamilyNames {
  private let architecture: String
  private let names: Set<String>

  /// nil when no table is of this architecture.
  init?(_ architecture: String) {
    let families = Architectures.all.filter { $0.name == architecture }
    guard !families.isEmpty else { return nil }
    var names: Set<String> = []
    for target in families.flatMap(\.tensors).compactMap(\.target) {
      names.insert(target)
      if target.hasSuffix(".*") { names.formUnion([target.dropLast(1) + "weight", target.dropLast(1) + "bias"]) }
    }
    self.names = names
    self.architecture = architecture
  }

  /// Whether the family proposes tokens for another model.
  var isDrafter: Bool { names.contains("d2t") || !names.contains("token_embd.weight") }

  func holds(_ name: String) -> Bool { names.contains(name) }

  /// What converters add to any family: tables that follow from settings, scales of blocks, fused projections, heads.
  private static let common: Set<String> = [
    "rope_freqs", "rope_factors_long", "rope_factors_short", "attn_qkv", "ffn_gate_up_exps", "ffn_up_exps",
    "ffn_gate_exps", "ffn_down_exps", "ffn_gate", "ffn_up", "output", "cls", "cls.output", "cls.norm", "dense_2",
    "dense_3", "attn_q", "attn_k", "attn_v", "attn_k_b", "attn_v_b", "attn_kv_b",
    "ffn_gate_tid2eid",
  ]

  func knows(_ name: String) -> Bool {
    if names.contains(name) { return true }
    let block = BlockName(name)
    var stem = block?.part ?? name
    for ending in [".weight", ".bias", ".scale", ".input_scale"] where stem.hasSuffix(ending) {
      stem = String(stem.dropLast(ending.count))
      break
    }
    if Self.common.contains(stem) { return true }
    // Experts that are not stacked, as old files have them.
    let pieces = stem.split(separator: ".")
    if pieces.count == 2, pieces[1].allSatisfy(\.isNumber) { stem = String(pieces[0]) }
    let start = block.map { "\($0.stack)blk." } ?? ""
    return ["{i}.", "\(block?.block ?? 0)."].contains { number in
      let generic = block == nil ? stem : start + number + stem
      return names.contains(generic) || names.contains(generic + ".weight") || names.contains(generic + ".bias")
    }
  }
}

extension FamilyNames {
  /// Parts with these roles are all needed where a block has one of them.
  private static let whole: Set<BlockName.Role> = [
    .stateSpace, .convolution, .timeMix, .channelMix, .crossAttention, .experts, .sharedExperts,
  ]

  /// What the table names and some checkpoints of the family do without.
  private static let optionalParts: Set<String> = ["cross_attn_rel_b.weight", "ffn_gate_inp_shexp.weight"]
  private static let optional: [String: Set<String>] = [
    "falcon-h1": ["ssm_norm.weight"],
    // Attention and the feed-forward part share one norm.
    "phi2": ["ffn_norm.weight"], "command-r": ["ffn_norm.weight"], "cohere2": ["ffn_norm.weight"],
    "cohere2moe": ["ffn_norm.weight"],
    "nemotron_h": ["post_attention_norm.weight"],
    "olmo": ["output_norm.weight"],
    "nomic-bert": ["position_embd.weight"], "jina-bert-v2": ["position_embd.weight"],
    "jina-bert-v3": ["position_embd.weight"],
    "gemma4": ["per_layer_token_embd.weight", "per_layer_model_proj.weight", "per_layer_proj_norm.weight"],
    "gemma4-assistant": ["per_layer_token_embd.weight", "per_layer_model_proj.weight", "per_layer_proj_norm.weight"],
  ]

  private func isOptional(_ name: String) -> Bool {
    Self.optionalParts.contains(name) || Self.optional[architecture]?.contains(name) == true
  }

  /// Tensors outside of the blocks without which no file of the family is. Heads may be the embedding.
  var requiredEnds: [String] {
    names.filter { name in
      name.hasSuffix(".weight") && !name.contains("{") && !isOptional(name) && name != "output.weight"
        && !name.hasPrefix("cls.") && name != "token_types.weight"
    }.sorted()
  }

  /// What a block with these roles needs: the parts that the table names for them, and norms.
  func requiredParts(_ stack: String, _ roles: Set<BlockName.Role>) -> [String] {
    let start = "\(stack)blk.{i}."
    let norms = ["attn_norm.weight", "ffn_norm.weight", "post_attention_norm.weight", "post_ffw_norm.weight"]
    return names.compactMap { name in
      guard name.hasPrefix(start), !name.contains("{e}"), name.hasSuffix(".weight") || !name.hasSuffix(".bias") else {
        return nil
      }
      let part = String(name.dropFirst(start.count))
      guard !part.hasSuffix(".*"), !isOptional(part) else { return nil }
      if norms.contains(part) { return part }
      guard let role = BlockName("\(stack)blk.0.\(part)")?.role, Self.whole.contains(role), roles.contains(role) else {
        return nil
      }
      return part
    }.sorted()
  }
}
