internal import OunceCore

/// What a family needs on the way back beyond its own table: which class of transformers it becomes, and the settings
/// that no metadata rule can simply read.
struct HuggingFaceForm: Sendable {
  let architecture: Architecture
  /// Other values of `general.architecture` that become the same class.
  let aliases: [String]
  /// The value of `model_type`.
  let modelType: String
  /// The class that config.json names.
  let className: String
  /// Whether a model of this architecture is of this class, where several share it.
  let recognizes: @Sendable (ExportSource) -> Bool
  /// Settings that this class calls otherwise than the first name of the rule.
  let names: [String: String]
  /// Whether `settings` says how positions rotate.
  let hasOwnRope: Bool
  /// Whether transformers has no such class itself: it comes with the model, as code.
  let needsCode: Bool
  /// Tensors that GGUF keeps as settings.
  let added: @Sendable (ExportSource) throws(OunceError) -> [Tensor]
  /// Settings that follow from tensors or from several keys.
  let settings: @Sendable (ExportSource, inout JSONObject) throws(OunceError) -> Void
  /// The table that is read from right to left.
  let tensors: [TensorRule]
  /// Ends of the names of tensors that stay F32 whatever the type of the others.
  let keepsFloats: [String]
  /// Names of tensors after the rules.
  private let rename: @Sendable (String, ExportSource) -> String

  /// - Parameter without: parts of names that other classes of the same table have: rules with them do not count.
  init(
    _ architecture: Architecture, _ modelType: String, _ className: String? = nil, names: [String: String] = [:],
    without: [String] = [], also aliases: [String] = [], hasOwnRope: Bool = false, needsCode: Bool = false,
    recognizes: @escaping @Sendable (ExportSource) -> Bool = { _ in true },
    keepsFloats: [String] = [],
    added: @escaping @Sendable (ExportSource) throws(OunceError) -> [Tensor] = { (_) throws(OunceError) in [] },
    rename: @escaping @Sendable (String, ExportSource) -> String = { name, _ in name },
    settings: @escaping @Sendable (ExportSource, inout JSONObject) throws(OunceError) -> Void = {
      (_, _) throws(OunceError) in
    }
  ) {
    self.architecture = architecture
    self.aliases = aliases
    self.modelType = modelType
    self.hasOwnRope = hasOwnRope
    self.needsCode = needsCode
    self.className = className ?? architecture.huggingFaceNames.first ?? ""
    self.names = Self.usualNames.merging(names) { _, new in new }
    self.recognizes = recognizes
    self.keepsFloats = keepsFloats
    self.added = added
    self.rename = rename
    self.settings = settings
    tensors = architecture.tensors.filter { rule in !without.contains { rule.source.contains($0) } }
  }

  /// The values of `general.architecture` that become this class.
  private var architectureNames: [String] { [architecture.name] + aliases }

  /// The checkpoint's name of a tensor, which rules see without what `SourceNames` took off.
  func name(_ name: String, _ source: ExportSource) -> String {
    rename(name.replacing(".e_score_correction.bias", with: ".e_score_correction_bias"), source)
  }

  /// What the classes of transformers call settings that rules know under another name first.
  private static let usualNames = [
    "prefix_dense_intermediate_size": "intermediate_size", "n_positions": "max_position_embeddings",
    "layer_norm_epsilon": "layer_norm_eps",
  ]

  /// Tensors that follow from the configuration: no checkpoint holds them.
  static let computed: Set<String> = [
    "rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight",
  ]

  /// Ends of the names of matrices that have one row.
  static let singleRows = [".shared_expert_gate.weight"]

  /// The form of a model.
  ///
  /// - Throws: `OunceError` of kind `.unsupported` that lists the architectures with a way back.
  static func of(_ source: ExportSource) throws(OunceError) -> HuggingFaceForm {
    let forms = all.filter { $0.architectureNames.contains(source.architectureName) }
    if let form = forms.first(where: { $0.recognizes(source) }) { return form }
    var known: [String] = []
    for name in all.flatMap(\.architectureNames) where !known.contains(name) { known.append(name) }
    throw OunceError(
      .unsupported, "there is no way back for the architecture \"\(source.architectureName)\"", file: source.model.path,
      remedy: "known are: \(known.joined(separator: ", ")); --to safetensors keeps the tensors' own names")
  }
}
