internal import OunceCore

/// Cohere's Command R: attention and feed-forward side by side behind one norm.
extension Architecture {
  static let commandR = Architecture(
    "command-r", ["CohereForCausalLM"],
    defaults: [
      "max_position_embeddings": .integer(8192), "layer_norm_eps": .double(1e-5), "rope_theta": .double(10_000),
      "logit_scale": .double(0.0625),
    ], derive: Cohere.derive,
    tensors: Decoder.ends + Decoder.norms + Decoder.attention + Decoder.headNorms + Decoder.feedForward,
    metadata: MetadataRule.common + [
      .float("{arch}.logit_scale", "logit_scale"), .constant("{arch}.rope.scaling.type", .string("none")),
    ], tokenizer: BytePairTokenizer(preferred: ["command-r"]))
}

/// Cohere's second line: windows in three of four layers.
extension Architecture {
  static let cohere2 = Architecture(
    "cohere2", ["Cohere2ForCausalLM"],
    defaults: [
      "max_position_embeddings": .integer(8192), "layer_norm_eps": .double(1e-5), "rope_theta": .double(10_000),
      "logit_scale": .double(0.0625), "sliding_window": .integer(4096),
    ], derive: Nemotron.derive, rename: Cohere.withoutBias,
    tensors: Decoder.ends + Decoder.norms + Decoder.attention + Decoder.feedForward, computed: Cohere.zeroBiases,
    metadata: MetadataRule.common + [
      .float("{arch}.logit_scale", "logit_scale"), .integer("{arch}.attention.sliding_window", "sliding_window"),
      .integer("{arch}.vocab_size", "vocab_size"),
      .count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in
        let heads = max(1, try checkpoint.configuration.require("num_attention_heads"))
        let width = try checkpoint.configuration.require("hidden_size") / heads
        return try Configuration.whole((checkpoint.configuration.double("rotary_pct") ?? 1) * Double(width))
      }, .constant("{arch}.rope.scaling.type", .string("none")),
    ], tokenizer: BytePairTokenizer(preferred: ["command-r"]))

  /// North: the same with experts.
  static let cohere2Moe = Architecture(
    "cohere2moe", ["Cohere2MoeForCausalLM"], derive: NextPrediction.derive,
    rename: { (name, checkpoint) throws(OunceError) in
      name.hasSuffix(".bias") ? nil : try NextPrediction.rename(name, checkpoint)
    },
    tensors: Decoder.ends + Decoder.norms + Decoder.attention + Decoder.feedForward + Decoder.experts
      + DeepSeek.sharedExperts + NextPrediction.tensors, computed: Cohere.zeroBiases,
    metadata: MetadataRule.common + Cohere.expertMetadata,
    tokenizer: BytePairTokenizer(preferred: ["cohere2moe", "tiny_aya", "command-r"]))
}

enum Cohere {
  static let expertMetadata: [MetadataRule] = [
    .float("{arch}.logit_scale", "logit_scale"), .integer("{arch}.attention.sliding_window", "sliding_window"),
    Gemma3n.windows, .integer("{arch}.vocab_size", "vocab_size"),
    .integer("{arch}.expert_feed_forward_length", "intermediate_size"),
    .count("{arch}.leading_dense_block_count") { (checkpoint) throws(OunceError) in
      guard let types = checkpoint.configuration.array("mlp_layer_types") else {
        return checkpoint.configuration.integer("first_k_dense_replace") ?? 0
      }
      return types.firstIndex { $0.string != "dense" } ?? types.count
    },
    .value("{arch}.expert_weights_norm") { (checkpoint) in .bool(checkpoint.configuration.isTrue("norm_topk_prob")) },
    .positive("{arch}.expert_shared_count", "num_shared_experts"),
    .count("{arch}.expert_shared_feed_forward_length") { (checkpoint) throws(OunceError) in
      let count = checkpoint.configuration.integer("num_shared_experts") ?? 0
      guard count > 0 else { return nil }
      let strategy = checkpoint.configuration.string("shared_expert_combination_strategy") ?? "average"
      guard strategy == "average" else {
        throw OunceError(
          .unsupported, "shared experts that are combined by \"\(strategy)\" are not known", file: "config.json")
      }
      return try checkpoint.configuration.require("intermediate_size") * count
    }, NextPrediction.count, .integer("{arch}.rope.dimension_count", "head_dim"),
    .constant("{arch}.rope.scaling.type", .string("none")),
  ]

  /// Programs expect no biases: those that checkpoints carry hold zeros, or the model cannot be converted.
  @Sendable static func zeroBiases(_ checkpoint: Checkpoint) throws(OunceError) -> [Tensor] {
    for tensor in checkpoint.model.tensors where tensor.info.name.hasSuffix(".bias") {
      guard try tensor.values().allSatisfy({ $0 == 0 }) else {
        throw OunceError(
          .unsupported, "is no bias of zeros, which this family's GGUF has no place for",
          subject: "tensor \(tensor.info.name)")
      }
    }
    return []
  }

  @Sendable static func withoutBias(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    name.hasSuffix(".bias") ? nil : name
  }

  /// The models were trained on longer texts than their positions say.
  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    if let length = checkpoint.configuration["model_max_length"] {
      checkpoint.configuration["max_position_embeddings"] = length
    }
    if checkpoint.configuration["num_key_value_heads"] == nil {
      checkpoint.configuration["num_key_value_heads"] = checkpoint.configuration["num_attention_heads"]
    }
  }
}
