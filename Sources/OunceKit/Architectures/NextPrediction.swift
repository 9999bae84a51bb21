internal import OunceCore

/// Layers that predict further tokens, behind the layers of the model: GGUF keeps them as layers with extra tensors.
enum NextPrediction {
  static let tensors = Decoder.layers(
    TensorRule("eh_proj.weight", "nextn.eh_proj.weight"),
    TensorRule("embed_tokens.weight", "nextn.embed_tokens.weight"),
    TensorRule("enorm.weight", "nextn.enorm.weight"),
    TensorRule("hnorm.weight", "nextn.hnorm.weight"),
    TensorRule("shared_head.head.weight", "nextn.shared_head_head.weight"),
    TensorRule("shared_head.norm.weight", "nextn.shared_head_norm.weight"))

  /// Counts the layers that the configuration promises, unless they are unwanted.
  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    guard !checkpoint.options.withoutNextPrediction else { return }
    checkpoint.extraBlockCount = min(
      max(0, checkpoint.configuration.integer("num_nextn_predict_layers") ?? 0), Limits.blocks)
  }

  /// How many there are; nothing where there are none.
  static let count = MetadataRule.count("{arch}.nextn_predict_layers") { (checkpoint) throws(OunceError) in
    checkpoint.extraBlockCount > 0 ? checkpoint.extraBlockCount : nil
  }

  /// Leaves out what is unwanted: these layers, or all others but the ends that both models share.
  @Sendable static func rename(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    let isExtra = layersOnly(name, try checkpoint.configuration.require("num_hidden_layers")) == nil
    if isExtra { return checkpoint.extraBlockCount > 0 ? name : nil }
    return checkpoint.options.onlyNextPrediction && !shared.contains(name) ? nil : name
  }

  private static let shared: Set<String> = [
    "model.embed_tokens.weight", "model.word_embeddings.weight", "model.norm.weight", "lm_head.weight",
  ]

  /// Leaves out the layers beyond those that the configuration counts.
  static func layersOnly(_ name: String, _ count: Int) -> String? {
    guard name.hasPrefix("model.layers.") else { return name }
    let layer = name.dropFirst(13).prefix { $0.isASCIIDigit }
    return (Int(layer) ?? 0) < count ? name : nil
  }
}
