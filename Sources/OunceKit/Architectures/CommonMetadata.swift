internal import OunceCore

/// The settings that nearly every family shares, in the order in which the reference converter writes them.
extension MetadataRule {
  static let common: [MetadataRule] = shape + positions + norms + experts + [headDimension, .fileType]

  static let blockCount = MetadataRule(names: ["num_hidden_layers"], key: "{arch}.block_count") {
    (checkpoint, writer) throws(OunceError) in
    writer.set("{arch}.block_count", .uint32(UInt32(try checkpoint.blockCount)))
  }

  static let contextLength = integer(
    "{arch}.context_length", "max_position_embeddings", "n_ctx", "n_positions", "max_length", "max_sequence_length",
    "model_max_length")
  static let embeddingLength = integer("{arch}.embedding_length", "hidden_size", "n_embd", "dim")
  static let feedForwardLength = integer(
    "{arch}.feed_forward_length", "prefix_dense_intermediate_size", "dense_intermediate_size", "intermediate_size",
    "n_inner", "hidden_dim")
  static let headCount = integer("{arch}.attention.head_count", "num_attention_heads", "n_head", "n_heads")
  static let keyValueHeadCount = integer("{arch}.attention.head_count_kv", "num_key_value_heads", "n_kv_heads")

  static let shape: [MetadataRule] = [
    .blockCount, .contextLength, .embeddingLength, .feedForwardLength, .headCount, .keyValueHeadCount,
    .seesBothWays,
  ]

  static let seesBothWays = value("{arch}.attention.causal") { (checkpoint) throws(OunceError) in
    checkpoint.configuration["is_causal"]?.bool == false ? .bool(false) : nil
  }

  static let positions: [MetadataRule] = [
    ropeScaling,
    .value("{arch}.rope.dimension_sections") { (checkpoint) throws(OunceError) in
      guard let sections = checkpoint.configuration.rope["mrope_section"]?.array else { return nil }
      let padded = sections.compactMap(\.integer) + [0, 0, 0, 0]
      return .array(.int32(padded.prefix(4).map { Int32(clamping: $0) }))
    },
    .value("{arch}.rope.freq_base") { (checkpoint) throws(OunceError) in
      checkpoint.configuration.fullRope["rope_theta"]?.double.map { .float32(Float($0)) }
    },
    .value("{arch}.rope.freq_base_swa") { (checkpoint) throws(OunceError) in
      JSON.object(checkpoint.configuration.rope)["sliding_attention"]?["rope_theta"]?.double.map { .float32(Float($0)) }
    },
  ]

  static let norms: [MetadataRule] = [
    .float("{arch}.attention.layer_norm_rms_epsilon", "rms_norm_eps", "norm_eps"),
    .float("{arch}.attention.layer_norm_epsilon", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon"),
  ]

  static let experts: [MetadataRule] = [
    .integer("{arch}.expert_count", "num_local_experts", "num_experts", "n_routed_experts"),
    .integer("{arch}.expert_used_count", "num_experts_per_tok", "num_experts_per_token", "top_k_experts"),
    .integer("{arch}.expert_group_count", "n_group"),
    .integer("{arch}.expert_group_used_count", "topk_group"),
    .value("{arch}.expert_gating_func") { (checkpoint) throws(OunceError) in
      let names = [
        "score_function", "scoring_func", "score_func", "moe_router_activation", "moe_router_activation_func",
        "expert_selection_fn",
      ]
      guard let name = checkpoint.configuration.first(names)?.string else { return nil }
      return .uint32(try gatingFunction(name))
    },
  ]

  /// How router scores become weights, as GGUF numbers it.
  static func gatingFunction(_ name: String) throws(OunceError) -> UInt32 {
    switch name {
    case "softmax": return 1
    case "sigmoid": return 2
    case "sqrtsoftplus": return 4
    default: throw OunceError(.unsupported, "the router function \"\(name)\" is not known", file: "config.json")
    }
  }

  static let headDimension = MetadataRule(names: ["head_dim"], key: "{arch}.attention.key_length") {
    (checkpoint, writer) throws(OunceError) in
    guard let dimension = checkpoint.configuration["head_dim"] else { return }
    try writer.set("{arch}.attention.key_length", count: dimension, of: "head_dim")
    try writer.set("{arch}.attention.value_length", count: dimension, of: "head_dim")
  }

  private static let ropeScaling = MetadataRule { (checkpoint, writer) throws(OunceError) in
    let rope = checkpoint.configuration.fullRope
    func set(_ key: String, _ names: String...) {
      guard let value = names.lazy.compactMap({ rope[$0]?.double }).first else { return }
      writer.set("{arch}.rope.scaling.\(key)", .float32(Float(value)))
    }
    switch checkpoint.configuration.ropeType {
    case "linear" where rope["factor"] != nil:
      writer.set("{arch}.rope.scaling.type", .string("linear"))
      set("factor", "factor")
    case "yarn" where rope["factor"] != nil:
      writer.set("{arch}.rope.scaling.type", .string("yarn"))
      set("factor", "factor")
      guard let length = rope["original_max_position_embeddings"] else {
        throw OunceError(
          .malformed, "yarn needs \"original_max_position_embeddings\"", file: "config.json", subject: "rope_scaling")
      }
      try writer.set(
        "{arch}.rope.scaling.original_context_length", count: length, of: "original_max_position_embeddings")
      set("yarn_ext_factor", "extrapolation_factor")
      set("yarn_attn_factor", "attention_factor", "attn_factor")
      set("yarn_beta_fast", "beta_fast")
      set("yarn_beta_slow", "beta_slow")
    case "su", "longrope":
      writer.set("{arch}.rope.scaling.type", .string("longrope"))
    default: break
    }
  }
}
