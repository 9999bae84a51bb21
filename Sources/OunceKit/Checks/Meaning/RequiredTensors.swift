internal import OrderedCollections
internal import OunceCore

/// Tensors without which the model does not run, or which it has no place for.
///
/// What a block needs follows from the settings where they say it, and else from the other blocks: those that have the
/// same parts (attention, experts, a state space, …) have the same tensors.
public struct RequiredTensors: MeaningRule {
  public let id = "OUN308"
  public let name = "required-tensors"
  public let severity = Severity.error
  public let level = CheckLevel.deep
  public let proves = "Each block has the tensors that blocks of its kind have, and no block is missing or too many."
  public let example = "model.gguf: tensor blk.3.attn_q.weight: is missing, but 31 other blocks have it"
  public let fix = "convert the checkpoint again, from all of its files"

  public init() {}

  func check(_ meaning: Meaning) -> [Finding] {
    guard let model = meaning.model else { return [] }
    switch meaning.kind {
    case .model:
      let stacks = Self.stacks(model)
      return
        (ends(meaning, model) + unknown(meaning, model)
        + stacks.flatMap { blocks(meaning, $0, $1) + kinds(meaning, $0, $1) + parts(meaning, $0, $1) }).capped
    case .adapter: return pairs(meaning, model, ".lora_a", ".lora_b")
    case .importanceMatrix: return pairs(meaning, model, ".in_sum2", ".counts")
    case .vocabulary, .projector, .plain: return []
    }
  }

  /// The parts of each block, by stack.
  private typealias Blocks = [Int: Set<String>]

  private static func stacks(_ model: Model) -> [(key: String, value: Blocks)] {
    var stacks: [String: Blocks] = [:]
    for tensor in model.tensors {
      guard let name = BlockName(tensor.info.name) else { continue }
      stacks[name.stack, default: [:]][name.block, default: []].insert(name.part)
    }
    return stacks.sorted { $0.key < $1.key }
  }

  private func missing(_ meaning: Meaning, _ name: String, _ why: String = "") -> Finding {
    meaning.finding(self, "is missing\(why)", subject: "tensor \(name)")
  }

  /// How many blocks a stack has.
  private func count(_ meaning: Meaning, _ stack: String) -> Int? {
    (stack == "dec." ? meaning.number("decoder_block_count") : nil) ?? meaning.number("block_count")
  }

  /// Whether only the blocks that predict further tokens are here, as `--mtp` writes them.
  private func isDraft(_ meaning: Meaning, _ blocks: Blocks, _ count: Int) -> Bool {
    guard let predicting = meaning.number("nextn_predict_layers"), predicting > 0, predicting < count else {
      return false
    }
    return blocks.keys.allSatisfy { $0 >= count - predicting }
  }

  private func blocks(_ meaning: Meaning, _ stack: String, _ blocks: Blocks) -> [Finding] {
    guard ["", "enc.", "dec."].contains(stack), let count = count(meaning, stack), count > 0, count <= Limits.blocks
    else { return [] }
    var findings: [Finding] = []
    if let extra = blocks.keys.filter({ $0 >= count }).min() {
      findings.append(
        meaning.finding(
          self, "is one too many: there are \(count) blocks", subject: "block \(stack)blk.\(extra)"))
    }
    guard !isDraft(meaning, blocks, count) else { return findings }
    for block in 0..<count where blocks[block] == nil {
      findings.append(
        meaning.finding(
          self, "is missing: there are to be \(count) blocks", subject: "block \(stack)blk.\(block)"))
    }
    return findings.capped
  }
}

extension RequiredTensors {
  /// What no file of this format is without.
  private func ends(_ meaning: Meaning, _ model: Model) -> [Finding] {
    // A drafter borrows what it lacks from its target, and so does a file with the predicting blocks only.
    let names = Set(model.tensors.map(\.info.name))
    guard let family = FamilyNames(meaning.architecture), !family.isDrafter else { return [] }
    var findings: [Finding] = []
    if family.holds("token_embd.weight"), !names.contains("token_embd.weight") {
      findings.append(missing(meaning, "token_embd.weight"))
    }
    // The norms of the oldest OLMo have no weights.
    if family.holds("output_norm.weight"), !names.contains("output_norm.weight"), meaning.architecture != "olmo",
      meaning.number("nextn_predict_layers") == nil
    {
      findings.append(missing(meaning, "output_norm.weight"))
    }
    return findings
  }

