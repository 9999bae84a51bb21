public import OunceCore
public import OunceEncoding

/// The encoding that a recipe chose for one tensor.
public struct Choice: Sendable {
  public let encoding: any Encoding
  /// The encoding that was meant, where the tensor's rows are no whole blocks of it.
  public let meant: String?
  /// Whether the recipe may touch the tensor at all.
  public let isQuantizable: Bool
}

/// What a user wants otherwise than the recipe.
public struct RecipeOverrides: Sendable {
  /// Only the base encoding, no mix.
  public var isPure = false
  public var leavesOutputTensor = false
  public var outputTensor: String?
  public var tokenEmbedding: String?
  /// The first one that matches a tensor decides, unless an option above names the tensor.
  public var tensorTypes: [TensorTypeRule] = []

  public init() {}
}

extension Recipe {
  /// Chooses an encoding for each tensor, in the order in which llama-quantize counts layers (`TensorOrder.canonical`).
  ///
  /// - Parameters:
  ///   - tensors: GGUF names; their encodings are what they keep when the recipe must not touch them.
  /// - Throws: `OunceError` when a user's rule has no effect, or asks for blocks that a tensor's rows are not made of.
  public func choose(
    for tensors: [TensorInfo], traits: ModelTraits, overrides: RecipeOverrides = .init(), path: String = "the model"
  ) throws(OunceError) -> [Choice] {
    guard let encoding else {
      return tensors.map { Choice(encoding: $0.encoding, meant: nil, isQuantizable: false) }
    }
    let base = try Encodings.require(encoding)
    guard overrides.tensorTypes.isEmpty || base.kind == .quantized else {
      throw OunceError(
        .request, "\(name) gives all tensors one type of floats, so --tensor-type has no effect", file: path,
        remedy: "choose a quantized recipe, such as Q8_0")
    }
    let sharesEmbeddings = !tensors.contains { $0.name == "output.weight" }
    var counter = LayerCounter(traits: traits, tensors: tensors)
    var rules = try TensorTypeRules(overrides.tensorTypes)
    var choices: [Choice] = []
    choices.reserveCapacity(tensors.count)
    for tensor in tensors {
      guard isQuantizable(tensor, traits, overrides) else {
        _ = try rules.encoding(for: tensor, isOpen: false, keeps: tensor.encoding.name)
        choices.append(Choice(encoding: tensor.encoding, meant: nil, isQuantizable: false))
        continue
      }
      let role = TensorRole(name: tensor.name, sharesEmbeddings: sharesEmbeddings)
      if let asked = try asked(for: tensor, role, base, &rules, overrides) {
        choices.append(Choice(encoding: try Encodings.require(asked), meant: nil, isQuantizable: true))
        continue
      }
      let meant = try self.encoding(for: tensor, role, base, &counter, overrides)
      let fitting =
        base.kind == .quantized
        ? Fallbacks.fitting(meant, columnCount: tensor.columnCount) { Encodings.named($0)?.elementsPerBlock ?? 1 }
        : meant
      choices.append(
        Choice(
          encoding: try Encodings.require(fitting), meant: fitting == meant ? nil : meant, isQuantizable: true))
    }
    try rules.checkUse(path: path)
    return choices
  }

  private func isQuantizable(_ tensor: TensorInfo, _ traits: ModelTraits, _ overrides: RecipeOverrides) -> Bool {
    Exclusions.allows(
      tensor.name, dimensionCount: tensor.significantDimensionCount, architecture: traits.architecture)
      && tensor.encoding.kind != .integer && tensor.encoding.kind != .complex
      && !(overrides.leavesOutputTensor && tensor.name == "output.weight")
  }

  /// The encoding that the user asks for this very tensor; nil: the recipe decides.
  private func asked(
    for tensor: TensorInfo, _ role: TensorRole, _ base: any Encoding, _ rules: inout TensorTypeRules,
    _ overrides: RecipeOverrides
  ) throws(OunceError) -> String? {
    let hasMix = base.kind == .quantized && !overrides.isPure
    let isEmbedding = tensor.name.hasSuffix("token_embd.weight")
    var option: (name: String, encoding: String)?
    if isEmbedding, let encoding = overrides.tokenEmbedding { option = ("--token-embedding-type", encoding) }
    if option == nil, tensor.name == "output.weight", let encoding = overrides.outputTensor {
      option = ("--output-tensor-type", encoding)
    }
    // The embeddings of single layers follow the option for embeddings, but a rule may name them.
    let isOpen = option == nil || tensor.name == "per_layer_token_embd.weight"
    if let ruled = try rules.encoding(for: tensor, isOpen: isOpen, keeps: option?.encoding ?? "") { return ruled }
    // Embeddings that are the output matrix, too, are one for the mix only.
    if option == nil, role == .output, hasMix, let encoding = overrides.outputTensor {
      option = ("--output-tensor-type", encoding)
    }
    if let option { try tensor.checkFits(option.encoding, asked: "\(option.name) \(option.encoding)") }
    return option?.encoding
  }

  private func encoding(
    for tensor: TensorInfo, _ role: TensorRole, _ base: any Encoding, _ counter: inout LayerCounter,
    _ overrides: RecipeOverrides
  ) throws(OunceError) -> String {
    guard base.kind == .quantized && !overrides.isPure else { return base.name }
    let place = try counter.place(
      tensor.name, role, isMisfit: tensor.columnCount % base.elementsPerBlock != 0,
      isStacked: tensor.shape.count > 2 && tensor.shape[tensor.shape.count - 3] > 1)
    if counter.traits.architecture == "glm5-next", Self.keepsEightBits.contains(where: tensor.name.contains) {
      return "Q8_0"
    }
    return rules.first { $0.applies(to: place, of: counter.traits) }?.encoding ?? base.name
  }

  /// Tensors of GLM-5-Next that no recipe takes below eight bits.
  private static let keepsEightBits = ["attn_q_a", "attn_q_b", "nextn.eh_proj"]
}

/// Counts tensors of one role, as the rules of a recipe need it.
private struct LayerCounter {
  let traits: ModelTraits
  private var totals: [TensorRole: Int] = [:]
  private var seen: [TensorRole: Int] = [:]

  init(traits: ModelTraits, tensors: [TensorInfo]) {
    self.traits = traits
    for tensor in tensors { totals[TensorRole(name: tensor.name, sharesEmbeddings: false), default: 0] += 1 }
  }

  mutating func place(_ name: String, _ role: TensorRole, isMisfit: Bool, isStacked: Bool) throws(OunceError)
    -> TensorPlace
  {
    let earlierCount = seen[role, default: 0]
    seen[role] = earlierCount + 1
    var index = earlierCount
    let isFeedForward = [.feedForwardUp, .feedForwardGate, .feedForwardDown].contains(role)
    // A layer may have several such tensors when it has experts, so they are counted by the number in their names.
    if isFeedForward, traits.expertCount > 1 {
      guard let layer = TensorOrder.layer(of: name), layer < traits.layerCount else {
        throw OunceError(
          .malformed, "expected a layer below \(traits.layerCount) in the name", subject: "tensor \(name)")
      }
      index = layer
    }
    // A file without hyperparameters is counted by its tensors.
    let isByLayer = isFeedForward && traits.layerCount > 0
    return TensorPlace(
      role: role, index: index, count: isByLayer ? traits.layerCount : totals[role, default: 0],
      earlierCount: earlierCount, isMisfit: isMisfit, isStacked: isStacked)
  }
}
