internal import OunceCore

/// OpenBMB's MiniCPM: Llama with scales that follow from the shape.
extension Architecture {
  static let miniCPM = Architecture(
    "minicpm", ["MiniCPMForCausalLM"], defaults: ["rope_theta": .double(10_000)], derive: Llama.derive,
    tensors: Llama.tensors,
    computed: { (checkpoint) throws(OunceError) in
      try RopeFrequencies.longAndShort(checkpoint, width: try checkpoint.configuration.headDimension())
    },
    metadata: MetadataRule.common + [
      .float("{arch}.embedding_scale", "scale_emb"),
      .value("{arch}.residual_scale") { (checkpoint) throws(OunceError) in
        guard let depth = checkpoint.configuration.double("scale_depth") else { return nil }
        return .float32(Float(depth / Double(try checkpoint.blockCount).squareRoot()))
      },
      .value("{arch}.logit_scale") { (checkpoint) throws(OunceError) in
        guard let base = checkpoint.configuration.double("dim_model_base") else { return nil }
        return .float32(Float(Double(try checkpoint.configuration.require("hidden_size")) / base))
      },
    ], tokenizer: SentencePieceTokenizer())
}
