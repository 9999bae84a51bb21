internal import OunceCore

/// DeepSeek V2 and V3, Kimi K2: latent attention, which GGUF stores as one shared key and value head, and experts.
extension Architecture {
  static let deepseek2 = Architecture(
    "deepseek2",
    [
      "DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM", "KimiVLForConditionalGeneration",
      "KimiK25ForConditionalGeneration", "YoutuForCausalLM", "YoutuVLForConditionalGeneration",
    ],
    defaults: DeepSeek.defaults, derive: DeepSeek.derive,
    names: SourceNames(ignoredPrefixes: ["sam_model", "qwen2_model"]), rename: DeepSeek.rename,
    tensors: DeepSeek.tensors,
    metadata: DeepSeek.metadata, tokenizer: DeepSeekTokenizer())
}

enum DeepSeek {
  static let defaults: [String: JSON] = [
    "rms_norm_eps": .double(1e-6), "rope_theta": .double(10_000), "kv_lora_rank": .integer(512),
    "qk_rope_head_dim": .integer(64), "qk_nope_head_dim": .integer(128), "v_head_dim": .integer(128),
  ]

  static let tensors =
    Decoder.ends + Decoder.norms + Decoder.feedForward + attention + Decoder.experts + sharedExperts

  static let attention = Decoder.layers(
    TensorRule("self_attn.q_proj.weight", "attn_q.weight"),
    TensorRule("self_attn.q_a_proj.weight", "attn_q_a.weight"),
    TensorRule("self_attn.q_a_layernorm.weight", "attn_q_a_norm.weight"),
    TensorRule("self_attn.q_b_proj.weight", "attn_q_b.weight"),
    TensorRule("self_attn.kv_a_proj_with_mqa.weight", "attn_kv_a_mqa.weight"),
    TensorRule("self_attn.kv_a_layernorm.weight", "attn_kv_a_norm.weight"),
    TensorRule("self_attn.kv_b_proj.weight", "attn_k_b.weight", LatentPart(.keys), LatentPart.byHead, Exchanged()),
    TensorRule("self_attn.kv_b_proj.weight", "attn_v_b.weight", LatentPart(.values), LatentPart.byHead),
    TensorRule("self_attn.o_proj.*", "attn_output.*"))

  static let sharedExperts = Decoder.layers(
    TensorRule("mlp.gate.e_score_correction.bias", "exp_probs_b.bias"),
    TensorRule("mlp.shared_experts.gate_proj.weight", "ffn_gate_shexp.weight"),
    TensorRule("mlp.shared_experts.up_proj.weight", "ffn_up_shexp.weight"),
    TensorRule("mlp.shared_experts.down_proj.weight", "ffn_down_shexp.weight"))

  static let metadata: [MetadataRule] =
    [
      .blockCount, .contextLength, .embeddingLength, .feedForwardLength, .headCount,
      .constant("{arch}.attention.head_count_kv", .uint32(1)), .seesBothWays,
    ] + MetadataRule.positions + MetadataRule.norms + MetadataRule.experts + [
      .headDimension, .fileType,
      .count("{arch}.leading_dense_block_count") { (checkpoint) throws(OunceError) in
        if let count = checkpoint.configuration.integer("first_k_dense_replace") { return count }
        return checkpoint.configuration["n_routed_experts"] == nil ? try checkpoint.blockCount : 0
      },
      .integer("{arch}.vocab_size", "vocab_size"), .integer("{arch}.attention.q_lora_rank", "q_lora_rank"),
      .integer("{arch}.attention.kv_lora_rank", "kv_lora_rank"), keyLength,
      .integer("{arch}.attention.value_length", "kv_lora_rank"), keyLengthPerHead,
      .integer("{arch}.attention.value_length_mla", "v_head_dim"),
      .integer("{arch}.expert_feed_forward_length", "moe_intermediate_size", "intermediate_size"),
      .count("{arch}.expert_shared_count") { (checkpoint) throws(OunceError) in
        checkpoint.configuration.integer("n_shared_experts") ?? 0
      },
      .float("{arch}.expert_weights_scale", "routed_scaling_factor"),
      .value("{arch}.expert_weights_norm") { (checkpoint) throws(OunceError) in
        checkpoint.configuration.isTrue("norm_topk_prob") ? .bool(true) : nil
      },
      .integer("{arch}.rope.dimension_count", "qk_rope_head_dim"),
      .value("{arch}.rope.scaling.yarn_log_multiplier") { (checkpoint) throws(OunceError) in
        checkpoint.configuration.rope["mscale_all_dim"]?.double.map { .float32(Float(0.1 * $0)) }
      },
    ]

