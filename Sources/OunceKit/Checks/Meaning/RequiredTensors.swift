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
      var stacks = Self.stacks(model)
      if stacks.isEmpty, FamilyNames(meaning.architecture) != nil { stacks = [("", [:])] }
      let found = stacks.flatMap { stack, found in
        blocks(meaning, stack, found) + kinds(meaning, stack, found) + parts(meaning, stack, found)
          + table(meaning, stack, found)
      }
      // The other blocks and the table may miss the same tensor.
      var subjects: Set<String> = []
      let once = (ends(meaning, model) + unknown(meaning, model) + found).filter { finding in
        finding.subject?.hasPrefix("tensor ") != true || subjects.insert(finding.subject ?? "").inserted
      }
      return once.capped
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
    return !blocks.isEmpty && blocks.keys.allSatisfy { $0 >= count - predicting }
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
    guard let family = FamilyNames(meaning.architecture), !family.isDrafter else { return [] }
    let names = Set(model.tensors.map(\.info.name))
    if let count = meaning.number("block_count"),
      isDraft(meaning, Self.stacks(model).first { $0.key == "" }?.value ?? [:], count)
    {
      return []
    }
    var findings = family.requiredEnds.filter { !names.contains($0) }.map { missing(meaning, $0) }
    // Norms have biases in all places or in none.
    let haveBiases = ["attn_norm.bias", "attn_output_norm.bias"].contains { names.contains("blk.0.\($0)") }
    for norm in ["output_norm", "token_embd_norm"] where haveBiases && family.holds("\(norm).bias") {
      if names.contains("\(norm).weight"), !names.contains("\(norm).bias") {
        findings.append(missing(meaning, "\(norm).bias", ", which norms of blocks have"))
      }
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

  /// What a block lacks that blocks like it have: those with all the same roles, and those with the role of the part.
  private func kinds(_ meaning: Meaning, _ stack: String, _ blocks: Blocks) -> [Finding] {
    var kinds: [Set<BlockName.Role>: [Int]] = [:]
    var roles: [RoleGroup: [Int]] = [:]
    for (block, parts) in blocks {
      let found = Self.roles(stack, block, parts)
      kinds[found.subtracting([.other]), default: []].append(block)
      for role in found.union([.other]) {
        roles[RoleGroup(role: role, isRecurrent: role != .other && found.contains(.stateSpace)), default: []]
          .append(block)
      }
    }
    var lacking: [Int: [String: Int]] = [:]
    func compare(_ members: [Int], least share: (Int) -> Int, _ isCompared: (String) -> Bool) {
      var counts: [String: Int] = [:]
      for block in members { for part in blocks[block] ?? [] where isCompared(part) { counts[part, default: 0] += 1 } }
      for (part, count) in counts where count < members.count && count >= share(members.count) {
        for block in members where blocks[block]?.contains(part) == false && !isLeftOut(meaning, part, block) {
          lacking[block, default: [:]][part] = count
        }
      }
    }
    // Half of them is enough where all else is the same, more than half where it is not.
    for members in kinds.values { compare(members, least: { ($0 + 1) / 2 }, { _ in true }) }
    for (group, members) in roles {
      compare(members, least: { $0 / 2 + 1 }) { BlockName("\(stack)blk.0.\($0)")?.role == group.role }
    }
    var findings: [Finding] = []
    for (block, parts) in lacking.sorted(by: { $0.key < $1.key }) {
      for (part, count) in parts.sorted(by: { $0.key < $1.key }) where findings.count <= Limits.findingsOfRule {
        let others = count == 1 ? "another block like it has it" : "\(count) other blocks like it have it"
        findings.append(missing(meaning, "\(stack)blk.\(block).\(part)", ", but \(others)"))
      }
    }
    return findings.capped
  }

  /// Blocks with a role; attention beside a state space is another than attention alone.
  private struct RoleGroup: Hashable {
    let role: BlockName.Role
    let isRecurrent: Bool
  }

  private static func roles(_ stack: String, _ block: Int, _ parts: Set<String>) -> Set<BlockName.Role> {
    Set(parts.compactMap { BlockName("\(stack)blk.\(block).\($0)")?.role })
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
    // Only those with a window have sinks.
    if meaning.architecture == "mimo2", part.hasPrefix("attn_sinks") { return true }
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
    for (block, parts) in blocks { roles[block] = Self.roles(stack, block, parts) }
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
      if found.contains(.experts), block < meaning.number("leading_dense_block_count") ?? 0 {
        report(block, "has experts, but \"leading_dense_block_count\" says that it has none")
      }
      if !found.contains(.experts), needsExperts(meaning, block) {
        report(block, "has no experts, but \"leading_dense_block_count\" says that it has")
      }
      if let part = lackingKeys(meaning, block, blocks[block] ?? [], found) {
        findings.append(missing(meaning, "\(stack)blk.\(block).\(part)", ", which attention needs"))
      }
      if let lacking = Self.incomplete(blocks[block] ?? [], found) {
        report(block, "has no \(lacking)")
      }
    }
    return findings.capped
  }

  /// What the family's table says that a block with these roles has.
  private func table(_ meaning: Meaning, _ stack: String, _ blocks: Blocks) -> [Finding] {
    guard let family = FamilyNames(meaning.architecture) else { return [] }
    // Families whose experts have gates have them in dense blocks, too.
    let hasGates =
      blocks.values.contains { $0.contains("ffn_gate_exps.weight") }
      && family.holds("\(stack)blk.{i}.ffn_gate.weight")
    var required: [Set<BlockName.Role>: [String]] = [:]
    var findings: [Finding] = []
    for (block, parts) in blocks.sorted(by: { $0.key < $1.key }) where findings.count <= Limits.findingsOfRule {
      let roles = Self.roles(stack, block, parts)
      let needed = required[roles] ?? family.requiredParts(stack, roles)
      required[roles] = needed
      if hasGates, roles.contains(.dense), !parts.contains("ffn_gate.weight") {
        findings.append(missing(meaning, "\(stack)blk.\(block).ffn_gate.weight"))
      }
      for part in needed where !parts.contains(part) && !isLeftOut(meaning, part, block) {
        // Gates and projections may be one tensor, and experts of old files are not stacked.
        if parts.contains("ffn_gate_up_exps.weight"), ["ffn_gate_exps.weight", "ffn_up_exps.weight"].contains(part) {
          continue
        }
        findings.append(missing(meaning, "\(stack)blk.\(block).\(part)"))
      }
    }
    return findings
  }

  private func needsExperts(_ meaning: Meaning, _ block: Int) -> Bool {
    guard let dense = meaning.number("leading_dense_block_count"), meaning.number("expert_count") ?? 0 > 0,
      meaning.number("interleave_moe_layer_step") ?? 1 == 1, let count = meaning.number("block_count")
    else { return false }
    let predicting = meaning.number("nextn_predict_layers") ?? 0
    return block >= dense && block < count - predicting
  }

  /// The keys or the values that the queries of a block have nothing to compare with.
  private func lackingKeys(
    _ meaning: Meaning, _ block: Int, _ parts: Set<String>, _ roles: Set<BlockName.Role>
  ) -> String? {
    // In Gemma 4, keys may be values at the same time.
    guard parts.contains("attn_q.weight"), !parts.contains("attn_kv_a_mqa.weight"), !roles.contains(.stateSpace),
      !meaning.architecture.hasPrefix("gemma4"), FamilyNames(meaning.architecture) != nil
    else { return nil }
    return ["attn_k.weight", "attn_v.weight"].first { !parts.contains($0) && !isLeftOut(meaning, $0, block) }
  }

  /// The piece that a part is not complete without.
  private static func incomplete(_ parts: Set<String>, _ roles: Set<BlockName.Role>) -> String? {
    func has(_ prefixes: String...) -> Bool { parts.contains { part in prefixes.contains { part.hasPrefix($0) } } }
    if roles.contains(.attention), !roles.contains(.stateSpace) {
      if !has("attn_q.", "attn_qkv", "attn_q_a", "attn_q_b") { return "attn_q" }
      if !has("attn_o") { return "attn_output" }
      // Latent attention: what was compressed is expanded again.
      if has("attn_q_a."), !has("attn_q_b.") { return "attn_q_b" }
      if has("attn_kv_a_mqa."), !has("attn_kv_b.", "attn_k_b.") { return "attn_k_b" }
      if has("attn_k_b."), !has("attn_v_b.") { return "attn_v_b" }
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
