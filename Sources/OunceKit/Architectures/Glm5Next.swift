internal import OunceCore

/// Z.ai's GLM 5.3 Flash: linear attention in most layers, latent attention without positions that chooses what it sees
/// in every few, and several residual streams.
extension Architecture {
  static let glm5Next = Architecture(
    "glm5-next", ["Glm5NextForConditionalGeneration"], defaults: Glm5Next.defaults, derive: Glm5Next.derive,
    rename: Glm5Next.rename,
    tensors: Decoder.ends + Decoder.norms + Decoder.feedForward + DeepSeek.attention + Decoder.experts
      + DeepSeek.sharedExperts + NextPrediction.tensors + Glm.indexer
      + Decoder.layers(
        TensorRule("self_attn.k_proj.weight", "attn_k.weight"), TensorRule("self_attn.v_proj.weight", "attn_v.weight"),
        TensorRule("self_attn.q_conv1d.weight", "ssm_conv1d_q.weight", Bailing3.kernel),
        TensorRule("self_attn.k_conv1d.weight", "ssm_conv1d_k.weight", Bailing3.kernel),
        TensorRule("self_attn.v_conv1d.weight", "ssm_conv1d_v.weight", Bailing3.kernel),
        TensorRule("self_attn.A_log", "ssm_a", NegatedExponential(), Glm5Next.oneForHead),
        TensorRule("self_attn.dt_bias", "ssm_dt.bias"), TensorRule("self_attn.b_proj.weight", "ssm_beta.weight"),
        TensorRule("self_attn.f_a_proj.weight", "ssm_f_a.weight"),
        TensorRule("self_attn.f_b_proj.weight", "ssm_f_b.weight"),
        TensorRule("self_attn.g_a_proj.weight", "ssm_g_a.weight"),
        TensorRule("self_attn.g_b_proj.weight", "ssm_g_b.weight"),
        TensorRule("self_attn.o_norm.weight", "ssm_norm.weight"),
        TensorRule("self_attn.indexer.index_kpool_compress_ape", "indexer_compressor_ape.weight").stored(as: "F32"),
        TensorRule("self_attn.indexer.index_kpool_compress_gate", "indexer_compressor_gate.weight").stored(as: "F32"),
        TensorRule("hc_attn_fn", "hc_attn_fn.weight").stored(as: "F32"),
        TensorRule("hc_attn_base", "hc_attn_base.weight"), TensorRule("hc_attn_scale", "hc_attn_scale.weight"),
        TensorRule("hc_ffn_fn", "hc_ffn_fn.weight").stored(as: "F32"),
        TensorRule("hc_ffn_base", "hc_ffn_base.weight"), TensorRule("hc_ffn_scale", "hc_ffn_scale.weight")),
    metadata: Glm5Next.metadata, tokenizer: Glm.tokenizer)
}

enum Glm5Next {
  static let defaults: [String: JSON] = [
    "max_position_embeddings": .integer(1 << 20), "rms_norm_eps": .double(1e-5), "rope_theta": .double(10_000),
    "qk_rope_head_dim": .integer(0), "swiglu_limit": .double(10), "index_kpool": .integer(16),
    "index_kpool_always_select_tail": .bool(true),
  ]

