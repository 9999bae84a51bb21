internal import OunceCore
internal import OunceEncoding

/// HQQ: the weight as a matrix of groups, codes of its first rows in the upper bits.
///
/// | plane | |
/// |---|---|
/// | `W_q` | U8 (3 bits: I32), or the same bytes under a float type |
/// | `scale`, `zero` | floats, one for each group |
/// | `shape` | the two sizes of the weight |
/// | `nbits`, `group_size`, `axis` | numbers |
/// | `packing` | the bytes of "4bit_u8" |
///
/// With axis 1 a group is a row of the matrix, with axis 0 a column. `weight = (code − zero) · scale`, each step
/// rounded to the type of the scales. Source: https://github.com/mobiusml/hqq, hqq/core/{quantize,bitpack}.py.
struct HQQWeights: WeightScheme {
  let methods = ["hqq"]
  let isKnownByNames = true

  /// Small planes that say how the others are to be read.
  private static let settings = [
    "nbits", "group_size", "shape", "axis", "packing", "view_as_float", "compute_dtype", "unpack_view_dtype",
    "quant_scale", "quant_zero", "offload_meta", "encoded_state_dict", "stores_quant_config", "channel_wise",
    "optimize", "round_zero",
  ]

  func weights(in planes: PlaneSet) throws(OunceError) -> [JoinedWeight] {
    var weights: [JoinedWeight] = []
    for (base, codes) in planes.entries(named: "W_q") {
      let name = base + "weight"
      let scales = try planes.require(base + "scale", for: name)
      let zeros = try planes.require(base + "zero", for: name)
      let shapePlane = try planes.require(base + "shape", for: name)
      let axisPlane = try planes.require(base + "axis", for: name)
      let packingPlane = try planes.require(base + "packing", for: name)
      let shape = try shapePlane.integers(atMost: 2)
      let packing = String(decoding: try packingPlane.content(atMost: 32), as: UTF8.self)
      let axis = try axisPlane.integers(atMost: 1).first ?? 1
      guard shape.count == 2, shape.allSatisfy({ (1...1 << 28).contains($0) }), [0, 1].contains(axis) else {
        throw shapePlane.misfit("holds the sizes \(shape) and the axis \(axis), expected two sizes and 0 or 1")
      }
      guard let form = HQQRows.forms[packing] else {
        throw packingPlane.misfit("names the packing \"\(packing)\", which is not known")
      }
      let rows = try HQQRows(codes, scales, zeros, form, shape, axis: axis)
      let others = Self.settings.compactMap { planes[base + $0] }
      weights.append(
        try JoinedWeight(
          name, as: "HQQ \(form.bits)-bit, groups of \(rows.groupSize)", shape: shape, type: scales.type,
          of: [codes, scales, zeros] + others, rows: rows))
    }
    return weights
  }
}

private struct HQQRows: WeightRows {
  struct Form {
    let bits: Int
    let unit: Int
    let shifts: [UInt32]
  }

  static let forms: [String: Form] = [
    "8bit_u8": Form(bits: 8, unit: 1, shifts: [0]),
    "4bit_u8": Form(bits: 4, unit: 1, shifts: [4, 0]),
    "3bit_32": Form(bits: 3, unit: 4, shifts: [27, 24, 21, 18, 15, 12, 9, 6, 3, 0]),
    "2bit_u8": Form(bits: 2, unit: 1, shifts: [6, 4, 2, 0]),
    "1bit_u8": Form(bits: 1, unit: 1, shifts: [7, 6, 5, 4, 3, 2, 1, 0]),
  ]

  let groupSize: Int
  private let columnCount: Int
  private let codes: FlatCodes
  private let scales: FlatGroups
  private let zeros: FlatGroups
  private let type: any WritableEncoding

  init(
    _ codes: PlaneSet.Entry, _ scales: PlaneSet.Entry, _ zeros: PlaneSet.Entry, _ form: Form, _ shape: [Int], axis: Int
  ) throws(OunceError) {
    let (factors, points) = (try scales.plane("F16", "BF16", "F32"), try zeros.plane("F16", "BF16", "F32"))
    let count = shape[0] * shape[1]
    guard factors.count > 0, points.count == factors.count, count % factors.count == 0,
      let type = Encodings.writable(scales.type)
    else {
      throw scales.misfit("has \(factors.count) groups, its zeros \(points.count), for \(count) elements")
    }
    self.codes = FlatCodes(codes.tensor, unit: form.unit, bits: form.bits, shifts: form.shifts)
    guard self.codes.count >= count, codes.tensor.info.byteCount % form.unit == 0 else {
      throw codes.misfit("holds \(self.codes.count) codes, fewer than the \(count) elements of the weight")
    }
    groupSize = count / factors.count
    let order: FlatGroups.Order = axis == 1 ? .runs(groupSize) : .combs(factors.count)
    self.scales = FlatGroups(plane: factors, order: order)
    self.zeros = FlatGroups(plane: points, order: order)
    columnCount = shape[1]
    self.type = type
  }

  func decode(rows: Range<Int>, into elements: inout MutableSpan<Float>) throws(OunceError) {
    let range = rows.lowerBound * columnCount..<rows.upperBound * columnCount
    try codes.decode(range, into: &elements)
    let zeros = try zeros.values(of: range)
    let scales = try scales.values(of: range)
    for element in range {
      elements[element - range.lowerBound] -= zeros.values[self.zeros.index(element) - zeros.first]
    }
    type.rounded(&elements)
    for element in range {
      elements[element - range.lowerBound] *= scales.values[self.scales.index(element) - scales.first]
    }
  }
}

extension PlaneSet.Entry {
  /// All bytes of a small plane.
  ///
  /// - Throws: `OunceError` when there are more than `limit`.
  func content(atMost limit: Int) throws(OunceError) -> [UInt8] {
    guard tensor.info.byteCount <= limit else {
      throw misfit("has \(tensor.info.byteCount) bytes, more than the limit of \(limit)")
    }
    let plane = Plane(tensor, unit: 1)
    return try plane.bytes(0..<plane.count)
  }

  /// The whole numbers of a small plane; a number that was stored as a float counts when it is whole.
  func integers(atMost limit: Int) throws(OunceError) -> [Int] {
    let bytes = try content(atMost: limit * 8)
    let width = tensor.info.encoding.bytesPerBlock
    let words = stride(from: 0, to: bytes.count - bytes.count % width, by: width).map { start in
      bytes[start..<start + width].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    switch type {
    case "I64", "U64": return words.map { Int(truncatingIfNeeded: $0) }
    case "I32": return words.map { Int(Int32(truncatingIfNeeded: $0)) }
    case "U32", "U8", "U16": return words.map { Int($0) }
    case "F32": return words.compactMap { Int(exactly: Float(bitPattern: UInt32(truncatingIfNeeded: $0))) }
    default: throw misfit("is of type \(type), expected whole numbers")
    }
  }
}
