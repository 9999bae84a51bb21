internal import OunceCore

/// NVIDIA's Nemotron-H: every layer is one thing: a state space, attention, a feed-forward part, or experts.
extension Architecture {
  static let nemotronH = Architecture(
    "nemotron_h", ["NemotronHForCausalLM"], derive: NemotronH.derive, names: NemotronH.names,
    rename: NemotronH.rename, tensors: NemotronH.tensors, metadata: NemotronH.metadata,
    tokenizer: NemotronH.tokenizer)

  /// Puzzle: the number and width of experts differ by layer.
  static let nemotronHPuzzle = Architecture(
    "nemotron_h_moe", ["NemotronHPuzzleForCausalLM"], derive: NemotronH.derivePuzzle, names: NemotronH.names,
    rename: { (name, _) throws(OunceError) in name.hasPrefix("mtp.") ? nil : name },
    tensors: NemotronH.tensors, metadata: NemotronH.puzzleMetadata, tokenizer: NemotronH.tokenizer)
}

enum NemotronH {
  static let names = SourceNames(
    replaced: [
      ("model.layers.", "backbone.layers."), ("model.embeddings.", "backbone.embeddings."),
      ("model.norm_f.", "backbone.norm_f."),
    ])

  static let tokenizer = PaddedTokenizer(BytePairTokenizer(preferred: ["pixtral"])) { (_) in 8 }

  static let tensors =
    Mamba.ends
    + TensorRule.layers(
      "backbone.layers.{i}.",
      Mamba.second + [
        TensorRule("mixer.q_proj.*", "attn_q.*", Interleaved(.query)),
        TensorRule("mixer.k_proj.*", "attn_k.*", Interleaved(.keyValue)),
        TensorRule("mixer.v_proj.*", "attn_v.*"), TensorRule("mixer.o_proj.*", "attn_output.*"),
        TensorRule("mixer.up_proj.*", "ffn_up.*"), TensorRule("mixer.down_proj.*", "ffn_down.*"),
        TensorRule("mixer.gate.weight", "ffn_gate_inp.weight"),
        TensorRule("mixer.gate.e_score_correction.bias", "exp_probs_b.bias"),
        TensorRule("mixer.experts.{e}.down_proj.weight", "ffn_down_exps.weight"),
        TensorRule("mixer.experts.{e}.up_proj.weight", "ffn_up_exps.weight"),
        TensorRule("mixer.shared_experts.up_proj.weight", "ffn_up_shexp.weight"),
        TensorRule("mixer.shared_experts.down_proj.weight", "ffn_down_shexp.weight"),
        TensorRule("mixer.fc1_latent_proj.weight", "ffn_latent_down.weight"),
        TensorRule("mixer.fc2_latent_proj.weight", "ffn_latent_up.weight"),
        TensorRule("post_attention_layernorm.weight", "post_attention_norm.weight"),
      ])
    + TensorRule.layers(
      "backbone.layers.{i}.", NextPrediction.tensors.map { $0.renamed { $0.replacing("model.layers.{i}.", with: "") } },
      to: "")

  enum Kind { case attention, feedForward }

  /// The layers of a kind, by the pattern's letters or by the listed names.
  static func layers(_ checkpoint: Checkpoint, of kind: Kind) -> Set<Int> {
    let configuration = checkpoint.configuration
    let hasExperts = checkpoint.architectureName.hasSuffix("_moe")
    var layers = Set<Int>()
    if let pattern = configuration.string("hybrid_override_pattern") {
      let letter: Character = kind == .attention ? "*" : hasExperts ? "E" : "-"
      for (index, character) in pattern.enumerated() where character == letter { layers.insert(index) }
    } else {
      let names = kind == .attention ? ["attention", "full_attention"] : ["moe"]
      let types = configuration.array("hybrid_override_pattern") ?? configuration.array("layers_block_type") ?? []
      for (index, type) in types.enumerated() where names.contains(type.string ?? "") { layers.insert(index) }
    }
    // The layer that predicts a further token attends and has experts.
    let trunk = configuration.integer("num_hidden_layers") ?? 0
    for extra in 0..<checkpoint.extraBlockCount { layers.insert(trunk + extra) }
    return layers
  }

  static let metadata: [MetadataRule] =
    GraniteHybrid.metadata + ends + [
      MetadataRule { (checkpoint, writer) throws(OunceError) in
        let hasExperts = checkpoint.architectureName.hasSuffix("_moe")
        let width = Int32(
          try checkpoint.configuration.require(hasExperts ? "moe_intermediate_size" : "intermediate_size"))
        let wide = layers(checkpoint, of: .feedForward)
        writer.set(
          "{arch}.feed_forward_length",
          .array(.int32((0..<(try checkpoint.blockCount)).map { wide.contains($0) ? width : 0 })))
        guard hasExperts else { return }
        for rule in expertMetadata { try rule.apply(checkpoint, to: &writer) }
      }
    ]

