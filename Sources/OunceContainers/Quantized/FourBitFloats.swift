internal import OunceCore

/// Rows of E2M1 codes, two to a byte, the first in the low bits, with a scale for each group of columns.
struct FourBitFloats: WeightRows {
  /// What a group's scale becomes before it is multiplied with.
  enum Factor {
    /// E8M0 bytes: 2^(byte − 127).
    case exponent
    /// A float times one of the whole weight.
    case times(Plane)
    /// A float divided by one of the whole weight.
    case over(Plane)
  }

  /// Whether the code of the negative zero gives one: some libraries say zero.
  let keepsNegativeZero: Bool
  private let codes: Plane
  private let scales: Plane
  private let factor: Factor
  private let rowCount: Int
  private let columnCount: Int
  private let groupSize: Int

  /// - Throws: `OunceError` when the planes do not cover a weight of `groupSize` columns to a scale.
  init(
    _ codes: PlaneSet.Entry, _ scales: PlaneSet.Entry, _ factor: Factor, groupSize: Int, keepsNegativeZero: Bool
  ) throws(OunceError) {
    self.codes = try codes.plane("U8", "I8")
    if case .exponent = factor {
      self.scales = try scales.plane("U8", "F8_E8M0")
    } else {
      self.scales = try scales.plane("F8_E4M3", "F32", "F16", "BF16")
    }
    let byteCount = codes.shape.last ?? 0
    columnCount = byteCount * 2
    guard codes.shape.count >= 2, scales.shape.count == codes.shape.count, columnCount > 0,
      codes.shape.dropLast() == scales.shape.dropLast(), columnCount % groupSize == 0,
      scales.shape.last == columnCount / groupSize
    else {
      throw codes.misfit("has the shape \(codes.shape), which scales of \(scales.shape) for \(groupSize) do not fit")
    }
    rowCount = codes.tensor.info.rowCount
    switch factor {
    case .times(let plane), .over(let plane):
      guard plane.count > 0, rowCount % plane.count == 0 else {
        throw codes.misfit("has \(rowCount) rows, which \(plane.count) scales of the weight do not fit")
      }
    case .exponent: break
    }
    self.factor = factor
    self.groupSize = groupSize
    self.keepsNegativeZero = keepsNegativeZero
  }

  /// The shape of the weight.
  var shape: [Int] { codes.shape.dropLast() + [columnCount] }

  static let values: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6]

  /// The value of an E8M0 byte as PyTorch raises two to it: 255 is infinite.
  static func power(_ byte: UInt8) -> Float {
    Float(sign: .plus, exponent: Int(byte) - 127, significand: 1)
  }

  private func factors(_ rows: Range<Int>) throws(OunceError) -> [Float] {
    let perRow = columnCount / groupSize
    let range = rows.lowerBound * perRow..<rows.upperBound * perRow
    switch factor {
    case .exponent: return try scales.bytes(range).map(Self.power)
    case .times(let plane):
      let whole = try plane.floats(0..<plane.count)
      let rowsPerScale = rowCount / plane.count
      return try scales.floats(range).enumerated().map { $1 * whole[(rows.lowerBound + $0 / perRow) / rowsPerScale] }
    case .over(let plane):
      let whole = try plane.floats(0..<plane.count)
      let rowsPerScale = rowCount / plane.count
      return try scales.floats(range).enumerated().map { $1 / whole[(rows.lowerBound + $0 / perRow) / rowsPerScale] }
    }
  }

  func decode(rows: Range<Int>, into elements: inout MutableSpan<Float>) throws(OunceError) {
    let bytes = try codes.bytes(rows.lowerBound * (columnCount / 2)..<rows.upperBound * (columnCount / 2))
    let factors = try factors(rows)
    var values = Self.values
    if !keepsNegativeZero { values[8] = 0 }
    for (group, factor) in factors.enumerated() {
      for place in group * groupSize..<(group + 1) * groupSize {
        let code = bytes[place >> 1] >> (UInt8(place & 1) * 4) & 15
        elements[place] = values[Int(code)] * factor
      }
    }
  }
}

/// NVFP4: groups of 16 with a scale in E4M3, and one scale of the whole weight.
///
/// | library | codes | scales | whole |
/// |---|---|---|---|
/// | compressed-tensors | `weight_packed` U8 [out, in / 2] | `weight_scale` F8_E4M3 | `weight_global_scale`: divides |
/// | ModelOpt | `weight` U8 [out, in / 2] | `weight_scale` F8_E4M3 | `weight_scale_2`: multiplies |
///
/// Scale and whole are joined first, in single precision; the product with the code is rounded to BF16 (ModelOpt: to
/// the type that config.json names).
struct NVFP4Weights: WeightScheme {
  let methods = ["compressed-tensors", "modelopt"]
  let isKnownByNames = true

  func weights(in planes: PlaneSet) throws(OunceError) -> [JoinedWeight] {
    var weights: [JoinedWeight] = []
    for (base, whole) in planes.entries(named: "weight_global_scale") {
      guard let codes = planes[base + "weight_packed"], codes.type == "U8" else { continue }
      weights.append(try weight(base, codes, whole, planes, isInverse: true, type: "BF16"))
    }
    for (base, whole) in planes.entries(named: "weight_scale_2") {
      guard let codes = planes[base + "weight"], codes.type == "U8" else { continue }
      weights.append(
        try weight(base, codes, whole, planes, isInverse: false, type: planes.settings?.floatType ?? "BF16"))
    }
    return weights
  }

  private func weight(
    _ base: String, _ codes: PlaneSet.Entry, _ whole: PlaneSet.Entry, _ planes: PlaneSet, isInverse: Bool, type: String
  ) throws(OunceError) -> JoinedWeight {
    let name = base + "weight"
    let scales = try planes.require(base + "weight_scale", for: name)
    let factor = try whole.plane("F32", "F16", "BF16")
    let rows = try FourBitFloats(
      codes, scales, isInverse ? .over(factor) : .times(factor), groupSize: 16, keepsNegativeZero: isInverse)
    return try JoinedWeight(
      name, as: "NVFP4", shape: rows.shape, type: type, of: [codes, scales, whole], rows: rows)
  }
}

/// MXFP4 of compressed-tensors: `weight_packed` U8 [out, in / 2] and `weight_scale` U8 [out, in / 32] (E8M0), to BF16.
struct MXFP4Weights: WeightScheme {
  let methods = ["compressed-tensors"]
  let isKnownByNames = false

  func weights(in planes: PlaneSet) throws(OunceError) -> [JoinedWeight] {
    var weights: [JoinedWeight] = []
    for (base, codes) in planes.entries(named: "weight_packed")
    where codes.type == "U8" && planes[base + "weight_global_scale"] == nil {
      let name = base + "weight"
      let scales = try planes.require(base + "weight_scale", for: name)
      let rows = try FourBitFloats(codes, scales, .exponent, groupSize: 32, keepsNegativeZero: true)
      weights.append(
        try JoinedWeight(name, as: "MXFP4", shape: rows.shape, type: "BF16", of: [codes, scales], rows: rows))
    }
    return weights
  }
}
