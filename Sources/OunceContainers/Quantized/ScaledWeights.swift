internal import OunceCore

/// Weights of 8 bits with scales beside them: FP8 of DeepSeek, Qwen, ModelOpt and FBGEMM, and the 8-bit formats of
/// compressed-tensors.
///
/// | plane | |
/// |---|---|
/// | `weight` (or a fused weight `x`) | F8 or I8 |
/// | `weight_scale_inv`, `weight_scale`, `qscale_weight`, `x_scale_inv`, `x_scale` | over blocks, rows or everything |
/// | `weight_zero_point` | I8, as many as scales, or missing |
///
/// `weight = (code − zero) · scale`, in single precision, rounded once to the type of the scales: F32 for the F32
/// scales of DeepSeek, whose own script rounds to BF16.
struct ScaledWeights: WeightScheme {
  let methods = ["fp8", "fbgemm_fp8", "compressed-tensors", "modelopt"]
  let isKnownByNames = true

  /// How scales are called, and how their weight in their place.
  private static let endings = [("_scale_inv", ""), ("_scale", ""), ("qscale_weight", "weight")]

  func weights(in planes: PlaneSet) throws(OunceError) -> [JoinedWeight] {
    if let settings = planes.settings, CompressedTensors.refusedFormat(settings) != nil { return [] }
    var weights: [JoinedWeight] = []
    for (ending, replacement) in Self.endings {
      for (base, scale) in planes.entries(endingIn: ending) {
        guard let codes = planes[base + replacement],
          codes.type.hasPrefix("F8_") || codes.type == "I8", codes.tensor.info.elementCount > 0
        else { continue }
        let zero = planes[codes.tensor.info.name + "_zero_point"]
        // Scales of eight bits are exponents, as MXFP8 has them.
        let isExponent = ["U8", "F8_E8M0"].contains(scale.type)
        guard isExponent || ["F32", "F16", "BF16"].contains(scale.type) else { continue }
        var factors = scale.tensor
        if isExponent {
          let encoding = try Encodings.require("F8_E8M0")
          let info = try TensorInfo(name: factors.info.name, shape: factors.info.shape, encoding: encoding)
          factors = Tensor(info: info, data: factors.data)
        }
        let block = Self.block(codes.shape, scale.shape, planes.settings)
        let type = isExponent ? "BF16" : scale.type
        // Scales that do not cover their weight may be those of parts that lie elsewhere: they stay as they are.
        guard
          let tensor = try? ScaledRows.tensor(codes.tensor, factors, block: block, zero: zero?.tensor, type: type)
        else { continue }
        weights.append(
          JoinedWeight(tensor, as: Self.form(codes, scale, block), of: [codes, scale] + (zero.map { [$0] } ?? [])))
      }
    }
    return weights
  }

  /// Rows and columns that share a scale, where both have several: what the configuration says, or 128 as DeepSeek has
  /// them, or what divides the shape.
  private static func block(_ shape: [Int], _ scales: [Int], _ settings: QuantizationSettings?) -> (Int, Int)? {
    guard shape.count >= 2, scales.count == shape.count else { return nil }
    let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
    let (scaleRows, scaleColumns) = (scales[scales.count - 2], scales[scales.count - 1])
    guard scaleRows > 0, scaleColumns > 0 else { return nil }
    var choices = [settings?.json["weight_block_size"]]
    choices += CompressedTensors.weights(settings).map { $0["block_structure"] }
    var sizes = choices.compactMap { $0?.array?.compactMap(\.integer) }.filter { $0.count == 2 }
    sizes += CompressedTensors.weights(settings).compactMap { $0["group_size"]?.integer.map { [1, $0] } }
    sizes += [[128, 128], [rows / scaleRows, columns / scaleColumns]]
    let fitting = sizes.first { size in
      size.allSatisfy { (1...Limits.blockElements).contains($0) }
        && (scaleRows == 1 || (rows + size[0] - 1) / size[0] == scaleRows)
        && (scaleColumns == 1 || (columns + size[1] - 1) / size[1] == scaleColumns)
    }
    return fitting.map { ($0[0], $0[1]) }
  }

  private static func form(_ codes: PlaneSet.Entry, _ scale: PlaneSet.Entry, _ block: (Int, Int)?) -> String {
    let name = codes.type == "I8" ? "INT8" : "FP8 \(codes.type.dropFirst(3))"
    if scale.tensor.info.elementCount == 1 { return "\(name), one scale" }
    guard let block, scale.shape.last != 1 else { return "\(name), a scale a row" }
    return "\(name), blocks of \(block.0)×\(block.1)"
  }
}
