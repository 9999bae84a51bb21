internal import OunceCore

/// A config.json that belongs to other weights.
///
/// It compares names that many families share; what a family calls otherwise, its translation compares.
public struct ConfigurationSizes: MeaningRule {
  public let id = "OUN310"
  public let name = "config-sizes"
  public let severity = Severity.error
  public let level = CheckLevel.deep
  public let proves = "The tensors of a checkpoint have the sizes and the number of layers that its config.json says."
  public let example =
    "./model: tensor model.embed_tokens.weight: is [32000, 4096], but config.json says [32064, 4096]"
  public let fix = "fetch config.json and the weights from the same revision of the model"

  public init() {}

  func check(_ meaning: Meaning) -> [Finding] {
    guard !meaning.isGGUF, meaning.kind == .model, let json = try? meaning.source.json("config.json"),
      json.object != nil
    else { return [] }
    let configuration = Configuration(json)
    let findings = meaning.findings(meaning.source.tensors) { tensor in
      guard let expected = Self.expected(tensor.info.name, configuration), tensor.info.shape != expected else {
        return nil
      }
      return meaning.finding(self, "is \(tensor.info.shape), but config.json says \(expected)", tensor: tensor)
    }
    return (findings + layers(meaning, configuration)).capped
  }

  /// Beginnings of names that belong to the language model.
  private static let prefixes = ["language_model.model.", "model.language_model.", "model.", ""]

  /// The name without what families put before it; nil: the tensor belongs to no language model.
  private static func cleaned(_ name: String) -> Substring? {
    guard !["vision", "visual", "audio", "tower", "encoder.", "decoder."].contains(where: { name.contains($0) }) else {
      return nil
    }
    for prefix in prefixes where name.hasPrefix(prefix) { return name.dropFirst(prefix.count) }
    return nil
  }

  /// The shape that the configuration gives; nil: it says nothing.
  private static func expected(_ name: String, _ configuration: Configuration) -> [Int]? {
    guard let cleaned = cleaned(name), let hidden = size(configuration, "hidden_size") else { return nil }
    switch cleaned {
    // The head of a drafter knows only some of its target's tokens.
    case "lm_head.weight" where configuration.contains("draft_vocab_size"): return nil
    case "embed_tokens.weight", "lm_head.weight":
      return size(configuration, "vocab_size").map { [$0, hidden] }
    case "norm.weight": return [hidden]
    default: break
    }
    let pieces = cleaned.split(separator: ".", maxSplits: 2)
    guard pieces.count == 3, pieces[0] == "layers" else { return nil }
    switch pieces[2] {
    case "input_layernorm.weight", "post_attention_layernorm.weight": return [hidden]
    default: break
    }
    return attention(pieces[2], hidden, configuration) ?? feedForward(pieces[2], hidden, configuration)
  }

  /// Settings of families whose attention or whose feed-forward parts are not the usual ones in every layer.
  private static let unusual = [
    "global_head_dim", "attn_output_gate", "kv_lora_rank", "qk_rope_head_dim", "linear_num_value_heads",
    "use_double_wide_mlp", "v_head_dim", "swa_head_dim", "swa_num_attention_heads", "num_attention_heads_per_layer",
    "attention_other_setting", "mlp_only_layers", "block_configs", "moe_latent_size", "attn_heads_per_layer",
  ]

  private static func isUsual(_ configuration: Configuration) -> Bool {
    !unusual.contains { configuration[$0] != nil && configuration[$0] != .array([]) }
  }

  private static func attention(_ part: Substring, _ hidden: Int, _ configuration: Configuration) -> [Int]? {
    guard isUsual(configuration), let heads = size(configuration, "num_attention_heads"),
      let width = size(configuration, "head_dim") ?? (hidden % heads == 0 ? hidden / heads : nil)
    else { return nil }
    switch part {
    case "self_attn.q_proj.weight": return [heads * width, hidden]
    case "self_attn.o_proj.weight": return [hidden, heads * width]
    case "self_attn.k_proj.weight", "self_attn.v_proj.weight":
      return size(configuration, "num_key_value_heads").map { [$0 * width, hidden] }
    default: return nil
    }
  }

  private static func feedForward(_ part: Substring, _ hidden: Int, _ configuration: Configuration) -> [Int]? {
    // Families with experts may give the width of their dense layers a name of its own.
    let names = ["prefix_dense_intermediate_size", "dense_intermediate_size", "intermediate_size"]
    guard isUsual(configuration), let inner = names.lazy.compactMap({ size(configuration, $0) }).first else {
      return nil
    }
    switch part {
    case "mlp.gate_proj.weight", "mlp.up_proj.weight": return [inner, hidden]
    case "mlp.down_proj.weight": return [hidden, inner]
    default: return nil
    }
  }

  private static func size(_ configuration: Configuration, _ name: String) -> Int? {
    configuration.integer(name).flatMap { (1...Limits.vocabulary).contains($0) ? $0 : nil }
  }

  private func layers(_ meaning: Meaning, _ configuration: Configuration) -> [Finding] {
    guard let count = configuration.integer("num_hidden_layers"), (1...Limits.blocks).contains(count) else { return [] }
    var found: Set<Int> = []
    for tensor in meaning.source.tensors {
      guard let cleaned = Self.cleaned(tensor.info.name) else { continue }
      let pieces = cleaned.split(separator: ".", maxSplits: 2)
      guard pieces.count == 3, pieces[0] == "layers", let layer = Int(pieces[1]) else { continue }
      found.insert(layer)
    }
    guard !found.isEmpty else { return [] }
    // Layers that predict further tokens stand behind the others.
    let predicting =
      ["num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_layers", "num_mtp_modules"]
      .compactMap { configuration.integer($0) }.max() ?? 0
    var findings: [Finding] = []
    for layer in 0..<count where !found.contains(layer) {
      findings.append(
        meaning.finding(
          self, "is missing: config.json says that there are \(count)", subject: "layer \(layer)"))
    }
    if let extra = found.filter({ $0 >= count + max(0, predicting) }).min() {
      findings.append(
        meaning.finding(
          self, "is one too many: config.json says that there are \(count)", subject: "layer \(extra)"))
    }
    return findings
  }
}
