internal import OunceCore

/// Z.ai's GLM 4: norms before and behind the parts of a layer, half of each head rotated.
extension Architecture {
  static let glm4 = Architecture(
    "glm4", ["Glm4ForCausalLM"],
    defaults: Glm.defaults.merging(
      ["num_key_value_heads": .integer(2), "head_dim": .integer(128), "rms_norm_eps": .double(1.5625e-7)]
    ) { first, _ in first },
    tensors: Decoder.ends + Decoder.norms + Decoder.attention + Decoder.feedForward
      + Decoder.layers(
        TensorRule("mlp.gate_up_proj.weight", "ffn_up.weight"),
        TensorRule("post_mlp_layernorm.weight", "post_ffw_norm.weight"),
        TensorRule("post_self_attn_layernorm.weight", "post_attention_norm.weight")),
    metadata: MetadataRule.common + [Glm.rotaryWidth],
    tokenizer: BytePairTokenizer(
      preferred: ["glm4"],
      tokens: [
        ("eos", "<|endoftext|>"), ("eot", "<|user|>"), ("unk", "<|endoftext|>"), ("bos", "<|endoftext|>"),
      ]))

  /// GLM 4.1V and GLM-OCR: positions in three dimensions, for which halves of heads stand apart.
  static let glm4Vision = Architecture(
    "glm4", ["Glm4vForConditionalGeneration", "GlmOcrForConditionalGeneration"], derive: Glm.deriveVision,
    rename: NextPrediction.rename,
    tensors: Architecture.glm4.tensors.filter { $0.source.contains("mlp") || !$0.source.contains("_proj.*") }
      + NextPrediction.tensors
      + Decoder.layers(
        TensorRule("self_attn.q_proj.*", "attn_q.*", HalvesApart()),
        TensorRule("self_attn.k_proj.*", "attn_k.*", HalvesApart()),
        TensorRule("self_attn.v_proj.*", "attn_v.*"), TensorRule("self_attn.o_proj.*", "attn_output.*")),
    metadata: Architecture.glm4.metadata + [NextPrediction.count], tokenizer: Architecture.glm4.tokenizer)

  /// GLM 5: DeepSeek's shape with a small attention that chooses what the large one sees.
  static let glmDsa = Architecture(
    "glm-dsa", ["GlmMoeDsaForCausalLM"], defaults: DeepSeek.defaults, derive: NextPrediction.derive,
    rename: NextPrediction.rename, tensors: DeepSeek.tensors + NextPrediction.tensors + Glm.indexer,
    metadata: DeepSeek.metadata + Glm.indexerMetadata, tokenizer: Glm.tokenizer)

  /// GLM 4.7 Flash: DeepSeek's shape with GLM's vocabulary.
  static let glm4MoeLite = Architecture(
    "deepseek2", ["Glm4MoeLiteForCausalLM"], defaults: DeepSeek.defaults, derive: NextPrediction.derive,
    rename: NextPrediction.rename, tensors: DeepSeek.tensors + NextPrediction.tensors,
    metadata: DeepSeek.metadata + [NextPrediction.count], tokenizer: Glm.tokenizer)

  /// GLM 4.5 and 4.6 with experts.
  static let glm4Moe = Architecture(
    "glm4moe", ["Glm4MoeForCausalLM", "Glm4vMoeForConditionalGeneration", "SolarOpenForCausalLM"],
    defaults: Glm.defaults, derive: Glm.deriveExperts, rename: NextPrediction.rename,
    tensors: Decoder.ends + Decoder.attention + Decoder.headNorms + Decoder.feedForward + Decoder.experts
      + DeepSeek.sharedExperts + NextPrediction.tensors
      + Decoder.layers(
        TensorRule("input_layernorm.weight", "attn_norm.weight"),
        TensorRule("post_attention_layernorm.weight", "post_attention_norm.weight")),
    metadata: MetadataRule.common + [
      Glm.rotaryWidth, .integer("{arch}.expert_count", "n_routed_experts"),
      .integer("{arch}.expert_feed_forward_length", "moe_intermediate_size"),
      .integer("{arch}.expert_shared_count", "n_shared_experts"),
      .integer("{arch}.leading_dense_block_count", "first_k_dense_replace"),
      .constant("{arch}.expert_gating_func", .uint32(2)),
      .float("{arch}.expert_weights_scale", "routed_scaling_factor"),
      .bool("{arch}.expert_weights_norm", "norm_topk_prob"),
      .count("{arch}.nextn_predict_layers") { (checkpoint) throws(OunceError) in
        checkpoint.options.withoutNextPrediction ? nil : checkpoint.configuration.integer("num_nextn_predict_layers")
      },
    ],
    tokenizer: Glm.tokenizer)
}

