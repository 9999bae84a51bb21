internal import OunceCore

/// bitsandbytes in 4 bits: NF4 and FP4, the scales of blocks quantized again or not.
///
/// | plane | |
/// |---|---|
/// | `weight` | the codes, two to a byte, the first in the high bits, under any type |
/// | `weight.absmax` | F32, one for each block; or U8 codes of `nested_quant_map` |
/// | `weight.quant_map` | F32 [16], the value of each code |
/// | `weight.nested_absmax`, `weight.nested_quant_map` | F32: the scales of blocks of scales, the value of each code |
/// | `weight.quant_state.bitsandbytes__nf4` (`…__fp4`) | U8: JSON with shape, block sizes, offset and float type |
///
/// `weight = value · absmax`, in single precision, then rounded to the float type; quantized scales are
/// `value · nested_absmax + offset`.
/// Source: https://github.com/bitsandbytes-foundation/bitsandbytes, bitsandbytes/functional.py.
struct BitsAndBytesBlocks: WeightScheme {
  let methods = ["bitsandbytes"]
  let isKnownByNames = true

  func weights(in planes: PlaneSet) throws(OunceError) -> [JoinedWeight] {
    var weights: [JoinedWeight] = []
    for type in ["nf4", "fp4"] {
      for (base, state) in planes.entries(named: "bitsandbytes__\(type)") {
        guard base.hasSuffix(".quant_state.") else { continue }
        let name = String(base.dropLast(".quant_state.".count))
        let codes = try planes.require(name, for: name)
        let rows = try BlockRows(name, codes, state, planes)
        let form = "bitsandbytes \(type.uppercased()), blocks of \(rows.blockSize)"
        weights.append(
          try JoinedWeight(
            name, as: form + (rows.isNested ? ", scales quantized again" : ""), shape: rows.shape,
            type: rows.floatType, of: rows.planes, rows: rows.values))
      }
    }
    return weights
  }

  /// What the planes of one weight are.
  private struct BlockRows {
    let planes: [PlaneSet.Entry]
    let shape: [Int]
    let blockSize: Int
    let isNested: Bool
    let floatType: String
    let values: BlockValues

    init(
      _ name: String, _ codes: PlaneSet.Entry, _ state: PlaneSet.Entry, _ set: PlaneSet
    ) throws(OunceError) {
      let content = try state.content(atMost: BitsAndBytesBlocks.stateByteCount)
      let settings: JSON
      do throws(OunceError) { settings = try JSONParser.parse(content) } catch {
        throw state.misfit("holds no JSON: \(error.problem)")
      }
      let map = try set.require(name + ".quant_map", for: name)
      let absmax = try set.require(name + ".absmax", for: name)
      var planes = [codes, absmax, map, state]
      let sizes = settings["shape"]?.array?.compactMap(\.integer) ?? []
      guard let blockSize = settings["blocksize"]?.integer, !sizes.isEmpty,
        (1...Limits.blockElements).contains(blockSize),
        let type = settings["dtype"]?.string.flatMap(QuantizationSettings.encodingName)
      else { throw state.misfit("does not say \"shape\", \"blocksize\" and a \"dtype\" of floats") }
      let count = try TensorInfo(name: name, shape: sizes, encoding: try Encodings.require(type)).elementCount
      let scaleCount = (count + blockSize - 1) / blockSize
      guard codes.tensor.info.byteCount * 2 >= count, absmax.tensor.info.elementCount == scaleCount else {
        throw codes.misfit(
          "has \(codes.tensor.info.byteCount) bytes and \(absmax.tensor.info.elementCount) scales for \(count) "
            + "elements in blocks of \(blockSize)")
      }
      shape = sizes
      self.blockSize = blockSize
      floatType = type
      isNested = absmax.type == "U8"
      var nested: BlockValues.Nested?
      if isNested {
        let scales = try set.require(name + ".nested_absmax", for: name)
        let values = try set.require(name + ".nested_quant_map", for: name)
        planes += [scales, values]
        guard let size = settings["nested_blocksize"]?.integer, (1...Limits.blockElements).contains(size),
          let offset = settings["nested_offset"]?.double, values.tensor.info.elementCount == 256,
          scales.tensor.info.elementCount == (scaleCount + size - 1) / size
        else { throw state.misfit("does not fit \(scales.tensor.info.elementCount) scales of scales") }
        nested = BlockValues.Nested(
          scales: try scales.plane("F32"), map: try values.plane("F32"), blockSize: size, offset: Float(offset))
      }
      guard map.tensor.info.elementCount == 16 else { throw map.misfit("has \(map.shape) values, expected 16") }
      self.planes = planes
      values = BlockValues(
        codes: Plane(codes.tensor, unit: 1), map: try map.plane("F32"), absmax: try absmax.plane("F32", "U8"),
        nested: nested, blockSize: blockSize, columnCount: sizes.last ?? 1)
    }
  }

