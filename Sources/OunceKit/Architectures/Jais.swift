internal import OunceCore

/// Inception's Jais 2: LayerNorm and biases.
extension Architecture {
  static let jais2 = Architecture(
    "jais2", ["Jais2ForCausalLM"], defaults: ["layer_norm_eps": .double(1e-5)], derive: Nemotron.derive,
    tensors: Decoder.ends + Decoder.norms + Decoder.attention + Decoder.feedForward,
    metadata: MetadataRule.common + [
      .count("{arch}.rope.dimension_count") { (checkpoint) throws(OunceError) in
        try checkpoint.configuration.headDimension()
      }
    ], tokenizer: BytePairTokenizer(preferred: ["jais-2"]))
}
