internal import OunceCore

/// A GGUF model as a folder for transformers: weights as views under the checkpoint's names, and the files beside them.
struct HuggingFaceExport: Sendable {
  let tensors: [Tensor]
  /// Names and contents of the files beside the weights.
  let files: [(name: String, bytes: [UInt8])]
  let notes: [String]
  private let keepsFloats: [String]

  /// - Parameter dtype: the type of floats: "BF16", "F16" or "F32".
  /// - Throws: `OunceError` of kind `.unsupported` that names what has no way back: a rule, a setting, the tokenizer.
  init(_ model: Model, dtype: String) throws(OunceError) {
    let source = try ExportSource(model)
    let form = try HuggingFaceForm.of(source)
    let settings = try form.configuration(of: source, dtype: dtype)
    tensors =
      try TensorReversal(form, try form.checkpoint(settings, model), source).tensors() + form.added(source)
    notes = try form.proof(settings, tensors, source) + form.codeNotes
    keepsFloats = form.keepsFloats
    var files = [("config.json", Self.bytes(.object(settings)))]
    files += try TokenizerExport(source).files
    if let generation = Self.generation(source) { files.append(("generation_config.json", Self.bytes(generation))) }
    self.files = files
  }

  /// The type of a tensor's floats where the others have `dtype`.
  func dtype(of name: String, _ dtype: String) -> String {
    keepsFloats.contains { name.hasSuffix($0) } ? "F32" : dtype
  }

  /// A JSON file.
  static func bytes(_ json: JSON) -> [UInt8] { Array((JSONWriter.write(json, isIndented: true) + "\n").utf8) }

  /// generation_config.json: where several tokens end a text, config.json names one.
  private static func generation(_ source: ExportSource) -> JSON? {
    var ends: [Int] = []
    for kind in ["eos", "eot", "eom"] {
      if let id = source.integer("tokenizer.ggml.\(kind)_token_id"), !ends.contains(id) { ends.append(id) }
    }
    guard ends.count > 1 else { return nil }
    var members: JSONObject = ["eos_token_id": .array(ends.map { .integer($0) })]
    for (name, key) in [("bos_token_id", "bos"), ("pad_token_id", "padding")] {
      if let id = source.integer("tokenizer.ggml.\(key)_token_id") { members[name] = .integer(id) }
    }
    return .object(members.sorted)
  }
}

extension ExportSource {
  /// A file of the further layers alone is no model that transformers loads.
  fileprivate func checkLayers() throws(OunceError) {
    let names = model.tensors.lazy.map(\.info.name).filter { $0.hasPrefix("blk.") }
    guard let first = names.first, !names.contains(where: { $0.hasPrefix("blk.0.") }) else { return }
    throw OunceError(
      .unsupported, "has \(first), but nothing of layer 0", file: model.path,
      remedy: "it is a part of a model; --to safetensors writes what is there")
  }
}

extension HuggingFaceForm {
  /// The checkpoint that config.json describes, as the way to GGUF would see it.
  ///
  /// - Parameter source: the GGUF model that the checkpoint comes from; nil: `model` itself.
  func checkpoint(
    _ settings: JSONObject, _ model: Model, of source: ExportSource? = nil
  ) throws(OunceError) -> Checkpoint {
    let metadata = (source?.model ?? model).metadata
    let name = metadata["general.architecture"]?.string ?? architecture.name
    var options = TranslationOptions()
    options.withoutNextPrediction = source != nil && metadata[name + ".nextn_predict_layers"] == nil
    var checkpoint = Checkpoint(
      model: model, options: options, configuration: Configuration(.object(settings)), architectureName: name,
      className: className)
    checkpoint.configuration.fill(architecture.defaults)
    try architecture.derive(&checkpoint)
    checkpoint.configuration.gatherRope()
    return checkpoint
  }

  /// Goes forth again, headers only: the settings must give the same metadata, and the tensors the same names and
  /// shapes, or the folder would be another model.
  ///
  /// - Returns: what config.json cannot say, as notes.
  func proof(
    _ settings: JSONObject, _ tensors: [Tensor], _ source: ExportSource
  ) throws(OunceError) -> [String] {
    try source.checkLayers()
    var again = try checkpoint(
      settings, Model(path: source.model.path, container: "safetensors", tensors: tensors),
      of: source)
    let made = try again.translateTensors(by: architecture)
    let shapes = Dictionary(made.map { ($0.info.name, $0.info.shape) }, uniquingKeysWith: { first, _ in first })
    for tensor in source.model.tensors {
      guard let shape = shapes[tensor.info.name], Self.core(shape) == Self.core(tensor.info.shape) else {
        throw OunceError(
          .unsupported, "cannot be described by config.json as \(className) has it", file: source.model.path,
          subject: "tensor \(tensor.info.name)", remedy: "--to safetensors writes it under its own name")
      }
    }
    var writer = MetadataWriter(architectureName: source.architectureName)
    for rule in architecture.leadingMetadata + architecture.metadata { try rule.apply(again, to: &writer) }
    return try differences(writer.metadata, source)
  }

  private func differences(_ made: Metadata, _ source: ExportSource) throws(OunceError) -> [String] {
    var notes: [String] = []
    for (key, value) in source.model.metadata where key.hasPrefix(source.architectureName + ".") {
      guard let other = made[key] else {
        notes.append("config.json has no place for \(key)")
        continue
      }
      guard other.json == value.json else {
        throw OunceError(
          .unsupported, "config.json of \(className) cannot say \(value), it would mean \(other)",
          file: source.model.path, subject: "key \(key)")
      }
    }
    return notes
  }

  /// What a user must add to the folder.
  fileprivate var codeNotes: [String] {
    guard needsCode else { return [] }
    return [
      "transformers may have no class \(className) of its own: then the .py files of the original model belong into "
        + "the folder, and \"auto_map\" of its config.json into this one"
    ]
  }

  /// A shape without leading sizes of 1, which ggml drops.
  private static func core(_ shape: [Int]) -> [Int] { Array(shape.drop { $0 == 1 }) }
}
