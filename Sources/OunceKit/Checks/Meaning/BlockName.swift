internal import OunceCore

/// A tensor's GGUF name taken apart: `enc.blk.3.attn_q.weight` is part `attn_q.weight` of block 3 of the stack `enc.`.
struct BlockName: Hashable {
  /// What stands before `blk.`: nothing, `enc.`, `dec.`, `v.`.
  let stack: String
  let block: Int
  let part: String

  /// nil when the tensor belongs to no block.
  init?(_ name: String) {
    let pieces = name.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
    let start = pieces.first == "blk" ? 0 : 1
    guard pieces.count > start + 2, pieces[start] == "blk", let block = Int(pieces[start + 1]), block >= 0,
      String(block) == pieces[start + 1]
    else { return nil }
    stack = start == 0 ? "" : "\(pieces[0])."
    self.block = block
    part = pieces[(start + 2)...].joined(separator: ".")
  }

  /// The name of the same part in another block.
  func name(in block: Int) -> String { "\(stack)blk.\(block).\(part)" }

  /// What a part of a block is for.
  enum Role: Hashable {
    case attention, stateSpace, convolution, timeMix
    case dense, experts, sharedExperts, channelMix
    case prediction, crossAttention
    /// Norms, and what one family has only.
    case other

    /// Whether it lets tokens see each other.
    var mixes: Bool { [.attention, .stateSpace, .convolution, .timeMix].contains(self) }
    /// Whether it works on each token alone.
    var feedsForward: Bool { [.dense, .experts, .channelMix].contains(self) }
  }

  var role: Role {
    if part.hasPrefix("nextn.") { return .prediction }
    // Norms of the block are beside its parts, not in them: families put them in different places.
    let norms = ["attn_norm", "attn_output_norm", "attn_post_norm", "ffn_norm", "ffn_post_norm", "ffn_pre_norm"]
    if norms.contains(where: { part.hasPrefix($0) }) { return .other }
    if part.hasPrefix("cross_attn_") { return .crossAttention }
    if part.hasPrefix("attn_") { return .attention }
    if part.hasPrefix("ssm_") { return .stateSpace }
    if part.hasPrefix("shortconv.") { return .convolution }
    if part.hasPrefix("time_mix_") { return .timeMix }
    if part.hasPrefix("channel_mix_") { return .channelMix }
    if part.hasPrefix("exp_probs_b") { return .experts }
    guard part.hasPrefix("ffn_") else { return .other }
    if part.contains("shexp") { return .sharedExperts }
    if part.contains("_exps") || part.hasPrefix("ffn_gate_inp") { return .experts }
    return ["ffn_up", "ffn_down", "ffn_gate"].contains(part.prefix { $0 != "." }) ? .dense : .other
  }
}
