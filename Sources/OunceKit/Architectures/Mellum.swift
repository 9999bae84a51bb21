internal import OunceCore

/// JetBrains' Mellum 2: Qwen 3's experts with windows.
extension Architecture {
  static let mellum = Architecture(
    "mellum", ["MellumForCausalLM"],
    tensors: Decoder.ends + Decoder.norms + Decoder.attention + Decoder.headNorms + Decoder.feedForward
      + Decoder.experts,
    metadata: MetadataRule.common + [
      .integer("{arch}.expert_feed_forward_length", "moe_intermediate_size"),
      MetadataRule { (checkpoint, writer) throws(OunceError) in
        guard checkpoint.configuration["use_sliding_window"]?.bool ?? true,
          let window = checkpoint.configuration["sliding_window"]
        else { return }
        try writer.set("{arch}.attention.sliding_window", count: window, of: "sliding_window")
        try Gemma3n.windows.apply(checkpoint, to: &writer)
      },
    ], tokenizer: BytePairTokenizer(preferred: ["mellum2", "qwen2"]))
}
