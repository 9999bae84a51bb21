internal import OunceCore

/// DeepSeek V4, under the names of DeepSeek's own code: compressed keys, several residual streams, experts in MXFP4,
/// first layers that route by a table. What was FP8 becomes Q8_0, everything else keeps its type.
extension Architecture {
  static let deepSeek4 = Architecture(
    "deepseek4", ["DeepseekV4ForCausalLM"],
    defaults: ["num_key_value_heads": .integer(1), "swiglu_limit": .double(10)], derive: DeepSeek4.derive,
    names: SourceNames(ignoredPrefixes: ["aligner.", "image_"]), rename: DeepSeek4.rename,
    tensors: [
      TensorRule("embed.weight", "token_embd.weight"), TensorRule("norm.weight", "output_norm.weight"),
      TensorRule("head.weight", "output.weight"), TensorRule("hc_head_fn", "output_hc_fn.weight"),
      TensorRule("hc_head_base", "output_hc_base.weight"), TensorRule("hc_head_scale", "output_hc_scale.weight"),
    ]
      + TensorRule.layers(
        "layers.{i}.",
        DeepSeek4.attention + DeepSeek4.feedForward + [
          TensorRule("nextn.enorm.weight", "nextn.enorm.weight"),
          TensorRule("nextn.hnorm.weight", "nextn.hnorm.weight"),
          TensorRule("nextn.norm.weight", "nextn.shared_head_norm.weight"),
        ]),
    computed: DeepSeek4.first, metadata: DeepSeek4.metadata,
    tokenizer: BytePairTokenizer(preferred: ["deepseek-v3"]))
}

enum DeepSeek4 {
  static let attention: [TensorRule] =
    ["attn", "ffn"].flatMap { part in
      ["fn", "base", "scale"].map { TensorRule("hc_\(part)_\($0)", "hc_\(part)_\($0).weight") }
    } + [
      TensorRule("attn_norm.weight", "attn_norm.weight"), TensorRule("ffn_norm.weight", "ffn_norm.weight"),
      TensorRule("attn.attn_sink", "attn_sinks.weight"), TensorRule("attn.wq_a.weight", "attn_q_a.weight"),
      TensorRule("attn.wq_b.weight", "attn_q_b.weight"), TensorRule("attn.q_norm.weight", "attn_q_a_norm.weight"),
      TensorRule("attn.wkv.weight", "attn_kv.weight"), TensorRule("attn.kv_norm.weight", "attn_kv_a_norm.weight"),
      TensorRule("attn.wo_a.weight", "attn_output_a.weight"), TensorRule("attn.wo_b.weight", "attn_output_b.weight"),
      TensorRule("attn.indexer.wq_b.weight", "indexer.attn_q_b.weight"),
      TensorRule("attn.indexer.weights_proj.weight", "indexer.proj.weight"),
    ] + compressor("attn.", "attn_") + compressor("attn.indexer.", "indexer_")

  private static func compressor(_ source: String, _ target: String) -> [TensorRule] {
    [
      TensorRule(source + "compressor.ape", target + "compressor_ape.weight"),
      TensorRule(source + "compressor.wkv.weight", target + "compressor_kv.weight"),
      TensorRule(source + "compressor.wgate.weight", target + "compressor_gate.weight"),
      TensorRule(source + "compressor.norm.weight", target + "compressor_norm.weight"),
    ]
  }

  static let feedForward =
    [
      TensorRule("ffn.gate.weight", "ffn_gate_inp.weight"), TensorRule("ffn.gate.bias", "exp_probs_b.bias"),
      TensorRule("ffn.gate.bias_vl", "exp_probs_b_vl.bias"),
      TensorRule("ffn.shared_experts.w1.weight", "ffn_gate_shexp.weight"),
      TensorRule("ffn.shared_experts.w2.weight", "ffn_down_shexp.weight"),
      TensorRule("ffn.shared_experts.w3.weight", "ffn_up_shexp.weight"),
    ] + experts

