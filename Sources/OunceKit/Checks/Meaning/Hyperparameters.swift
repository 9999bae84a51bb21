internal import OunceCore

/// Settings of the architecture that are missing or cannot be.
public struct Hyperparameters: MeaningRule {
  public let id = "OUN307"
  public let name = "hyperparameters"
  public let severity = Severity.error
  public let level = CheckLevel.deep
  public let proves = "The settings that every architecture needs are there, are in range and fit together."
  public let example = "model.gguf: llama.attention.head_count: is 0"
  public let fix = "convert the checkpoint again, with the config.json from the model's page"

  public init() {}

  func check(_ meaning: Meaning) -> [Finding] {
    guard !meaning.architecture.isEmpty, meaning.model != nil else { return [] }
    switch meaning.kind {
    case .model: return required(meaning) + sane(meaning)
    case .vocabulary: return sane(meaning)
    case .projector: return projector(meaning)
    case .adapter, .importanceMatrix, .plain: return []
    }
  }

  private func finding(
    _ meaning: Meaning, _ key: String, _ message: String, _ severity: Severity? = nil
  ) -> Finding {
    meaning.finding(self, message, subject: "\(meaning.architecture).\(key)", severity: severity)
  }

  private func required(_ meaning: Meaning) -> [Finding] {
    var findings = ["block_count", "context_length", "embedding_length"].filter { meaning.setting($0) == nil }.map {
      finding(meaning, $0, "is missing")
    }
    let hasAttention = meaning.model?.tensors.contains { tensor in
      BlockName(tensor.info.name).map { ["attn_q.weight", "attn_k.weight", "attn_qkv.weight"].contains($0.part) }
        ?? false
    }
    guard hasAttention == true else { return findings }
    if meaning.setting("attention.head_count") == nil {
      findings.append(finding(meaning, "attention.head_count", "is missing"))
    }
    let epsilons = ["attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon"]
    if epsilons.allSatisfy({ meaning.setting($0) == nil }) {
      findings.append(finding(meaning, epsilons[0], "is missing, and so is layer_norm_epsilon", .warning))
    }
    return findings
  }

  /// Whole numbers that must not be 0 where they are there.
  private static let positive = [
    "block_count", "context_length", "embedding_length", "attention.key_length", "attention.value_length",
    "vocab_size", "rope.scaling.original_context_length", "ssm.conv_kernel", "ssm.inner_size", "ssm.state_size",
    "wkv.head_size", "attention.kv_lora_rank", "decoder_block_count",
  ]

  /// Numbers that must be above 0 and below infinity where they are there.
  private static let positiveFloats = [
    "attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon", "rope.freq_base", "rope.freq_base_swa",
    "rope.scaling.factor",
  ]

  private func sane(_ meaning: Meaning) -> [Finding] {
    var findings: [Finding] = []
    for key in Self.positive {
      guard let value = meaning.setting(key), value.array == nil else { continue }
      if let number = value.integer {
        if number < 1 { findings.append(finding(meaning, key, "is \(number)")) }
      } else {
        findings.append(finding(meaning, key, "is no whole number"))
      }
    }
    for key in Self.positiveFloats {
      let number: Double
      switch meaning.setting(key) {
      case .float32(let value)?: number = Double(value)
      case .float64(let value)?: number = value
      default: continue
      }
      if !(number > 0 && number.isFinite) { findings.append(finding(meaning, key, "is \(number)")) }
    }
    if let count = meaning.number("block_count"), count > Limits.blocks {
      return findings + [finding(meaning, "block_count", "is \(count), more than the limit of \(Limits.blocks)")]
    }
    return findings + lists(meaning) + heads(meaning) + experts(meaning) + positions(meaning)
  }

