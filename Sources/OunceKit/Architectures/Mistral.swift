internal import OunceCore

/// Mistral 3 and Ministral 3: Llama's shape; Mistral 4 under the same class has DeepSeek's.
extension Architecture {
  static let mistral3 = Architecture(
    "mistral3", ["Mistral3ForConditionalGeneration", "Ministral3ForCausalLM"],
    variant: { $0.string("model_type") == "mistral4" ? .mistral4 : nil }, names: Llama.names, tensors: Llama.tensors,
    computed: RopeFrequencies.llama3,
    metadata: Llama.metadata + [
      ministral("{arch}.rope.scaling.yarn_log_multiplier", "mscale_all_dim"),
      ministral("{arch}.attention.temperature_scale", "llama_4_scaling_beta"),
    ], tokenizer: LlamaTokenizer(preferred: ["tekken"]))

  static let mistral4 = Architecture(
    "mistral4", [], defaults: DeepSeek.defaults,
    tensors: Decoder.ends + Decoder.norms + Decoder.feedForward + DeepSeek.attention + DeepSeek.sharedExperts
      + Decoder.layers(
        TensorRule("mlp.gate.weight", "ffn_gate_inp.weight"),
        TensorRule("mlp.experts.gate_up_proj", "ffn_gate_up_exps.weight"),
        TensorRule("mlp.experts.down_proj", "ffn_down_exps.weight")),
    metadata: DeepSeek.metadata, tokenizer: BytePairTokenizer(preferred: ["tekken"]))

  /// A setting of rotary positions that Ministral must have.
  private static func ministral(_ key: String, _ name: String) -> MetadataRule {
    .value(key) { (checkpoint) throws(OunceError) in
      guard checkpoint.configuration.string("model_type") == "ministral3" else { return nil }
      guard checkpoint.configuration.ropeType == "yarn", let value = checkpoint.configuration.rope[name]?.double else {
        throw OunceError(
          .malformed, "expected yarn with \"\(name)\"", file: "config.json", subject: "rope_parameters")
      }
      return .float32(Float(value))
    }
  }
}
