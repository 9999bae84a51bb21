internal import OunceCore

/// `config.json` as rules see it: nested text settings lifted to the top, the family's defaults filled in.
struct Configuration: Sendable {
  private(set) var values: JSONObject
  /// The settings of rotary positions, whichever of their spellings the file uses.
  var rope: JSONObject = [:]

  /// Names of the member that holds the language model's settings in multimodal configurations.
  private static let textMembers = ["text_config", "llm_config", "lm_config", "language_config", "lfm"]

  init(_ json: JSON) {
    values = json.object ?? [:]
    if let thinker = json["thinker_config"]?["text_config"]?.object {
      merge(thinker)
    }
    for name in Self.textMembers {
      if let text = json[name]?.object { merge(text) }
    }
  }

  /// The members of a nested object count as the file's own.
  mutating func lift(_ name: String) {
    if let members = self[name]?.object { merge(members) }
  }

  private mutating func merge(_ members: JSONObject) {
    for (name, value) in members { values[name] = value }
  }

  /// The value of the first of `names` that is present at all: a name that is present and null hides the later ones.
  func first(_ names: [String]) -> JSON? {
    guard let value = names.lazy.compactMap({ values[$0] }).first, value != .null else { return nil }
    return value
  }

  subscript(_ name: String) -> JSON? {
    get { first([name]) }
    set { values[name] = newValue ?? .null }
  }

  func contains(_ name: String) -> Bool { values[name] != nil }

  /// A whole number below 2³¹ in magnitude, so that a product of two cannot overflow.
  func integer(_ names: String...) -> Int? {
    guard let value = first(names)?.integer, value.magnitude < 1 << 31 else { return nil }
    return value
  }
  func double(_ names: String...) -> Double? { first(names)?.double }
  func string(_ names: String...) -> String? { first(names)?.string }
  /// Python's truth: false when absent.
  func isTrue(_ name: String) -> Bool { self[name]?.bool ?? false }
  func array(_ name: String) -> [JSON]? { self[name]?.array }

  /// A size that the family cannot do without: from 0 to `Limits.modelSize`, so that products of three do not overflow.
  func require(_ names: String...) throws(OunceError) -> Int {
    if let value = first(names)?.integer, (0...Limits.modelSize).contains(value) { return value }
    let listed = names.map { "\"\($0)\"" }.joined(separator: " or ")
    throw OunceError(
      .malformed, "expected a whole number from 0 to \(Limits.modelSize) under \(listed)",
      file: "config.json", remedy: "take config.json from the model's page")
  }

  /// Sets values where the file is silent.
  mutating func fill(_ defaults: [String: JSON]) {
    for (name, value) in defaults where values[name] == nil { values[name] = value }
  }

  /// Gathers the rotary settings, which transformers 5 keeps in one member and 4 beside it.
  mutating func gatherRope() {
    rope = (values["rope_parameters"] ?? values["rope_scaling"])?.object ?? [:]
    guard rope["full_attention"] == nil, rope["sliding_attention"] == nil else { return }
    let local = first([
      "local_rope_theta", "rope_local_theta", "rope_theta_local", "swa_rope_theta", "rope_local_base_freq",
    ])
    if let local { rope["sliding_attention"] = .object(["rope_theta": local]) }
    func mirror(_ name: String, _ names: [String]) {
      if rope[name] == nil, let value = first(names) { rope[name] = value }
    }
    mirror(
      "rope_theta", ["global_rope_theta", "rope_global_theta", "rope_theta_global", "rope_theta", "rotary_emb_base"])
    if rope["rope_type"] == nil, let type = rope["type"], type != .null { rope["rope_type"] = type }
    mirror("partial_rotary_factor", ["partial_rotary_factor", "rope_pct", "rope_percent"])
    mirror("original_max_position_embeddings", ["original_max_position_embeddings"])
  }

  /// The rotary settings of layers that see everything.
  var fullRope: JSON { rope["full_attention"] ?? .object(rope) }

  /// How rotary positions are stretched: "llama3", "yarn", …
  var ropeType: String? { fullRope["rope_type"]?.string?.lowercased() }

  /// A share of a size, rounded towards zero.
  static func whole(_ value: Double) throws(OunceError) -> Int {
    guard value.magnitude < 2_147_483_648 else {
      throw OunceError(.malformed, "a share of a size comes out as \(value)", file: "config.json")
    }
    return Int(value)
  }

  /// The width of one attention head.
  func headDimension() throws(OunceError) -> Int {
    if let dimension = integer("head_dim") { return dimension }
    let heads = try require("num_attention_heads", "n_head", "n_heads")
    guard heads > 0 else { throw OunceError(.malformed, "has no attention heads", file: "config.json") }
    return try require("hidden_size", "n_embd") / heads
  }
}
