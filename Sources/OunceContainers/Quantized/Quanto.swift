internal import OunceCore
internal import OunceEncoding

/// optimum-quanto.
///
/// | plane | |
/// |---|---|
/// | `weight._data` | I8 or F8 [out, in] |
/// | `weight._data._data` | U8: 2 or 4 bits, groups as rows, the first rows of all in the low bits |
/// | `weight._scale` | floats: [out, 1], [1]; or [groups, 1] |
/// | `weight._shift` | I8, subtracted from the codes; or floats, subtracted from the product |
///
/// Products and differences are rounded to the type of the scales. The file does not say how groups make a matrix: the
/// bias or config.json has to tell. Source: https://github.com/huggingface/optimum-quanto, optimum/quanto/tensor.
struct QuantoWeights: WeightScheme {
  let methods = ["quanto"]
  let isKnownByNames = true

  func weights(in planes: PlaneSet) throws(OunceError) -> [JoinedWeight] {
    var weights: [JoinedWeight] = []
    for (base, codes) in planes.entries(named: "_data") {
      if base.hasSuffix("._data.") {
        let name = String(base.dropLast("._data.".count))
        guard planes[name + "._shift"] != nil else { continue }
        if let weight = try groups(name, codes, planes) { weights.append(weight) }
      } else if base.hasSuffix("."), planes[base + "_scale"] != nil {
        let name = String(base.dropLast())
        let scale = try planes.require(base + "_scale", for: name)
        weights.append(
          JoinedWeight(
            try ScaledRows.tensor(codes.tensor.renamed(name), scale.tensor, block: nil, type: scale.type),
            as: "quanto \(codes.type)", of: [codes, scale]))
      }
    }
    return weights
  }

  private func groups(
    _ name: String, _ codes: PlaneSet.Entry, _ planes: PlaneSet
  ) throws(OunceError) -> JoinedWeight? {
    let scales = try planes.require(name + "._scale", for: name)
    let shifts = try planes.require(name + "._shift", for: name)
    let (factors, points) = (try scales.plane("F16", "BF16", "F32"), try shifts.plane("I8", "F16", "BF16", "F32"))
    let packed = try codes.plane("U8")
    let groupCount = factors.count
    guard codes.shape.count == 2, scales.shape == [groupCount, 1], points.count == groupCount, packed.count > 0,
      let type = Encodings.writable(scales.type)
    else {
      throw codes.misfit("has the shape \(codes.shape), which scales of \(scales.shape) do not fit: groups are rows")
    }
    guard let bits = [4, 2].first(where: { (groupCount * $0 + 7) / 8 == codes.shape[0] }) else {
      throw codes.misfit("has \(codes.shape[0]) rows, which no 2 or 4 bits make of \(groupCount) groups")
    }
    let (count, overflow) = groupCount.multipliedReportingOverflow(by: codes.shape[1])
    guard !overflow, let shape = shape(of: name, count: count, planes) else { return nil }
    let rows = QuantoRows(
      codes: FlatCodes(
        codes.tensor, unit: 1, bits: bits, shifts: (0..<8 / bits).map { UInt32($0 * bits) }), scales: factors,
      shifts: points, groupSize: codes.shape[1], columnCount: shape[1], type: type)
    return try JoinedWeight(
      name, as: "quanto \(bits)-bit, groups of \(codes.shape[1])", shape: shape, type: scales.type,
      of: [codes, scales, shifts], rows: rows)
  }

  /// The two sizes of a weight of `count` elements; nil when nothing tells them.
  private func shape(of name: String, count: Int, _ planes: PlaneSet) -> [Int]? {
    let base = name.hasSuffix(".weight") ? String(name.dropLast("weight".count)) : name + "."
    var shape: [Int]?
    if let bias = planes[base + "bias"], bias.shape.count == 1, bias.shape[0] > 0 {
      shape = [bias.shape[0], count / bias.shape[0]]
    } else if let inputs = planes.settings?.inputCount(of: base), inputs > 0 {
      shape = [count / inputs, inputs]
    }
    guard let shape, shape[0] > 0, shape[1] > 0, count % shape[0] == 0, count % shape[1] == 0 else { return nil }
    return shape
  }
}

private struct QuantoRows: WeightRows {
  let codes: FlatCodes
  let scales: Plane
  let shifts: Plane
  let groupSize: Int
  let columnCount: Int
  let type: any WritableEncoding

  func decode(rows: Range<Int>, into elements: inout MutableSpan<Float>) throws(OunceError) {
    let range = rows.lowerBound * columnCount..<rows.upperBound * columnCount
    try codes.decode(range, into: &elements)
    let groups = range.lowerBound / groupSize..<(range.upperBound + groupSize - 1) / groupSize
    let factors = try scales.floats(groups)
    let points = try shifts.floats(groups)
    let isInteger = shifts.info.encoding.name == "I8"
    for element in range {
      let (place, group) = (element - range.lowerBound, element / groupSize - groups.lowerBound)
      elements[place] = (isInteger ? elements[place] - points[group] : elements[place]) * factors[group]
    }
    guard !isInteger else { return }
    type.rounded(&elements)
    for element in range { elements[element - range.lowerBound] -= points[element / groupSize - groups.lowerBound] }
  }
}

extension QuantizationSettings {
  /// How many inputs the layer `base` ("model.layers.0.mlp.down_proj.") has by the sizes of config.json.
  fileprivate func inputCount(of base: String) -> Int? {
    func size(_ name: String) -> Int? {
      sizes[name]?.integer.flatMap { (1...1 << 24).contains($0) ? $0 : nil }
    }
    switch base.split(separator: ".").last ?? "" {
    case "q_proj", "k_proj", "v_proj", "gate_proj", "up_proj", "lm_head": return size("hidden_size")
    case "down_proj": return size("intermediate_size")
    case "o_proj":
      guard let heads = size("num_attention_heads"), let hidden = size("hidden_size") else { return nil }
      return heads * (size("head_dim") ?? hidden / heads)
    default: return nil
    }
  }
}