  private static let experts = [
    TensorRule("ffn.experts.{e}.w1.weight", "ffn_gate_exps.weight"),
    TensorRule("ffn.experts.{e}.w2.weight", "ffn_down_exps.weight"),
    TensorRule("ffn.experts.{e}.w3.weight", "ffn_up_exps.weight"),
  ]
  static let packed = PackedExperts(
    rules: TensorRule.layers("layers.{i}.", experts), scaleSuffix: ".scale")

  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    checkpoint.options.storesFP8AsQ8 = true
    checkpoint.keepsEncodings = true
    checkpoint.hasPackedExperts = packed.areIn(checkpoint.model)
    guard checkpoint.options.onlyNextPrediction else { return }
    checkpoint.extraBlockCount = min(
      max(0, checkpoint.configuration.integer("num_nextn_predict_layers") ?? 0), Limits.blocks)
    let count = try checkpoint.blockCount
    for layer in count - checkpoint.extraBlockCount..<count {
      checkpoint.forcedEncodings["blk.\(layer).nextn.eh_proj.weight"] = "Q8_0"
    }
  }

  @Sendable static func rename(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    guard let name = try place(name, checkpoint) else { return nil }
    if name.hasSuffix(".ffn.gate.tid2eid") || name.hasSuffix("_proj.weight") && name.contains(".nextn.") { return nil }
    if checkpoint.hasPackedExperts, name.contains(".ffn.experts.") { return nil }
    let layer = Int(name.dropFirst(7).prefix { $0.isASCIIDigit }) ?? 0
    // Where a table routes, the bias of the router is not used.
    if name.hasSuffix(".ffn.gate.bias"), layer < checkpoint.configuration.integer("num_hash_layers") ?? 0 { return nil }
    return name
  }

  /// Layers that predict further tokens stand apart; they are written alone, or not at all.
  private static func place(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    guard name.hasPrefix("mtp.") else {
      let shared = ["embed.weight", "norm.weight", "head.weight"]
      return checkpoint.options.onlyNextPrediction && !shared.contains(name) ? nil : name
    }
    let words = name.split(separator: ".", maxSplits: 2).map(String.init)
    guard checkpoint.extraBlockCount > 0, words.count == 3, let index = Int(words[1]),
      (0..<checkpoint.extraBlockCount).contains(index)
    else { return nil }
    if words[2].hasPrefix("hc_head_") { return words[2] }
    let isOwn = ["e_proj.", "h_proj.", "enorm.", "hnorm.", "norm."].contains { words[2].hasPrefix($0) }
    let layer = try checkpoint.blockCount - checkpoint.extraBlockCount + index
    return "layers.\(layer)." + (isOwn ? "nextn." : "") + words[2]
  }

  /// What the reference writes first: tables of routing, experts, and two projections of a further layer as one.
  @Sendable static func first(_ checkpoint: Checkpoint) throws(OunceError) -> [Tensor] {
    var result: [Tensor] = []
    var halves: [String: Tensor] = [:]
    for tensor in try checkpoint.dequantized(checkpoint.orderedTensors).tensors {
      guard let name = try place(tensor.info.name, checkpoint) else { continue }
      if name.hasSuffix(".ffn.gate.tid2eid") {
        let layer = name.split(separator: ".").dropFirst().first ?? ""
        result.append(try NarrowedIntegers.tensor(tensor).renamed("blk.\(layer).ffn_gate_tid2eid.weight"))
      }
      if name.contains(".nextn."), name.hasSuffix("_proj.weight") { halves[name] = tensor }
    }
    result += try packed.tensors(checkpoint) { (name) throws(OunceError) in try place(name, checkpoint) }
    for (name, e) in halves.sorted(by: { $0.key < $1.key }) where name.hasSuffix("e_proj.weight") {
      guard let h = halves[name.replacing("e_proj", with: "h_proj")] else {
        throw OunceError(.malformed, "has no \"h_proj\" beside it", subject: "tensor \(e.info.name)")
      }
      let layer = name.split(separator: ".").dropFirst().first ?? ""
      result.append(try e.besides(h, name: "blk.\(layer).nextn.eh_proj.weight"))
    }
    return result
  }

  static let metadata: [MetadataRule] =
    settings + [
      .count("{arch}.embedding_length_out") { (checkpoint) throws(OunceError) in
        try checkpoint.configuration.require("hidden_size") * checkpoint.configuration.require("hc_mult")
      }, NextPrediction.count,
    ]

  /// What drafters have as well.
  static let settings: [MetadataRule] =
    [
      .blockCount, .contextLength, .embeddingLength, .feedForwardLength, .headCount, .keyValueHeadCount, .seesBothWays,
    ] + MetadataRule.positions + MetadataRule.norms + MetadataRule.experts + [
      .headDimension, .fileType, .integer("{arch}.rope.dimension_count", "qk_rope_head_dim"),
      .integer("{arch}.attention.q_lora_rank", "q_lora_rank"),
      .integer("{arch}.attention.sliding_window", "sliding_window"),
      .integer("{arch}.expert_feed_forward_length", "moe_intermediate_size"),
      .integer("{arch}.expert_shared_count", "n_shared_experts"),
      .float("{arch}.expert_weights_scale", "routed_scaling_factor"),
      .bool("{arch}.expert_weights_norm", "norm_topk_prob"), HyperConnections.limit("{arch}.swiglu_clamp_exp"),
      HyperConnections.limit("{arch}.swiglu_clamp_shexp"),
      .integer("{arch}.attention.indexer.head_count", "index_n_heads"),
      .integer("{arch}.attention.indexer.key_length", "index_head_dim"),
      .integer("{arch}.attention.indexer.top_k", "index_topk"),
      .integer("{arch}.attention.output_group_count", "o_groups"),
      .integer("{arch}.attention.output_lora_rank", "o_lora_rank"),
      .integer("{arch}.attention.compress_ratios", "compress_ratios"),
      .float("{arch}.attention.compress_rope_freq_base", "compress_rope_theta"),
    ] + HyperConnections.metadata + [
      .integer("{arch}.hash_layer_count", "num_hash_layers")
    ]
}

/// Several residual streams, between which each part of a layer mixes.
enum HyperConnections {
  static let metadata: [MetadataRule] = [
    .integer("{arch}.hyper_connection.count", "hc_mult"),
    .integer("{arch}.hyper_connection.sinkhorn_iterations", "hc_sinkhorn_iters"),
    .float("{arch}.hyper_connection.epsilon", "hc_eps"),
  ]

  /// Where activations are clipped, the same in every layer.
  static func limit(_ key: String) -> MetadataRule {
    .value(key) { (checkpoint) throws(OunceError) in
      guard let limit = checkpoint.configuration.double("swiglu_limit") else { return nil }
      return .array(.float32(Array(repeating: Float(limit), count: try checkpoint.blockCount)))
    }
  }
}
