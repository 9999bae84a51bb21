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
  /// - Throws: `OunceError` of kind `.unsupported` for a way of quantizing that is not known.
  func dequantized(
    _ tensors: [Tensor], by unscale: Architecture.Unscale? = nil
  ) throws(OunceError) -> (tensors: [Tensor], wereFP8: Set<String>) {
    guard let naming = try naming() else { return (tensors, []) }
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
        result.append(try ScaledSource.tensor(tensor, scale, block: naming.block))
      }
    }
    return (result, wereFP8)
  }

  private func naming() throws(OunceError) -> Naming? {
    guard let settings = configuration["quantization_config"], let method = settings["quant_method"]?.string else {
      return nil
    }
    switch method {
    case "fp8":
      return Naming(
        scales: [("_scale_inv", ""), ("qscale_weight", "weight"), (".scale", ".weight")],
        unused: [".activation_scale", "_activation_scale", ".qscale_act"],
        block: try Self.block(settings["weight_block_size"]))
    case "compressed-tensors":
      let weights = settings["config_groups"]?.object?.values.first?["weights"]
      guard ["float-quantized", "int-quantized", "naive-quantized"].contains(settings["format"]?.string ?? "") else {
        throw unknown("\(method) (\(settings["format"]?.string ?? "without a format"))")
      }
      return Naming(
        scales: [(".weight_scale", ".weight")], unused: [".input_scale", ".k_scale", ".v_scale"],
        block: try Self.block(weights?["block_structure"]))
    case "modelopt":
      return Naming(
        scales: [(".weight_scale", ".weight")], unused: [".input_scale", ".k_scale", ".v_scale"], block: nil)
    // The families that are published so read the blocks themselves.
    case "mxfp4": return nil
    default: throw unknown(method)
    }
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

  private func unknown(_ method: String) -> OunceError {
    OunceError(
      .unsupported, "weights quantized as \(method) cannot be read", file: "config.json",
      subject: "quantization_config",
      remedy: "convert the model that these weights were made from")
  }
}