  /// Bytes of a quantization state: it has nine members.
  private static let stateByteCount = 64 << 10
}

private struct BlockValues: WeightRows {
  /// Scales that were quantized themselves.
  struct Nested {
    let scales: Plane
    let map: Plane
    let blockSize: Int
    let offset: Float
  }

  let codes: Plane
  let map: Plane
  let absmax: Plane
  let nested: Nested?
  let blockSize: Int
  let columnCount: Int

  private func factors(_ blocks: Range<Int>) throws(OunceError) -> [Float] {
    guard let nested else { return try absmax.floats(blocks) }
    let map = try nested.map.floats(0..<nested.map.count)
    let outer = blocks.lowerBound / nested.blockSize..<(blocks.upperBound + nested.blockSize - 1) / nested.blockSize
    let scales = try nested.scales.floats(outer)
    return try absmax.bytes(blocks).enumerated().map { place, code in
      let scale = scales[(blocks.lowerBound + place) / nested.blockSize - outer.lowerBound]
      let product = map[Int(code)] * scale
      return product + nested.offset
    }
  }

  func decode(rows: Range<Int>, into elements: inout MutableSpan<Float>) throws(OunceError) {
    let range = rows.lowerBound * columnCount..<rows.upperBound * columnCount
    let blocks = range.lowerBound / blockSize..<(range.upperBound + blockSize - 1) / blockSize
    let factors = try factors(blocks)
    let values = try map.floats(0..<16)
    let first = range.lowerBound / 2
    let bytes = try codes.bytes(first..<(range.upperBound + 1) / 2)
    for element in range {
      let byte = bytes[element / 2 - first]
      let code = element & 1 == 0 ? byte >> 4 : byte & 15
      elements[element - range.lowerBound] = values[Int(code)] * factors[element / blockSize - blocks.lowerBound]
    }
  }
}

/// bitsandbytes in 8 bits: `weight` I8 [out, in], `SCB` F32 [out], `weight_format` U8 (0: rows in order).
///
/// `weight = code · SCB · (1 / 127)`, each product in single precision.
struct BitsAndBytesRows: WeightScheme {
  let methods = ["bitsandbytes"]
  let isKnownByNames = true

  func weights(in planes: PlaneSet) throws(OunceError) -> [JoinedWeight] {
    var weights: [JoinedWeight] = []
    for (base, scales) in planes.entries(named: "SCB") {
      let name = base + "weight"
      let codes = try planes.require(name, for: name)
      let format = planes[base + "weight_format"]
      if let format, try format.integers(atMost: 1) != [0] {
        throw format.misfit("names a layout that is not row by row")
      }
      let (values, factors) = (try codes.plane("I8"), try scales.plane("F32"))
      guard codes.shape.count == 2, factors.count == codes.shape[0] else {
        throw scales.misfit("has the shape \(scales.shape), expected one for each row of \(codes.shape)")
      }
      let rows = ByteRows(codes: values, scales: factors, columnCount: codes.shape[1])
      weights.append(
        try JoinedWeight(
          name, as: "bitsandbytes INT8", shape: codes.shape, type: "F32",
          of: [codes, scales] + (format.map { [$0] } ?? []), rows: rows))
    }
    return weights
  }
}

private struct ByteRows: WeightRows {
  let codes: Plane
  let scales: Plane
  let columnCount: Int

  func decode(rows: Range<Int>, into elements: inout MutableSpan<Float>) throws(OunceError) {
    let factors = try scales.floats(rows)
    let values = try codes.floats(rows.lowerBound * columnCount..<rows.upperBound * columnCount)
    for (line, factor) in factors.enumerated() {
      for place in line * columnCount..<(line + 1) * columnCount {
        elements[place] = values[place] * factor * 7.874015718698502e-3
      }
    }
  }
}
