internal import OunceCore

/// LG's EXAONE 3 and 3.5: Llama under GPT-2's names.
extension Architecture {
  static let exaone = Architecture(
    "exaone", ["ExaoneForCausalLM"], names: SourceNames(prefixes: ["transformer."]),
    tensors: [
      TensorRule("wte.weight", "token_embd.weight"), TensorRule("ln_f.weight", "output_norm.weight"),
      TensorRule("lm_head.weight", "output.weight"),
    ]
      + TensorRule.layers(
        "h.{i}.",
        [
          TensorRule("ln_1.weight", "attn_norm.weight"), TensorRule("ln_2.weight", "ffn_norm.weight"),
          TensorRule("attn.attention.q_proj.weight", "attn_q.weight"),
          TensorRule("attn.attention.k_proj.weight", "attn_k.weight"),
          TensorRule("attn.attention.v_proj.weight", "attn_v.weight"),
          TensorRule("attn.attention.out_proj.weight", "attn_output.weight"),
          TensorRule("mlp.c_fc_0.weight", "ffn_gate.weight"), TensorRule("mlp.c_fc_1.weight", "ffn_up.weight"),
          TensorRule("mlp.c_proj.weight", "ffn_down.weight"),
        ]), computed: RopeFrequencies.llama3,
    metadata: MetadataRule.common + [
      .count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in
        let factor = checkpoint.configuration.rope["partial_rotary_factor"]?.double ?? 1
        let heads = try checkpoint.configuration.require("num_attention_heads")
        return heads > 0
          ? try Configuration.whole(factor * Double(try checkpoint.configuration.require("hidden_size") / heads)) : nil
      }
    ], tokenizer: BytePairTokenizer(preferred: ["exaone"]))

  /// The language model of EXAONE 4.5, with layers that predict further tokens.
  static let exaone45 = Architecture(
    "exaone4", ["Exaone4_5_ForConditionalGeneration"],
    defaults: Architecture.exaone4.defaults.filter { $0.key != "sliding_window" },
    derive: Exaone.derive, rename: LinearAttention.rename, repeated: Exaone.repeated,
    tensors: Architecture.exaone4.tensors + NextPrediction.tensors, computed: RopeFrequencies.llama3,
    metadata: Architecture.exaone4.metadata + [NextPrediction.count], tokenizer: Architecture.exaone4.tokenizer)

  /// EXAONE 4: norms behind the parts of a layer and on each head, windows in three of four layers.
  static let exaone4 = Architecture(
    "exaone4", ["Exaone4ForCausalLM"],
    defaults: [
      "max_position_embeddings": .integer(2048), "rms_norm_eps": .double(1e-5), "rope_theta": .double(10_000),
      "num_key_value_heads": .integer(32), "sliding_window": .integer(4096),
    ], derive: Nemotron.deriveKeyHeads,
    tensors: Decoder.ends + Decoder.attention + Decoder.headNorms + Decoder.feedForward
      + Decoder.layers(
        TensorRule("post_attention_layernorm.weight", "post_attention_norm.weight"),
        TensorRule("post_feedforward_layernorm.weight", "post_ffw_norm.weight")), computed: RopeFrequencies.llama3,
    metadata: MetadataRule.common + [
      .integer("{arch}.vocab_size", "vocab_size"), .integer("{arch}.attention.sliding_window", "sliding_window"),
      .slidingPattern(every: 4),
    ], tokenizer: BytePairTokenizer(preferred: ["exaone4"]))
}

enum Exaone {
  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    try Nemotron.derive(&checkpoint)
    try NextPrediction.derive(&checkpoint)
    guard checkpoint.extraBlockCount <= Limits.layersOfSharedTensors else {
      throw OunceError(
        .malformed,
        "\(checkpoint.extraBlockCount) layers that share tensors are more than \(Limits.layersOfSharedTensors)",
        file: "config.json", subject: "num_nextn_predict_layers")
    }
  }

  private static let sharedParts = [".eh_proj.", ".enorm.", ".hnorm.", ".shared_head."]

  /// Layers that predict further tokens share what stands beside them, and all else where `mtp_share_layers` says so.
  @Sendable static func repeated(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> [String] {
    let first = try checkpoint.blockCount - checkpoint.extraBlockCount
    let prefix = "model.layers.\(first)."
    guard checkpoint.extraBlockCount > 1, name.hasPrefix(prefix),
      checkpoint.configuration.isTrue("mtp_share_layers") || sharedParts.contains(where: { name.contains($0) })
    else { return [name] }
    let rest = name.dropFirst(prefix.count)
    return (0..<checkpoint.extraBlockCount).map { "model.layers.\(first + $0).\(rest)" }
  }
}

extension Limits {
  /// Layers for each of which a tensor is written that they share: published models have up to 3.
  static let layersOfSharedTensors = 64
}
