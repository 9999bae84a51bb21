internal import OunceCore

/// The GGUF names of a family's tensors, as its table has them.
struct FamilyNames {
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