  private static let ends: [MetadataRule] = [
    .constant("{arch}.rope.scaling.finetuned", .bool(false)), .constant("{arch}.context_length", .uint32(1 << 20)),
    .integer("{arch}.attention.key_length", "attention_head_dim"),
    .integer("{arch}.attention.value_length", "attention_head_dim"),
  ]

  private static let expertMetadata: [MetadataRule] = [
    .integer("{arch}.expert_used_count", "num_experts_per_tok"),
    .integer("{arch}.expert_feed_forward_length", "moe_intermediate_size"),
    .integer("{arch}.expert_shared_feed_forward_length", "moe_shared_expert_intermediate_size"),
    .integer("{arch}.expert_count", "n_routed_experts"), .integer("{arch}.expert_shared_count", "n_shared_experts"),
    .bool("{arch}.expert_weights_norm", "norm_topk_prob"),
    .float("{arch}.expert_weights_scale", "routed_scaling_factor"), .integer("{arch}.expert_group_count", "n_group"),
    .integer("{arch}.moe_latent_size", "moe_latent_size"),
    .count("{arch}.nextn_predict_layers") { (checkpoint) throws(OunceError) in
      checkpoint.extraBlockCount > 0 ? checkpoint.extraBlockCount : nil
    },
  ]

  static let puzzleMetadata: [MetadataRule] =
    GraniteHybrid.metadata + ends + [
      blocks("{arch}.feed_forward_length", "moe_intermediate_size"),
      blocks("{arch}.expert_feed_forward_length", "moe_intermediate_size"),
      blocks("{arch}.expert_used_count", "num_experts_per_tok"),
      .integer("{arch}.expert_shared_feed_forward_length", "moe_shared_expert_intermediate_size"),
      .integer("{arch}.expert_count", "n_routed_experts"), .integer("{arch}.expert_shared_count", "n_shared_experts"),
      .bool("{arch}.expert_weights_norm", "norm_topk_prob"),
      .float("{arch}.expert_weights_scale", "routed_scaling_factor"), .integer("{arch}.expert_group_count", "n_group"),
      .integer("{arch}.moe_latent_size", "moe_latent_size"),
    ]

  /// A setting of each block; 0 where a block has none.
  private static func blocks(_ key: String, _ name: String) -> MetadataRule {
    .value(key) { (checkpoint) throws(OunceError) in
      let blocks = checkpoint.configuration.array("block_configs") ?? []
      return .array(.int32(blocks.map { Int32(clamping: $0[name]?.integer ?? 0) }))
    }
  }

  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    setHeadWidth(&checkpoint)
    if let types = checkpoint.configuration.array("layers_block_type") {
      checkpoint.configuration["num_hidden_layers"] = .integer(types.count)
    }
    guard checkpoint.configuration.contains("num_experts_per_tok") else { return }
    checkpoint.architectureName = "nemotron_h_moe"
    guard !checkpoint.options.withoutNextPrediction else { return }
    let count = checkpoint.configuration.integer("num_nextn_predict_layers") ?? 0
    guard (0...1).contains(count) else {
      throw OunceError(
        .unsupported, "\(count) layers that predict further tokens cannot be converted", file: "config.json",
        remedy: "leave them out with --no-nextn")
    }
    checkpoint.extraBlockCount = count
  }

  @Sendable static func derivePuzzle(_ checkpoint: inout Checkpoint) throws(OunceError) {
    setHeadWidth(&checkpoint)
    let blocks = checkpoint.configuration.array("block_configs") ?? []
    checkpoint.configuration["num_hidden_layers"] = .integer(blocks.count)
    checkpoint.configuration["hybrid_override_pattern"] = .array(blocks.map { $0["block_type"] ?? .null })
  }

  /// Attention's heads have a width of their own, which the shared settings do not tell.
  private static func setHeadWidth(_ checkpoint: inout Checkpoint) {
    let width = checkpoint.configuration["head_dim"] ?? checkpoint.configuration["attention_head_dim"]
    checkpoint.configuration["attention_head_dim"] = width
    checkpoint.configuration["head_dim"] = nil
  }

  static let parts = [
    "0.enorm.weight": "enorm.weight", "0.hnorm.weight": "hnorm.weight", "0.eh_proj.weight": "eh_proj.weight",
    "1.norm.weight": "post_attention_layernorm.weight", "1.final_layernorm.weight": "shared_head.norm.weight",
  ]

  /// `mtp.layers.0` is attention and `mtp.layers.1` experts of one more layer.
  @Sendable static func rename(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    let shared = ["backbone.embeddings.weight", "backbone.norm_f.weight", "lm_head.weight"]
    guard name.hasPrefix("mtp.") else {
      return checkpoint.options.onlyNextPrediction && !shared.contains(name) ? nil : name
    }
    guard checkpoint.extraBlockCount > 0, name.hasPrefix("mtp.layers.") else { return nil }
    let rest = String(name.dropFirst(11))
    let layer = try checkpoint.configuration.require("num_hidden_layers")
    return "backbone.layers.\(layer).\(parts[rest] ?? String(rest.dropFirst(2)))"
  }
}