  /// Settings that may differ by block.
  private func lists(_ meaning: Meaning) -> [Finding] {
    guard let blocks = meaning.number("block_count"), meaning.setting("decoder_block_count") == nil else { return [] }
    let keys = ["attention.head_count", "attention.head_count_kv", "feed_forward_length"]
    return keys.compactMap { key in
      guard let list = meaning.setting(key)?.array else { return nil }
      guard let integers = list.integers else { return finding(meaning, key, "is a list of what is no whole number") }
      if let bad = integers.first(where: { $0 < 0 }) { return finding(meaning, key, "holds \(bad)") }
      return list.count == blocks
        ? nil : finding(meaning, key, "has \(list.count) entries, but there are \(blocks) blocks")
    }
  }

  private func heads(_ meaning: Meaning) -> [Finding] {
    let blocks = max(1, min(meaning.number("block_count") ?? 1, Limits.blocks))
    for block in 0..<blocks {
      guard let heads = meaning.number("attention.head_count", block: block), heads > 0 else {
        if let heads = meaning.number("attention.head_count"), heads < 0 {
          return [finding(meaning, "attention.head_count", "is \(heads)")]
        }
        continue
      }
      if let shared = meaning.number("attention.head_count_kv", block: block), shared != 0,
        shared < 0 || heads % shared != 0
      {
        return [
          finding(
            meaning, "attention.head_count_kv", "block \(block) has \(heads) heads, which \(shared) do not divide")
        ]
      }
      if let width = meaning.number("embedding_length"), meaning.setting("attention.key_length") == nil,
        width % heads != 0
      {
        return [finding(meaning, "attention.head_count", "the width \(width) is not divisible by \(heads) heads")]
      }
    }
    guard meaning.setting("attention.head_count")?.integer == 0, meaning.setting("ssm.state_size") == nil,
      meaning.setting("wkv.head_size") == nil
    else { return [] }
    return [finding(meaning, "attention.head_count", "is 0")]
  }

  private func experts(_ meaning: Meaning) -> [Finding] {
    guard let count = meaning.number("expert_count"), count >= 0 else { return [] }
    var findings: [Finding] = []
    if let used = meaning.number("expert_used_count"), used > count || used < 0 || count > 0 && used == 0 {
      findings.append(finding(meaning, "expert_used_count", "is \(used), but there are \(count) experts"))
    }
    guard let groups = meaning.number("expert_group_count"), groups != 0 else { return findings }
    if groups < 0 || count % groups != 0 {
      findings.append(finding(meaning, "expert_group_count", "is \(groups), which does not divide \(count) experts"))
    }
    if let used = meaning.number("expert_group_used_count"), used > groups || used < 0 {
      findings.append(finding(meaning, "expert_group_used_count", "is \(used), but there are \(groups) groups"))
    }
    return findings
  }

  /// Positions turn pairs of elements of a head.
  private func positions(_ meaning: Meaning) -> [Finding] {
    guard let turned = meaning.number("rope.dimension_count") else { return [] }
    guard turned % 2 != 0 || turned < 0 else { return [] }
    return [finding(meaning, "rope.dimension_count", "is \(turned), but positions turn pairs")]
  }

  /// `clip.has_vision_encoder` and `clip.has_audio_encoder` say which halves there are.
  private func projector(_ meaning: Meaning) -> [Finding] {
    let halves = ["vision", "audio"].filter { meaning.setting("has_\($0)_encoder")?.bool == true }
    if halves.isEmpty {
      return [finding(meaning, "has_vision_encoder", "is missing or false, and so is has_audio_encoder", .warning)]
    }
    var findings: [Finding] = []
    for half in halves {
      for key in ["block_count", "embedding_length", "attention.head_count"] {
        guard let value = meaning.setting("\(half).\(key)") else {
          findings.append(finding(meaning, "\(half).\(key)", "is missing"))
          continue
        }
        if let number = value.integer, number < 1 {
          findings.append(finding(meaning, "\(half).\(key)", "is \(number)"))
        }
      }
    }
    return findings
  }
}
