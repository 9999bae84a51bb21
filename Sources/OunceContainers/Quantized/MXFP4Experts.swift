internal import OunceCore

/// The experts of gpt-oss: `x_blocks` U8 [experts, out, in / 32, 16] and `x_scales` U8 [experts, out, in / 32] are the
/// weight `x` [experts, in, out] in BF16, columns of the planes being rows of the weight.
///
/// Source: `convert_moe_packed_tensors` of https://github.com/huggingface/transformers, integrations/mxfp4.py.
struct MXFP4Experts: WeightScheme {
  let methods = ["mxfp4"]
  let isKnownByNames = true

  func weights(in planes: PlaneSet) throws(OunceError) -> [JoinedWeight] {
    var weights: [JoinedWeight] = []
    for (name, codes) in planes.entries(endingIn: "_blocks") where codes.type == "U8" && codes.shape.last == 16 {
      let scales = try planes.require(name + "_scales", for: name)
      let shape = codes.shape
      guard shape.count == 4, scales.shape == Array(shape.dropLast()), codes.tensor.info.elementCount > 0 else {
        throw codes.misfit("has the shape \(shape), which scales of \(scales.shape) do not fit")
      }
      let rows = ExpertColumns(
        codes: try codes.plane("U8").turned(rowCount: shape[1], columnCount: shape[2] * 16),
        scales: try scales.plane("U8").turned(rowCount: shape[1], columnCount: shape[2]), outputCount: shape[1],
        inputCount: shape[2] * 32)
      weights.append(
        try JoinedWeight(
          name, as: "MXFP4", shape: [shape[0], shape[2] * 32, shape[1]], type: "BF16", of: [codes, scales],
          rows: rows))
    }
    return weights
  }
}

private struct ExpertColumns: WeightRows {
  let codes: TurnedPlane
  let scales: TurnedPlane
  let outputCount: Int
  let inputCount: Int

  func decode(rows: Range<Int>, into elements: inout MutableSpan<Float>) throws(OunceError) {
    // The rows of all experts are counted on, in the planes as in the weight.
    let pairs = rows.lowerBound / 2..<(rows.upperBound + 1) / 2
    let groups = rows.lowerBound / 32..<(rows.upperBound + 31) / 32
    let bytes = try codes.bytes(rows: pairs)
    let exponents = try scales.bytes(rows: groups)
    let values = FourBitFloats.values
    for row in rows {
      let source = (row / 2 - pairs.lowerBound) * outputCount
      let scale = (row / 32 - groups.lowerBound) * outputCount
      let target = (row - rows.lowerBound) * outputCount
      let shift = UInt8(row & 1) * 4
      for column in 0..<outputCount {
        let code = bytes[source + column] >> shift & 15
        elements[target + column] = values[Int(code)] * FourBitFloats.power(exponents[scale + column])
      }
    }
  }
}