  /// One decay for each head.
  static let oneForHead = Custom { (tensor, checkpoint, _) throws(OunceError) in
    let heads = try checkpoint.configuration.require("num_attention_heads")
    let all = try tensor.reshaped([tensor.info.elementCount])
    return try all.gathering(min(heads, tensor.info.elementCount)) { $0 }
  }

  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    let configuration = checkpoint.configuration
    guard configuration.integer("qk_rope_head_dim") == 0, configuration["mhc"]?.bool != false else {
      throw OunceError(
        .unsupported, "only latent attention without positions, and several residual streams, can be converted",
        file: "config.json")
    }
    checkpoint.configuration["head_dim"] = nil
    checkpoint.configuration["num_key_value_heads"] = configuration["num_attention_heads"]
    try NextPrediction.derive(&checkpoint)
  }

  @Sendable static func rename(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    if checkpoint.configuration.isTrue("tie_word_embeddings"), name == "lm_head.weight" { return nil }
    return try NextPrediction.rename(name, checkpoint)
  }

  /// Whether a layer chooses itself what it sees, or sees what the last one chose: listed, spelled as "FSSF", or every so
  /// many from a layer on.
  private static func choosesItself(_ checkpoint: Checkpoint) throws(OunceError) -> [Bool] {
    let configuration = checkpoint.configuration
    if let listed = configuration.array("indexer_types") { return listed.map { $0.string == "full" } }
    if let listed = configuration.array("index_topk_pattern") { return listed.map { $0.string == "full" } }
    if let letters = configuration.string("index_topk_pattern") { return letters.map { $0 == "F" } }
    let step = max(1, configuration.integer("index_topk_freq") ?? 1)
    let first = configuration.integer("index_skip_topk_offset") ?? 2
    return (0..<(try checkpoint.blockCount - checkpoint.extraBlockCount)).map { max($0 - first + 1, 0) % step == 0 }
  }

  /// A setting of linear attention: in a member of its own, or under the name that transformers gives it.
  private static func linear(_ checkpoint: Checkpoint, _ name: String, _ flatName: String) -> JSON? {
    let value = checkpoint.configuration["linear_attn_config"]?[name] ?? checkpoint.configuration[flatName]
    return value == .null ? nil : value
  }

  private static let linearMetadata: [MetadataRule] = [
    .count("{arch}.ssm.conv_kernel") { (checkpoint) throws(OunceError) in
      linear(checkpoint, "short_conv_kernel_size", "linear_conv_kernel_dim")?.integer ?? 4
    },
    .count("{arch}.kda.head_dim") { (checkpoint) throws(OunceError) in
      linear(checkpoint, "head_dim", "linear_head_dim")?.integer ?? 128
    },
    .value("{arch}.kda.gate_lower_bound") { (checkpoint) throws(OunceError) in
      linear(checkpoint, "gate_lower_bound", "linear_lower_bound")?.double.map { .float32(Float($0)) }
    },
  ]

  static let metadata: [MetadataRule] =
    MetadataRule.common + [
      .value("{arch}.attention.head_count_kv") { (checkpoint) throws(OunceError) in
        let types = checkpoint.configuration.array("layer_types") ?? []
        let layers = (0..<(try checkpoint.blockCount)).map { layer -> Int32 in
          types.indices.contains(layer) && types[layer].string == "linear_attention" ? 0 : 1
        }
        return .array(.int32(layers))
      },
      .integer("{arch}.vocab_size", "vocab_size"), .constant("{arch}.attention.layer_norm_epsilon", .float32(1e-6)),
      NextPrediction.count,
    ] + linearMetadata + [
      .integer("{arch}.attention.q_lora_rank", "q_lora_rank"),
      .integer("{arch}.attention.kv_lora_rank", "kv_lora_rank"),
      .integer("{arch}.rope.dimension_count", "qk_rope_head_dim"), DeepSeek.keyLength,
      .integer("{arch}.attention.value_length", "kv_lora_rank"), DeepSeek.keyLengthPerHead,
      .integer("{arch}.attention.value_length_mla", "v_head_dim"),
      .integer("{arch}.attention.indexer.head_count", "index_n_heads"),
      .integer("{arch}.attention.indexer.key_length", "index_head_dim"),
      .integer("{arch}.attention.indexer.top_k", "index_topk"),
      .integer("{arch}.attention.indexer.kpool", "index_kpool"),
      .bool("{arch}.attention.indexer.kpool_select_tail", "index_kpool_always_select_tail"),
      .value("{arch}.attention.indexer.types") { (checkpoint) throws(OunceError) in
        .array(.bool(try choosesItself(checkpoint)))
      },
    ] + HyperConnections.metadata + [
      .integer("{arch}.leading_dense_block_count", "first_k_dense_replace"),
      .integer("{arch}.expert_feed_forward_length", "moe_intermediate_size"),
      .integer("{arch}.expert_shared_count", "n_shared_experts"),
      .float("{arch}.expert_weights_scale", "routed_scaling_factor"),
      .bool("{arch}.expert_weights_norm", "norm_topk_prob"), HyperConnections.limit("{arch}.swiglu_clamp_exp"),
      HyperConnections.limit("{arch}.swiglu_clamp_shexp"),
    ]
}
