package import OunceCore
internal import OunceEncoding

/// Weights that lie in several planes, joined to tensors of floats whose rows are decoded as they are read.
package enum QuantizedWeights {
  /// Every scheme, in the order in which they are tried: a plane belongs to the first that claims it.
  static let schemes: [any WeightScheme] = [
    GPTQWeights(), AWQWeights(), BitsAndBytesBlocks(), BitsAndBytesRows(), PackedIntegers(), NVFP4Weights(),
    MXFP4Weights(), MXFP4Experts(), HQQWeights(), QuantoWeights(), TorchAOWeights(), BitNetWeights(), ScaledWeights(),
  ]

  /// What the planes of a quantized weight are called, behind the last dot.
  private static let planeNames: Set<String> = [
    "qweight", "qzeros", "g_idx", "weight_packed", "weight_scale", "weight_scale_inv", "weight_scale_2",
    "weight_global_scale", "weight_zero_point", "weight_shape", "weight_g_idx", "input_scale", "output_scale",
    "input_global_scale", "input_zero_point", "activation_scale", "k_scale", "v_scale", "SCB", "weight_format",
    "absmax", "quant_map", "nested_absmax", "nested_quant_map", "W_q",
  ]

  /// The tensors of `model` with every quantized weight as one, in the place of the first of its planes, and what is
  /// to be said about the others.
  ///
  /// - Parameter inSinglePrecision: whether the weights are floats of 32 bits, whatever their library rounds to.
  /// - Throws: `OunceError` when planes are missing or do not fit each other, and the files beside the weights say that
  ///   they should.
  package static func joined(
    _ model: Model, inSinglePrecision: Bool = false
  ) throws(OunceError) -> (tensors: [Tensor], remarks: [Remark]) {
    // Names alike, meanings apart: CTranslate2 divides by its scales, and groups of llama2.c may span rows.
    guard !["CTranslate2", "llama2.c"].contains(model.container) else { return (model.tensors, []) }
    let settings = QuantizationSettings(model)
    // Codes are no floats of 16 bits and more: a model that has only such has no planes.
    guard settings != nil || model.tensors.contains(where: { $0.info.encoding.bytesPerBlock == 1 || !$0.isFloat })
    else { return (model.tensors, []) }
    let planes = PlaneSet(model.tensors, settings, model.metadata)
    var remarks: [Remark] = []
    var owners: [Int: Int] = [:]
    var weights: [JoinedWeight] = []
    for scheme in schemes {
      let isNamed = settings.map { scheme.methods.contains($0.method) } ?? false
      guard isNamed || (scheme.isKnownByNames && settings == nil) else { continue }
      var found: [JoinedWeight] = []
      do throws(OunceError) { found = try scheme.weights(in: planes) } catch {
        guard !isNamed else {
          var error = error.located(file: model.path)
          error.remedy = error.remedy ?? "the configuration and the weights do not belong together"
          throw error
        }
        remarks.append(
          Remark(.note, subject: error.subject ?? "", "is no plane of a quantized weight: \(error.problem)"))
      }
      for weight in found where !weight.planes.contains(where: { owners[$0] != nil }) {
        for place in weight.planes { owners[place] = weights.count }
        weights.append(weight)
      }
    }
    if let settings, let refusal = refusal(settings, hasWeights: !weights.isEmpty) { remarks.append(refusal) }
    guard !weights.isEmpty else { return (model.tensors, remarks) }
    var tensors: [Tensor] = []
    var isDone = [Bool](repeating: false, count: weights.count)
    for (place, tensor) in model.tensors.enumerated() {
      guard let owner = owners[place] else {
        tensors.append(tensor)
        continue
      }
      if !isDone[owner] {
        tensors.append(inSinglePrecision ? try weights[owner].tensor.inSinglePrecision : weights[owner].tensor)
      }
      isDone[owner] = true
    }
    try checkUnique(tensors, of: weights, file: model.path)
    remarks += leftOver(model.tensors.indices.lazy.filter { owners[$0] == nil }.map { model.tensors[$0].info.name })
    return (tensors, remarks)
  }

  private static func checkUnique(
    _ tensors: [Tensor], of weights: [JoinedWeight], file: String
  ) throws(OunceError) {
    var names: Set<ExactString> = []
    for tensor in tensors where !names.insert(ExactString(tensor.info.name)).inserted {
      throw OunceError(
        .malformed, "is there both as floats and as \(tensor.stored?.name ?? "quantized planes")", file: file,
        subject: "tensor \(tensor.info.name)", remedy: "the folder may hold the same weights twice; remove one")
    }
  }

  /// Planes that belong to no weight stay what they are: one remark for each kind.
  private static func leftOver(_ names: some Sequence<String>) -> [Remark] {
    var kinds: [(name: String, names: [String], count: Int)] = []
    for name in names {
      let leaf = name.split(separator: ".", omittingEmptySubsequences: false).last.map(String.init) ?? name
      guard planeNames.contains(leaf) else { continue }
      let kind = kinds.firstIndex { $0.name == leaf } ?? kinds.count
      if kind == kinds.count { kinds.append((leaf, [], 0)) }
      kinds[kind].count += 1
      if kinds[kind].names.count < Limits.listedNames { kinds[kind].names.append(name) }
    }
    return kinds.map { kind in
      let more = kind.count - kind.names.count
      let listed = kind.names.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
      return Remark(.note, subject: kind.name, "belongs to no weight and stays as it is: \(listed)")
    }
  }

  /// What is said about a way of quantizing that is known and not decoded, or not known.
  private static func refusal(_ settings: QuantizationSettings, hasWeights: Bool) -> Remark? {
    let name: String
    if let format = CompressedTensors.refusedFormat(settings) {
      name = "compressed-tensors \(format)"
    } else if let layout = GPTQWeights.refusedLayout(settings) {
      name = "GPTQ in the layout \(layout)"
    } else if let layout = AWQWeights.refusedLayout(settings) {
      name = "AWQ in the layout \(layout)"
    } else if !hasWeights, !schemes.contains(where: { $0.methods.contains(settings.method) }) {
      name = settings.method
    } else {
      return nil
    }
    return Remark(
      .unsupported, subject: settings.file, "says that weights are quantized as \(name), which is not decoded")
  }
}

extension Tensor {
  fileprivate var isFloat: Bool { info.encoding.kind == .float }
}

extension Model {
  /// Shows every quantized weight as one tensor of floats.
  ///
  /// - Throws: `OunceError` when planes are missing or do not fit each other.
  mutating func joinQuantizedWeights() throws(OunceError) {
    guard container != "GGUF", !tensors.isEmpty else { return }
    let joined = try QuantizedWeights.joined(self)
    tensors = joined.tensors
    remarks += joined.remarks
  }
}