  /// The width of the key that all heads share.
  static let keyLength = MetadataRule.count("{arch}.attention.key_length") { (checkpoint) throws(OunceError) in
    try checkpoint.configuration.require("kv_lora_rank") + checkpoint.configuration.require("qk_rope_head_dim")
  }

  /// The width of each head's own key.
  static let keyLengthPerHead = MetadataRule.count("{arch}.attention.key_length_mla") {
    (checkpoint) throws(OunceError) in
    try checkpoint.configuration.require("qk_nope_head_dim") + checkpoint.configuration.require("qk_rope_head_dim")
  }

  /// The family's own classes call the rotated part of a key the width of a head.
  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    let type = checkpoint.configuration.string("model_type") ?? ""
    guard let assumed = ownDefaults[type] else { return }
    checkpoint.configuration.fill(assumed)
    guard checkpoint.configuration["head_dim"] == nil else { return }
    checkpoint.configuration["head_dim"] = checkpoint.configuration["qk_rope_head_dim"]
  }

  /// What these classes assume beyond that; others of the family come as code, or say all.
  private static let ownDefaults: [String: [String: JSON]] = [
    "deepseek_v2": [
      "max_position_embeddings": .integer(2048), "moe_intermediate_size": .integer(1407),
      "n_shared_experts": .integer(2), "n_routed_experts": .integer(64), "routed_scaling_factor": .double(1),
      "q_lora_rank": .integer(1536), "first_k_dense_replace": .integer(0),
    ],
    "deepseek_v3": [
      "max_position_embeddings": .integer(4096), "moe_intermediate_size": .integer(2048),
      "n_shared_experts": .integer(1), "n_routed_experts": .integer(256), "routed_scaling_factor": .double(2.5),
      "q_lora_rank": .integer(1536), "first_k_dense_replace": .integer(3), "num_key_value_heads": .integer(128),
      "num_experts_per_tok": .integer(8), "n_group": .integer(8), "topk_group": .integer(4),
      "norm_topk_prob": .bool(true),
    ],
  ]

  /// A head that is the embedding again, and layers that predict further tokens, are left out.
  @Sendable static func rename(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    if checkpoint.configuration.isTrue("tie_word_embeddings"), name.hasSuffix("lm_head.weight") { return nil }
    return NextPrediction.layersOnly(name, try checkpoint.configuration.require("num_hidden_layers"))
  }
}

/// The rows of one of the two projections that `kv_b_proj` fuses, head by head.
struct LatentPart: TensorTransform {
  enum Part: Sendable { case keys, values }
  private let part: Part

  init(_ part: Part) { self.part = part }

  var inverse: (any TensorTransform)? { nil }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    let heads = try checkpoint.keyValueHeadCount
    let key = try checkpoint.configuration.require("qk_nope_head_dim")
    let value = try checkpoint.configuration.require("v_head_dim")
    let shape = tensor.info.shape
    guard shape.count == 2, heads > 0, key > 0, value > 0, shape[0] == heads * (key + value) else {
      throw OunceError(
        .malformed, "has the shape \(shape), which does not fit \(heads) heads of \(key) and \(value)",
        subject: "tensor \(tensor.info.name)", remedy: "config.json and the weights do not belong together")
    }
    let (width, offset) = part == .keys ? (key, 0) : (value, key)
    return try tensor.gathering(heads * width) { row in
      row / width * (key + value) + offset + row % width
    }
  }

  /// Rows head by head: `[heads · width, columns]` becomes `[heads, width, columns]`.
  static let byHead = Shaped(
    { (old, checkpoint) throws(OunceError) in
      let heads = max(1, try checkpoint.keyValueHeadCount)
      return [heads, (old.first ?? 0) / heads] + old.dropFirst()
    }, back: { (new, _) throws(OunceError) in [new.prefix(2).reduce(1, *)] + new.dropFirst(2) })
}