  /// Tensors that the family has no name for: llama.cpp refuses files with tensors that it does not ask for.
  private func unknown(_ meaning: Meaning, _ model: Model) -> [Finding] {
    guard let family = FamilyNames(meaning.architecture) else { return [] }
    return meaning.findings(model.tensors) { tensor in
      guard !family.knows(tensor.info.name) else { return nil }
      var finding = meaning.finding(
        self, "is none that the architecture \(meaning.architecture) has", tensor: tensor)
      finding.severity = .warning
      return finding
    }
  }

  /// Blocks with the same roles are of one kind.
  private func kinds(_ meaning: Meaning, _ stack: String, _ blocks: Blocks) -> [Finding] {
    var kinds: [Set<BlockName.Role>: [Int]] = [:]
    for (block, parts) in blocks {
      let roles = parts.compactMap { BlockName("\(stack)blk.\(block).\($0)")?.role }
      kinds[Set(roles).subtracting([.other]), default: []].append(block)
    }
    var findings: [(block: Int, finding: Finding)] = []
    for members in kinds.values where members.count > 1 {
      var counts: [String: Int] = [:]
      for block in members { for part in blocks[block] ?? [] { counts[part, default: 0] += 1 } }
      for (part, count) in counts.sorted(by: { $0.key < $1.key }) where count < members.count {
        guard count * 2 > members.count || Self.isAlwaysThere(part) else { continue }
        for block in members where blocks[block]?.contains(part) == false {
          guard !isLeftOut(meaning, part, block) else { continue }
          let others = count == 1 ? "another block like it has it" : "\(count) other blocks like it have it"
          findings.append((block, missing(meaning, "\(stack)blk.\(block).\(part)", ", but \(others)")))
          if findings.count > Limits.findingsOfRule { return findings.map(\.finding) }
        }
      }
    }
    return findings.sorted { ($0.block, $0.finding.subject ?? "") < ($1.block, $1.finding.subject ?? "") }
      .map(\.finding).capped
  }

  /// Whether a part that one block has is in all of its kind, however few they are. Biases and norms that only some
  /// have are for the majority to decide.
  private static func isAlwaysThere(_ part: String) -> Bool {
    let stem = part.hasSuffix(".weight") ? part.dropLast(7) : part[...]
    return [
      "attn_q", "attn_k", "attn_v", "attn_qkv", "attn_output", "attn_o", "attn_norm", "ffn_norm", "ffn_up", "ffn_down",
      "ffn_gate", "ffn_gate_inp", "ffn_up_exps", "ffn_down_exps", "ffn_gate_exps", "ssm_in", "ssm_out", "ssm_conv1d",
      "ssm_a", "ssm_dt.bias",
    ].contains(stem)
  }

  /// What some blocks of a family do without, and which.
  private func isLeftOut(_ meaning: Meaning, _ part: String, _ block: Int) -> Bool {
    // The last blocks use the keys and values of earlier ones.
    if let shared = meaning.number("attention.shared_kv_layers"), let count = meaning.number("block_count"),
      block >= count - shared, part.hasPrefix("attn_k") || part.hasPrefix("attn_v")
    {
      return true
    }
    // Which blocks compress or index what they attend to is a setting of its own.
    if part.contains("compressor") || part.contains("indexer") || part.contains("tid2eid") { return true }
    // Its first blocks choose experts by the token alone.
    if meaning.architecture == "deepseek4", part.hasPrefix("exp_probs_b") { return true }
    // The embedding is already normed.
    if meaning.architecture == "modern-bert", block == 0, part.hasPrefix("attn_norm") { return true }
    // All blocks use the table of the first.
    return part.hasPrefix("attn_rel_b")
  }

