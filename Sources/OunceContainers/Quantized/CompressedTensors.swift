internal import OunceCore

/// What the configuration of the compressed-tensors library says.
///
/// `config_groups` has settings for groups of modules; which group a module belongs to follows from its planes: their
/// shapes tell bits, groups and blocks. Source: https://github.com/vllm-project/compressed-tensors.
enum CompressedTensors {
  private static let decoded: Set<String> = [
    "dense", "int-quantized", "float-quantized", "naive-quantized", "pack-quantized", "nvfp4-pack-quantized",
    "mxfp4-pack-quantized", "mxfp8-quantized", "mixed-precision",
  ]

  /// The first format of the configuration that is not decoded: sparse ones, and those of one kernel.
  static func refusedFormat(_ settings: QuantizationSettings) -> String? {
    guard settings.method == "compressed-tensors" else { return nil }
    let formats = [settings.json["format"]?.string, settings.json["sparsity_config"]?["format"]?.string]
    let groups = settings.json["config_groups"]?.object?.values.map { $0["format"]?.string } ?? []
    return (formats + groups).lazy.compactMap { $0 }.first { !decoded.contains($0) }
  }

  /// The settings of weights in each group.
  static func weights(_ settings: QuantizationSettings?) -> [JSON] {
    settings?.json["config_groups"]?.object?.values.compactMap { $0["weights"] } ?? []
  }
}

/// Integers of 1 to 8 bits, packed along the row.
///
/// | plane | |
/// |---|---|
/// | `weight_packed` | I32 [out, in / ⌊32 / bits⌋], the last word of a row padded |
/// | `weight_scale` | [out, groups], [out, 1] or [1] |
/// | `weight_zero_point` | I32 [out / ⌊32 / bits⌋, groups], packed down the column; or I8 [out, groups]; or missing |
/// | `weight_shape` | I32 or I64 [2]: out, in |
/// | `weight_g_idx` | I32 [in], the group of each column, or missing |
///
/// `weight = (code − zero) · scale`, rounded once to the type of the scales; without a zero point, 2^(bits − 1).
struct PackedIntegers: WeightScheme {
  let methods = ["compressed-tensors"]
  let isKnownByNames = true

  func weights(in planes: PlaneSet) throws(OunceError) -> [JoinedWeight] {
    if let settings = planes.settings, CompressedTensors.refusedFormat(settings) != nil { return [] }
    let groups = CompressedTensors.weights(planes.settings)
    let known = Set(groups.compactMap { $0["num_bits"]?.integer })
    let sizes = groups.compactMap { $0["group_size"]?.integer }.filter { (1...Limits.blockElements).contains($0) }
    var weights: [JoinedWeight] = []
    for (base, codes) in planes.entries(named: "weight_packed") where codes.type == "I32" {
      let name = base + "weight"
      let scales = try planes.require(base + "weight_scale", for: name)
      let shapePlane = try planes.require(base + "weight_shape", for: name)
      let shape = try Self.shape(shapePlane)
      guard codes.shape.count == 2, codes.shape[0] == shape[0] else {
        throw codes.misfit("has the shape \(codes.shape), but its weight is said to be \(shape)")
      }
      let bits = try Self.bits(codes, inputCount: shape[1], known)
      let groupCount = scales.tensor.info.elementCount == 1 || scales.shape.count < 2 ? 1 : scales.shape[1]
      let groupSize = try Self.groupSize(scales, groupCount, inputCount: shape[1], sizes)
      let zeros = planes[base + "weight_zero_point"]
      let indices = planes[base + "weight_g_idx"]
      let rows = try PackedRows(
        codes, scales, zeros, form: zeros?.type == "I8" ? .signed : .downColumn, bits: bits, inputCount: shape[1],
        groupSize: groupSize, indices: indices)
      let form = "integers of \(bits) bits, " + (groupCount == 1 ? "a scale a row" : "groups of \(groupSize)")
      weights.append(
        try JoinedWeight(
          name, as: form, shape: shape, type: scales.type,
          of: [codes, scales, shapePlane] + [zeros, indices].compactMap { $0 }, rows: rows))
    }
    return weights
  }

  /// Two sizes that stand in a plane of their own.
  private static func shape(_ entry: PlaneSet.Entry) throws(OunceError) -> [Int] {
    let plane = try entry.plane("I64", "I32")
    guard plane.shape == [2] else { throw entry.misfit("has the shape \(entry.shape), expected [2]") }
    let bytes = try plane.bytes(0..<2)
    let width = bytes.count / 2
    let sizes = [0, width].map { start in
      Int(truncatingIfNeeded: bytes[start..<start + width].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
    guard sizes.allSatisfy({ (1...Limits.blockElements).contains($0) }) else {
      throw entry.misfit("holds the sizes \(sizes), which are none of a weight")
    }
    return sizes
  }

  /// How many bits make words of this many columns; where several do, the number that the configuration knows.
  private static func bits(
    _ codes: PlaneSet.Entry, inputCount: Int, _ known: Set<Int>
  ) throws(OunceError) -> Int {
    let fitting = (1...8).filter { bits in
      let perWord = 32 / bits
      return codes.shape[1] == (inputCount + perWord - 1) / perWord
    }
    if let bits = fitting.first(where: known.contains) { return bits }
    // Seven bits fill words as eight do, which are usual.
    if let bits = [4, 8, 2, 3].first(where: fitting.contains), known.isEmpty { return bits }
    throw codes.misfit("has the shape \(codes.shape), which no number of bits makes of \(inputCount) columns")
  }

  private static func groupSize(
    _ scales: PlaneSet.Entry, _ groupCount: Int, inputCount: Int, _ known: [Int]
  ) throws(OunceError) -> Int {
    guard groupCount > 1 else { return inputCount }
    if let size = known.first(where: { (inputCount + $0 - 1) / $0 == groupCount }) { return size }
    guard inputCount % groupCount == 0 else {
      throw scales.misfit("has \(groupCount) groups, which \(inputCount) columns cannot be cut into")
    }
    return inputCount / groupCount
  }
}
