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

enum Cohere {
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