  /// Whether each block has what lets tokens see each other, what works on each alone, and each of these in one piece.
  private func parts(_ meaning: Meaning, _ stack: String, _ blocks: Blocks) -> [Finding] {
    guard ["", "enc.", "dec."].contains(stack) else { return [] }
    var roles: [Int: Set<BlockName.Role>] = [:]
    for (block, parts) in blocks {
      roles[block] = Set(parts.compactMap { BlockName("\(stack)blk.\(block).\($0)")?.role })
    }
    let feedsForward = roles.values.contains { $0.contains(where: \.feedsForward) }
    // Families whose blocks are each one thing only say so by widths of 0.
    let isOneThing = meaning.hasZero("feed_forward_length")
    var findings: [Finding] = []
    func report(_ block: Int, _ text: String) {
      findings.append(meaning.finding(self, text, subject: "block \(stack)blk.\(block)"))
    }
    for (block, found) in roles.sorted(by: { $0.key < $1.key }) {
      let mixes = found.contains(where: \.mixes)
      if !mixes, !isOneThing, meaning.number("attention.head_count", block: block) != 0 {
        report(block, "has no attention and nothing in its place")
      }
      if !found.contains(where: \.feedsForward), feedsForward, !isOneThing {
        report(block, "has no feed-forward part, which other blocks have")
      }
      if isOneThing, !mixes, !found.contains(where: \.feedsForward) { report(block, "has neither part") }
      if !found.contains(.experts), needsExperts(meaning, block) {
        report(block, "has no experts, but \"leading_dense_block_count\" says that it has")
      }
      if let lacking = Self.incomplete(blocks[block] ?? [], found) {
        report(block, "has no \(lacking)")
      }
    }
    return findings.capped
  }

  private func needsExperts(_ meaning: Meaning, _ block: Int) -> Bool {
    guard let dense = meaning.number("leading_dense_block_count"), meaning.number("expert_count") ?? 0 > 0,
      meaning.number("interleave_moe_layer_step") ?? 1 == 1, let count = meaning.number("block_count")
    else { return false }
    let predicting = meaning.number("nextn_predict_layers") ?? 0
    return block >= dense && block < count - predicting
  }

  /// The piece that a part is not complete without.
  private static func incomplete(_ parts: Set<String>, _ roles: Set<BlockName.Role>) -> String? {
    func has(_ prefixes: String...) -> Bool { parts.contains { part in prefixes.contains { part.hasPrefix($0) } } }
    if roles.contains(.attention), !roles.contains(.stateSpace) {
      if !has("attn_q.", "attn_qkv", "attn_q_a", "attn_q_b") { return "attn_q" }
      if !has("attn_o") { return "attn_output" }
    }
    if roles.contains(.dense) {
      if !has("ffn_up.", "ffn_gate_up.") { return "ffn_up" }
      if !has("ffn_down.") { return "ffn_down" }
    }
    if roles.contains(.experts) {
      if !has("ffn_up_exps", "ffn_gate_up_exps") { return "ffn_up_exps" }
      if !has("ffn_down_exps") { return "ffn_down_exps" }
    }
    return nil
  }

  /// Tensors that come in twos.
  private func pairs(_ meaning: Meaning, _ model: Model, _ left: String, _ right: String) -> [Finding] {
    let names = Set(model.tensors.map { ExactString($0.info.name) })
    return meaning.findings(model.tensors) { tensor in
      let name = tensor.info.name
      guard name.hasSuffix(left) || name.hasSuffix(right) else {
        var finding = meaning.finding(self, "is neither \(left) nor \(right)", tensor: tensor)
        finding.severity = .warning
        return finding
      }
      let isLeft = name.hasSuffix(left)
      let other = String(name.dropLast((isLeft ? left : right).count)) + (isLeft ? right : left)
      return names.contains(ExactString(other)) ? nil : missing(meaning, other, ", the other half of \(name)")
    }.capped
  }
}
