internal import OunceContainers
internal import OunceCore

/// Checkpoints whose weights were stored in 8 bits with scales beside them: one float tensor of each pair, before any
/// rule sees it.
extension Checkpoint {
  /// How a way of quantizing names its scales.
  private struct Naming {
    /// What a scale's name ends with, and what the weight's ends with in its place.
    var scales: [(suffix: String, weight: String)]
    /// Scales of activations and caches, which the weights do without.
    var unused: [String]
    var block: (Int, Int)?
  }

  /// `tensors` with scaled weights as floats and without their scales.
  ///
  /// - Parameter unscale: what the family does itself with some pairs.
  /// - Returns: the tensors, and the names of those that were FP8.
  /// - Throws: `OunceError` of kind `.unsupported` for a way of quantizing that is not decoded.
  func dequantized(
    _ tensors: [Tensor], by unscale: Architecture.Unscale? = nil
  ) throws(OunceError) -> (tensors: [Tensor], wereFP8: Set<String>) {
    guard let naming = try naming() else { return try joined(tensors) }
    var scales: [String: Tensor] = [:]
    var consumed = Set<String>()
    let weights = Dictionary(tensors.map { ($0.info.name, $0.info) }, uniquingKeysWith: { first, _ in first })
    for tensor in tensors {
      let name = tensor.info.name
      if naming.unused.contains(where: name.hasSuffix) { consumed.insert(name) }
      for (suffix, ending) in naming.scales where name.hasSuffix(suffix) {
        let weight = String(name.dropLast(suffix.count)) + ending
        // So may parameters end that are no scales.
        if suffix == ".scale", weights[weight]?.encoding.name.hasPrefix("F8_") != true { continue }
        guard weights[weight] != nil else {
          throw OunceError(
            .malformed, "is a scale of \(weight), which is missing", subject: "tensor \(name)",
            remedy: "a shard may be missing; download all files of the model")
        }
        scales[weight] = tensor
        consumed.insert(name)
      }
    }
    var result: [Tensor] = []
    var wereFP8 = Set<String>()
    for tensor in tensors where !consumed.contains(tensor.info.name) {
      guard let scale = scales[tensor.info.name] else {
        result.append(tensor)
        continue
      }
      if tensor.info.encoding.name.hasPrefix("F8_") { wereFP8.insert(tensor.info.name) }
      if let unscale, let own = try unscale(tensor, scale, self) {
        result.append(own)
      } else {
        result.append(try ScaledRows.tensor(tensor, scale, block: naming.block))
      }
    }
    return (result, wereFP8)
  }

  /// The weights of all other ways of quantizing in single precision, as the reference computes them. Those that it
  /// knows come last, where it puts them; others take the place of their planes.
  private func joined(_ tensors: [Tensor]) throws(OunceError) -> (tensors: [Tensor], wereFP8: Set<String>) {
    let (weights, remarks) = try QuantizedWeights.joined(model, inSinglePrecision: true)
    if let refusal = remarks.first(where: { $0.kind == .unsupported }) {
      throw OunceError(
        .unsupported, refusal.text, file: refusal.subject, subject: "quantization_config",
        remedy: "convert the model that these weights were made from")
    }
    // The architecture of these repacks the blocks, without loss.
    let quantized = weights.filter { $0.stored != nil && $0.stored?.planes.first?.isMXFP4Expert == false }
    guard !quantized.isEmpty else { return (tensors, []) }
    var owners: [String: Int] = [:]
    for (index, weight) in quantized.enumerated() {
      for plane in weight.stored?.planes ?? [] { owners[plane.info.name] = index }
    }
    let comeLast = ["gptq", "compressed-tensors"].contains(method ?? "")
    var isDone = [Bool](repeating: false, count: quantized.count)
    var (first, last): ([Tensor], [Tensor]) = ([], [])
    for tensor in tensors {
      guard let owner = owners[tensor.info.name] else {
        if !Self.isUnused(tensor.info.name) { first.append(tensor) }
        continue
      }
      guard !isDone[owner] else { continue }
      isDone[owner] = true
      if comeLast { last.append(quantized[owner]) } else { first.append(quantized[owner]) }
    }
    let wereFP8 = quantized.filter { weight in
      weight.stored?.planes.contains { $0.info.name == weight.info.name && $0.info.encoding.name.hasPrefix("F8_") }
        ?? false
    }
    return (first + last, Set(wereFP8.map(\.info.name)))
  }

  /// Scales of activations and caches.
  private static func isUnused(_ name: String) -> Bool {
    [".input_scale", ".input_global_scale", ".input_zero_point", ".output_scale", ".k_scale", ".v_scale"]
      .contains(where: name.hasSuffix)
  }

  private var method: String? { configuration["quantization_config"]?["quant_method"]?.string }

  private func naming() throws(OunceError) -> Naming? {
    guard let settings = configuration["quantization_config"], let method else { return nil }
    switch method {
    case "fp8":
      return Naming(
        scales: [("_scale_inv", ""), ("qscale_weight", "weight"), (".scale", ".weight")],
        unused: [".activation_scale", "_activation_scale", ".qscale_act"],
        block: try Self.block(settings["weight_block_size"]))
    case "compressed-tensors":
      let groups = settings["config_groups"]?.object?.values ?? []
      let weights = groups.first?["weights"]
      guard ["float-quantized", "int-quantized", "naive-quantized"].contains(settings["format"]?.string ?? ""),
        groups.count < 2, !hasTensor(endingIn: ".weight_zero_point")
      else { return nil }
      return Naming(
        scales: [(".weight_scale", ".weight")], unused: [".input_scale", ".k_scale", ".v_scale"],
        block: try Self.block(weights?["block_structure"]))
    case "modelopt":
      guard !hasTensor(endingIn: ".weight_scale_2") else { return nil }
      return Naming(
        scales: [(".weight_scale", ".weight")], unused: [".input_scale", ".k_scale", ".v_scale"], block: nil)
    default: return nil
    }
  }

  private func hasTensor(endingIn ending: String) -> Bool {
    model.tensors.contains { $0.info.name.hasSuffix(ending) }
  }

  private static func block(_ json: JSON?) throws(OunceError) -> (Int, Int)? {
    guard let json else { return nil }
    guard let sizes = json.array?.compactMap(\.integer), sizes.count == 2,
      sizes.allSatisfy({ (1...65_536).contains($0) })
    else {
      throw OunceError(
        .unsupported, "expected two sizes of a block of weights", file: "config.json", subject: "quantization_config")
    }
    return (sizes[0], sizes[1])
  }
}

extension Tensor {
  /// Whether this is a plane of the experts of gpt-oss.
  fileprivate var isMXFP4Expert: Bool { info.name.hasSuffix("_blocks") || info.name.hasSuffix("_scales") }
}
