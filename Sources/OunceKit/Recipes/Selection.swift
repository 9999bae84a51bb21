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

  public init() {}
}

extension Recipe {
  /// Chooses an encoding for each tensor, in the order in which llama-quantize counts layers (`canonicalOrder`).
  ///
  /// - Parameters:
  ///   - tensors: GGUF names; their encodings are what they keep when the recipe must not touch them.
  public func choose(
    for tensors: [TensorInfo], traits: ModelTraits, overrides: RecipeOverrides = .init()
  ) throws(OunceError) -> [Choice] {
    let sharesEmbeddings = !tensors.contains { $0.name == "output.weight" }
    var counter = LayerCounter(traits: traits, tensors: tensors)
    let base = try Encodings.require(encoding)
    var choices: [Choice] = []
    choices.reserveCapacity(tensors.count)
    for tensor in tensors {
      guard
        Exclusions.allows(
          tensor.name, dimensionCount: tensor.significantDimensionCount, architecture: traits.architecture),
        tensor.encoding.kind != .integer, tensor.encoding.kind != .complex,
        !(overrides.leavesOutputTensor && tensor.name == "output.weight")
      else {
        choices.append(Choice(encoding: tensor.encoding, meant: nil, isQuantizable: false))
        continue
      }
      let role = TensorRole(name: tensor.name, sharesEmbeddings: sharesEmbeddings)
      let meant = try encoding(for: tensor, role, base, &counter, overrides)
      let fitting =
        base.kind == .quantized
        ? Fallbacks.fitting(meant, columnCount: tensor.columnCount) { Encodings.named($0)?.elementsPerBlock ?? 1 }
        : meant
      choices.append(
        Choice(
          encoding: try Encodings.require(fitting), meant: fitting == meant ? nil : meant, isQuantizable: true))
    }
    return choices
  }

  private func encoding(
    for tensor: TensorInfo, _ role: TensorRole, _ base: any Encoding, _ counter: inout LayerCounter,
    _ overrides: RecipeOverrides
  ) throws(OunceError) -> String {
    let isEmbedding = tensor.name.hasSuffix("token_embd.weight")
    if isEmbedding, let encoding = overrides.tokenEmbedding { return encoding }
    let hasMix = base.kind == .quantized && !overrides.isPure
    if let encoding = overrides.outputTensor, role == .output, hasMix || !isEmbedding { return encoding }
    guard hasMix else { return encoding }
    let place = try counter.place(
      tensor.name, role, isMisfit: tensor.columnCount % base.elementsPerBlock != 0,
      isStacked: tensor.shape.count > 2 && tensor.shape[tensor.shape.count - 3] > 1)
    if counter.traits.architecture == "glm5-next", Self.keepsEightBits.contains(where: tensor.name.contains) {
      return "Q8_0"
    }
    return rules.first { $0.applies(to: place, of: counter.traits) }?.encoding ?? encoding
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
    var index = seen[role, default: 0]
    seen[role] = index + 1
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
      role: role, index: index, count: isByLayer ? traits.layerCount : totals[role, default: 0], isMisfit: isMisfit,
      isStacked: isStacked)
  }
}
