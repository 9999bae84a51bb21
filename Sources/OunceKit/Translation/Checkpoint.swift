internal import OunceCore

/// What the rules of an architecture may ask about the checkpoint that is translated.
struct Checkpoint: Sendable {
  let model: Model
  var options: TranslationOptions
  var configuration: Configuration
  /// The name of the architecture in GGUF keys.
  var architectureName: String
  /// The class that config.json names.
  let className: String
  var notes: [String] = []
  /// Encodings that hold whatever the output type, by the name of the (translated) tensor.
  var forcedEncodings: [String: String] = [:]
  /// Whether matrices of floats keep their encodings, whatever the output type.
  var keepsEncodings = false
  /// Whether the experts are in MXFP4 (`PackedExperts`).
  var hasPackedExperts = false
  /// Layers behind those that the configuration counts: they predict further tokens.
  var extraBlockCount = 0

  /// The number of layers.
  var blockCount: Int {
    get throws(OunceError) {
      let count = try configuration.require("n_layers", "num_hidden_layers", "n_layer", "num_layers")
      guard (0...Limits.blocks).contains(count) else {
        throw OunceError(.malformed, "\(count) layers are outside 0...\(Limits.blocks)", file: "config.json")
      }
      return count + extraBlockCount
    }
  }

  /// Whether the folder holds a file of this name.
  func has(_ file: String) -> Bool { model.companions[file] != nil }

  /// `template` with the architecture's name for `{arch}`.
  func key(_ template: String) -> String { template.replacing("{arch}", with: architectureName) }

  /// The number of heads whose rows a key projection holds.
  var keyValueHeadCount: Int {
    get throws(OunceError) {
      if let count = configuration.integer("n_kv_heads", "num_key_value_heads") { return count }
      return try configuration.require("n_heads", "num_attention_heads", "n_head")
    }
  }
}

extension Limits {
  /// Layers of one model: the deepest published has fewer than 200.
  static let blocks = 10_000
  /// Widths and counts of heads: the widest published model has 53,248 columns.
  static let modelSize = 1 << 20
  /// Tokens of one vocabulary: the largest published has 2 million.
  static let vocabulary = 4_194_304
}
