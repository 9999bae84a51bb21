/// What is done to the names of a checkpoint's tensors before the table of rules is consulted.
struct SourceNames: Sendable {
  /// Taken off the front of a name, the first that fits.
  var prefixes: [String] = []
  /// Put before every name that lacks it, for classes without the outer module.
  var added: String?
  /// Names that begin so stay without `added`.
  var keepsName: [String] = []
  /// Replaced wherever they stand.
  var replaced: [(String, String)] = []
  /// Replaced at the end of a name.
  var suffixes: [(String, String)] = []
  /// Tensors whose (cleaned) names begin so are left out: heads and buffers that inference does not use.
  var ignoredPrefixes: [String] = []
  /// Tensors whose (cleaned) names end so are left out.
  var ignoredSuffixes: [String] = []
  /// Whether tensors of vision and audio towers are left out.
  var dropsTowers = true

  /// The name that rules see; nil when the tensor is left out.
  func cleaned(_ original: String) -> String? {
    var name = original
    if let prefix = prefixes.first(where: { name.hasPrefix($0) }) { name.removeFirst(prefix.count) }
    for (suffix, replacement) in suffixes where name.hasSuffix(suffix) {
      name = name.dropLast(suffix.count) + replacement
    }
    for (text, replacement) in replaced { name = name.substituting(text, with: replacement) }
    if ignoredPrefixes.contains(where: { name.hasPrefix($0) }) { return nil }
    if (Self.buffers + ignoredSuffixes).contains(where: { name.hasSuffix($0) }) { return nil }
    if dropsTowers, Self.isTower(name) { return nil }
    if name.hasSuffix("e_score_correction_bias") { name = name.dropLast(5) + ".bias" }
    name = name.substituting("language_model.", with: "")
    if let added, !name.hasPrefix(added), !keepsName.contains(where: { name.hasPrefix($0) }) { name = added + name }
    return name
  }

  /// Buffers that old checkpoints carry; they follow from the configuration.
  private static let buffers = [".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq"]

  private static let towerPrefixes = [
    "mlp", "vit.", "vpm.", "siglip2.", "conformer.", "merger.", "resampler.", "sound_encoder.", "sound_projection.",
    "speech_embeddings.",
  ]
  private static let towerParts = [
    "visual.", "vision.", "audio.", "talker.", "vision_", "audio_", "token2wav.", "code2wav.", "projector.",
    "pre_mm_projector_norm", "image_newline", "view_seperator", "patch_embed", "patch_merger.", "patch_merge_mlp.",
    "model.connector.",
  ]

  private static func isTower(_ name: String) -> Bool {
    towerPrefixes.contains { name.hasPrefix($0) } || towerParts.contains { name.contains($0) }
  }
}
