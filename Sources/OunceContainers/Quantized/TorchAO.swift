internal import OrderedCollections
internal import OunceCore

/// torchao's safetensors: the metadata of the file describes each weight, whose planes are `weight:qdata` and so on
/// (older files), or `_weight_qdata`.
///
/// | type | |
/// |---|---|
/// | `Float8Tensor` | `qdata` F8, `scale` F32 over blocks: `qdata · scale` in single precision, rounded to `dtype` |
/// | `IntxUnpackedToInt8Tensor` | `qdata` I8, `scale`, `zero_point` over groups: `(qdata − zero) · scale` |
/// | `Tensor` | a tensor of floats, `weight:_data` |
///
/// Source: https://github.com/pytorch/ao, torchao/prototype/safetensors and torchao/quantization/quant_primitives.py.
struct TorchAOWeights: WeightScheme {
  let methods = ["torchao"]
  let isKnownByNames = true

  func weights(in planes: PlaneSet) throws(OunceError) -> [JoinedWeight] {
    guard planes.metadata["tensor_names"] != nil else { return [] }
    var weights: [JoinedWeight] = []
    for (key, value) in planes.metadata where key != "tensor_names" {
      guard let text = value.string, let description = try? JSONParser.parse(Array(text.utf8)),
        let type = description["_type"]?.string
      else { continue }
      let prefix = planes[key + ":qdata"] ?? planes[key + ":_data"] != nil ? key + ":" : Self.flatPrefix(key)
      switch type {
      case "Tensor":
        guard let plane = planes[prefix + "_data"] else { continue }
        weights.append(JoinedWeight(plane.tensor.renamed(key), as: "torch.Tensor", of: [plane]))
      case "Float8Tensor", "IntxUnpackedToInt8Tensor":
        let codes = try planes.require(prefix + "qdata", for: key)
        let scale = try planes.require(prefix + "scale", for: key)
        let zero = type == "Float8Tensor" ? nil : planes[prefix + "zero_point"]
        let float = description["_data"]?["dtype"]?["_data"]?.string.flatMap(QuantizationSettings.encodingName)
        let block = description["_data"]?["block_size"]?.array?.compactMap(\.integer) ?? []
        let sizes =
          block.count == 2 && block.allSatisfy((1...Limits.blockElements).contains) ? (block[0], block[1]) : nil
        let tensor = try ScaledRows.tensor(
          codes.tensor.renamed(key), scale.tensor, block: sizes, zero: zero?.tensor, type: float ?? "BF16")
        weights.append(
          JoinedWeight(
            tensor, as: "torchao \(codes.type)", of: [codes, scale] + (zero.map { [$0] } ?? [])))
      default: continue
      }
    }
    return weights
  }

  /// "a.b._weight_" for "a.b.weight".
  private static func flatPrefix(_ name: String) -> String {
    var parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let last = parts.popLast() ?? ""
    return (parts + ["_\(last)_"]).joined(separator: ".")
  }
}
