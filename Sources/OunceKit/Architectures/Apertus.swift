internal import OunceCore

/// The Swiss AI Initiative's Apertus: norms on queries and keys, an activation with trained parameters and no gate.
extension Architecture {
  static let apertus = Architecture(
    "apertus", ["ApertusForCausalLM"],
    defaults: [
      "max_position_embeddings": .integer(65_536), "rms_norm_eps": .double(1e-5), "rope_theta": .double(12_000_000),
      "vocab_size": .integer(131_072),
    ], derive: Olmo.derive, names: Llama.names,
    tensors: Decoder.ends + Decoder.attention + Decoder.headNorms + Decoder.feedForward
      + Decoder.layers(
        TensorRule("attention_layernorm.weight", "attn_norm.weight"),
        TensorRule("feedforward_layernorm.weight", "ffn_norm.weight"),
        .ignored("mlp.act_fn.alpha_n"), .ignored("mlp.act_fn.alpha_p"), .ignored("mlp.act_fn.beta"),
        .ignored("mlp.act_fn.eps")), computed: RopeFrequencies.llama3,
    leadingMetadata: Apertus.parameters.map(Apertus.parameter), metadata: Llama.metadata,
    tokenizer: LlamaTokenizer(preferred: ["tekken"]))
}

enum Apertus {
  static let parameters = ["alpha_n", "alpha_p", "beta", "eps"]

  /// One trained parameter of the activation, layer by layer: a setting in GGUF, a tensor in checkpoints.
  static func parameter(_ name: String) -> MetadataRule {
    .value("xielu.\(name)") { (checkpoint) throws(OunceError) in
      guard !checkpoint.options.vocabularyOnly else { return nil }
      var values: [Float] = []
      for layer in 0..<(try checkpoint.blockCount) {
        let wanted = "layers.\(layer).mlp.act_fn.\(name)"
        guard let tensor = checkpoint.model.tensors.first(where: { $0.info.name.hasSuffix(wanted) }) else { return nil }
        values += try tensor.values().prefix(1)
      }
      return .array(.float32(values))
    }
  }
}
