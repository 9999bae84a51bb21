internal import OunceCore

/// BitNet: ternary codes in 2 bits, `weight` U8 [out / 4, in], rows r, r + out / 4, … in the bits of one byte from the
/// low end on, and `weight_scale` [1].
///
/// `weight = (code − 1) / scale`; a checkpoint whose configuration says "autobitlinear" was trained with scales that
/// multiply. Source: https://github.com/huggingface/transformers, integrations/bitnet.py, which scales outputs instead:
/// here the quotient is taken in single precision and kept so.
struct BitNetWeights: WeightScheme {
  let methods = ["bitnet"]
  let isKnownByNames = false

  func weights(in planes: PlaneSet) throws(OunceError) -> [JoinedWeight] {
    let multiplies = planes.settings?.json["linear_class"]?.string == "autobitlinear"
    var weights: [JoinedWeight] = []
    for (base, scale) in planes.entries(named: "weight_scale") {
      let name = base + "weight"
      guard let codes = planes[name], codes.type == "U8" else { continue }
      let factor = try scale.plane("F32", "F16", "BF16")
      guard codes.shape.count == 2, factor.count == 1,
        codes.shape.allSatisfy({ (1...Limits.blockElements).contains($0) })
      else {
        throw codes.misfit("has the shape \(codes.shape) and \(factor.count) scales, expected two sizes and one scale")
      }
      let rows = TernaryRows(
        codes: FlatCodes(codes.tensor, unit: 1, bits: 2, shifts: [0, 2, 4, 6]), scale: factor,
        columnCount: codes.shape[1], multiplies: multiplies)
      weights.append(
        try JoinedWeight(
          name, as: "BitNet, 2 bits", shape: [codes.shape[0] * 4, codes.shape[1]], type: "F32", of: [codes, scale],
          rows: rows))
    }
    return weights
  }
}

private struct TernaryRows: WeightRows {
  let codes: FlatCodes
  let scale: Plane
  let columnCount: Int
  let multiplies: Bool

  func decode(rows: Range<Int>, into elements: inout MutableSpan<Float>) throws(OunceError) {
    try codes.decode(rows.lowerBound * columnCount..<rows.upperBound * columnCount, into: &elements)
    let scale = try scale.floats(0..<1)[0]
    for place in elements.indices {
      elements[place] = multiplies ? (elements[place] - 1) * scale : (elements[place] - 1) / scale
    }
  }
}
