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

  /// Leaves out the layers beyond those that the configuration counts, unless they are wanted.
  static func layersOnly(_ name: String, _ count: Int) -> String? {
    guard name.hasPrefix("model.layers.") else { return name }
    let layer = name.dropFirst(13).prefix { $0.isASCIIDigit }
    return (Int(layer) ?? 0) < count ? name : nil
  }
}
