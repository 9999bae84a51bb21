internal import OunceCore

/// T5, with and without its decoder.
extension HuggingFaceForm {
  static let encoderDecoders: [HuggingFaceForm] = [
    t5(.t5, "T5ForConditionalGeneration", isGated: true), t5(.t5, "T5ForConditionalGeneration", isGated: false),
    t5(.t5Encoder, "T5EncoderModel", isGated: true), t5(.t5Encoder, "T5EncoderModel", isGated: false),
  ]

  private static func t5(_ architecture: Architecture, _ className: String, isGated: Bool) -> HuggingFaceForm {
    .init(
      architecture, "t5", className,
      names: [
        "num_hidden_layers": "num_layers", "layer_norm_epsilon": "layer_norm_epsilon", "n_positions": "n_positions",
      ],
      without: isGated ? [".wi."] : [".wi_0.", ".wi_1."],
      recognizes: { $0.has("enc.blk.0.ffn_gate.weight") == isGated },
      settings: { (_, settings) throws(OunceError) in
        settings["feed_forward_proj"] = .string(isGated ? "gated-gelu" : "relu")
      })
  }
}