enum Glm {
  static let defaults: [String: JSON] = [
    "max_position_embeddings": .integer(131_072), "rope_theta": .double(10_000), "partial_rotary_factor": .double(0.5),
  ]

  static let tokenizer = BytePairTokenizer(
    preferred: ["glm4"],
    tokens: [
      ("bos", "[gMASK]"), ("eot", "<|user|>"), ("unk", "<|endoftext|>"), ("eom", "<|observation|>"),
    ])

  static let rotaryWidth = MetadataRule.count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in
    let factor = checkpoint.configuration.rope["partial_rotary_factor"]?.double ?? 0.5
    return try Configuration.whole(Double(try checkpoint.configuration.headDimension()) * factor)
  }

  static let indexer = Decoder.layers(
    TensorRule("self_attn.indexer.wq_b.weight", "indexer.attn_q_b.weight"),
    TensorRule("self_attn.indexer.wk.weight", "indexer.attn_k.weight"),
    TensorRule("self_attn.indexer.k_norm.*", "indexer.k_norm.*"),
    TensorRule("self_attn.indexer.weights_proj.weight", "indexer.proj.weight"))

  static let indexerMetadata: [MetadataRule] = [
    .count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in
      let factor = checkpoint.configuration.rope["partial_rotary_factor"]?.double ?? 1
      return try Configuration.whole(Double(try checkpoint.configuration.require("qk_rope_head_dim")) * factor)
    },
    .count("{arch}.nextn_predict_layers") { (checkpoint) throws(OunceError) in
      guard !checkpoint.options.withoutNextPrediction else { return nil }
      return checkpoint.configuration.integer("num_nextn_predict_layers")
    },
    .integer("{arch}.attention.indexer.head_count", "index_n_heads"),
    .integer("{arch}.attention.indexer.key_length", "index_head_dim"),
    .integer("{arch}.attention.indexer.top_k", "index_topk"),
    .value("{arch}.attention.indexer.types") { (checkpoint) throws(OunceError) in
      checkpoint.configuration.array("indexer_types").map { .array(.bool($0.map { $0.string == "full" })) }
    },
  ]

  /// GLM's own classes know the sizes of the published models.
  @Sendable static func deriveExperts(_ checkpoint: inout Checkpoint) throws(OunceError) {
    if checkpoint.className.hasPrefix("Glm4") {
      checkpoint.configuration.fill([
        "rms_norm_eps": .double(1e-5), "num_key_value_heads": .integer(8), "n_routed_experts": .integer(128),
        "num_experts_per_tok": .integer(8), "n_group": .integer(1), "topk_group": .integer(1),
        "moe_intermediate_size": .integer(1408), "n_shared_experts": .integer(1), "routed_scaling_factor": .double(1),
        "norm_topk_prob": .bool(true), "first_k_dense_replace": .integer(1),
      ])
    }
    try NextPrediction.derive(&checkpoint)
  }

  @Sendable static func deriveVision(_ checkpoint: inout Checkpoint) throws(OunceError) {
    guard checkpoint.className == "GlmOcrForConditionalGeneration" else { return }
    try NextPrediction.derive(&checkpoint)
  }
}

/// Even and odd rows of the rotating part of each head, one after the other, where positions have three dimensions.
struct HalvesApart: TensorTransform {
  var inverse: (any TensorTransform)? { nil }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    guard checkpoint.configuration.rope["mrope_section"] != nil else { return tensor }
    let width = try checkpoint.configuration.headDimension()
    let factor = checkpoint.configuration.rope["partial_rotary_factor"]?.double ?? 0.5
    let rotated = try Configuration.whole(Double(width) * factor)
    let rows = tensor.info.shape.first ?? 0
    guard width > 0, rows % width == 0, (0...width).contains(rotated), rotated % 2 == 0 else {
      throw OunceError(
        .malformed, "\(rows) rows do not fit heads of \(width) rows of which \(rotated) rotate",
        subject: "tensor \(tensor.info.name)", remedy: "config.json and the weights do not belong together")
    }
    return try tensor.gathering(rows) { row in
      let place = row % width
      guard place < rotated else { return row }
      let half = rotated / 2
      return row - place + (place < half ? place * 2 : (place - half) * 2 + 1)
    }
  }
}
