internal import OrderedCollections
internal import OunceContainers
public import OunceCore
internal import OunceEncoding

/// A fine-tune that is stored as the difference to a base model: a folder that PEFT wrote, with `adapter_config.json`
/// and `adapter_model.safetensors`.
///
/// The weight W of a module becomes W + scale · B·A, where A is `[rank, inputs]` and B is `[outputs, rank]`. The scale
/// is alpha / rank, or alpha / √rank for rank-stabilized adapters. With a magnitude m for each output (DoRA), the rows
/// of the sum are scaled to that length. Modules may also be replaced outright.
/// (https://huggingface.co/docs/peft/developer_guides/checkpoint)
public struct Adapter: Sendable {
  /// What the adapter does to one tensor of the base model.
  struct Change: Sendable {
    var a: Tensor?
    var b: Tensor?
    /// One length for each row.
    var magnitude: Tensor?
    /// Added to the bias beside the weight, times the scale.
    var bias: Tensor?
    /// Takes the place of the tensor before anything is added.
    var replacement: Tensor?
    /// Whether that is only the base's own tensor, which PEFT saves with embeddings that it adapts.
    var isBaseLayer = false
    /// The factors belong to an embedding: A is `[rank, tokens]`, B `[width, rank]`.
    var isEmbedding = false
    var scale: Float = 1
  }

  /// The path as the user spelled it.
  public let path: String
  /// By the name of the tensor in the base model's checkpoint.
  let changes: OrderedDictionary<String, Change>
  /// Whether the base's weights are `[inputs, outputs]`, as GPT-2's are.
  let isTransposed: Bool
  /// Files beside the weights: a tokenizer with more tokens, for example.
  let companions: [String: InputFile]
  let files: [InputFile]
  let settings: AdapterSettings

  /// Reads the headers of an adapter.
  ///
  /// - Parameters:
  ///   - strength: what the scale is multiplied with.
  /// - Throws: `OunceError` when the folder holds no LoRA, or tensors that this build cannot apply.
  public init(path: String, strength: Double = 1) throws(OunceError) {
    let model = try Open.model(at: path)
    guard let json = try model.json("adapter_config.json") else {
      throw OunceError(
        .notFound, "has no adapter_config.json", file: path,
        remedy: "--lora takes a folder that PEFT wrote: adapter_config.json and adapter_model.safetensors")
    }
    let settings = try AdapterSettings(json, path: path)
    var changes: OrderedDictionary<String, Change> = [:]
    for tensor in model.tensors {
      // Resized models keep the module that was replaced.
      if tensor.info.name.contains(".original_module.") { continue }
      guard let part = AdapterPart(tensor.info.name) else {
        throw OunceError(
          .unsupported, "is no part of a LoRA that can be applied", file: path, subject: "tensor \(tensor.info.name)")
      }
      var change = changes[part.target] ?? Change()
      switch part.kind {
      case .a(let isEmbedding): (change.a, change.isEmbedding) = (tensor, isEmbedding)
      case .b(let isEmbedding): (change.b, change.isEmbedding) = (tensor, isEmbedding)
      case .magnitude: change.magnitude = tensor
      case .bias: change.bias = tensor
      case .replacement:
        change.replacement = tensor
        change.isBaseLayer = tensor.info.name.contains(".base_layer.")
      }
      changes[part.target] = change
    }
    for (name, change) in changes {
      changes[name]?.scale = try Self.scale(of: change, name, settings, path) * Float(strength)
    }
    guard !changes.isEmpty else { throw OunceError(.malformed, "changes nothing", file: path) }
    self.path = path
    self.changes = changes
    self.settings = settings
    isTransposed = settings.isTransposed
    companions = model.companions
    files = model.files
  }

  private static func scale(
    of change: Change, _ name: String, _ settings: AdapterSettings, _ path: String
  ) throws(OunceError) -> Float {
    switch (change.a, change.b) {
    case (let a?, let b?):
      guard a.info.shape.count == 2, b.info.shape.count == 2, a.info.shape[0] == b.info.shape[1] else {
        throw OunceError(
          .malformed, "the factors \(a.info.shape) and \(b.info.shape) do not fit together", file: path,
          subject: "tensor \(name)")
      }
      guard a.info.shape[0] > 0 else {
        throw OunceError(.malformed, "the rank is 0", file: path, subject: "tensor \(name)")
      }
      return settings.scale(of: name, rank: a.info.shape[0])
    case (nil, nil):
      guard change.magnitude == nil, change.bias == nil else {
        throw OunceError(.malformed, "has no factors lora_A and lora_B", file: path, subject: "tensor \(name)")
      }
      return 1
    default:
      throw OunceError(
        .malformed, "has only one of the factors lora_A and lora_B", file: path, subject: "tensor \(name)",
        remedy: "the adapter is not complete; fetch it again")
    }
  }
}

/// What the name of an adapter's tensor says.
struct AdapterPart: Equatable {
  enum Kind: Equatable {
    case a(isEmbedding: Bool)
    case b(isEmbedding: Bool)
    case magnitude, bias, replacement
  }

  /// The tensor of the base model that is changed.
  let target: String
  let kind: Kind

  /// nil: a name that PEFT gives to parts of other methods.
  init?(_ name: String) {
    var words = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    if words.starts(with: ["base_model", "model"]) { words.removeFirst(2) }
    // Older versions put the adapter's own name behind that of the part.
    words.removeAll { $0 == "default" }
    if let place = words.lastIndex(where: { $0 == "modules_to_save" || $0 == "base_layer" }) {
      words.remove(at: place)
      target = words.joined(separator: ".")
      kind = .replacement
      return
    }
    guard let place = words.lastIndex(where: { $0.hasPrefix("lora_") }) else {
      guard !words.contains(where: { $0.hasPrefix("trainable_tokens") || $0.hasPrefix("ia3_") }) else { return nil }
      target = words.joined(separator: ".")
      kind = .replacement
      return
    }
    let module = words[..<place].joined(separator: ".")
    target = module + ".weight"
    switch (words[place], words.last) {
    case ("lora_A", "weight"): kind = .a(isEmbedding: false)
    case ("lora_B", "weight"): kind = .b(isEmbedding: false)
    case ("lora_B", "bias"): kind = .bias
    case ("lora_embedding_A", _): kind = .a(isEmbedding: true)
    case ("lora_embedding_B", _): kind = .b(isEmbedding: true)
    case ("lora_magnitude_vector", _): kind = .magnitude
    default: return nil
    }
  }
}
