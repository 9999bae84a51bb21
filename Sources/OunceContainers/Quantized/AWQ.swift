internal import OunceCore

/// AWQ: eight 4-bit codes to a word.
///
/// | plane | gemm | gemv |
/// |---|---|---|
/// | `qweight` | I32 [in, out / 8] | I32 [out, in / 8] |
/// | `qzeros` | I32 [groups, out / 8] | I32 [out, groups / 8, padded] |
/// | `scales` | F16 [groups, out] | F16 [out, groups, padded to whole words of zeros] |
///
/// In the gemm layout the nibbles of a word are the columns 0, 2, 4, 6, 1, 3, 5, 7; in the gemv layout they are in
/// order. `weight = (code − zero) · scale`, rounded once to the type of the scales.
/// Source: https://github.com/casper-hansen/AutoAWQ, awq/modules/linear and awq/utils/packing_utils.py.
struct AWQWeights: WeightScheme {
  let methods = ["awq", "auto-round", "intel/auto-round"]
  let isKnownByNames = true

  /// A layout of the configuration that is not decoded.
  static func refusedLayout(_ settings: QuantizationSettings) -> String? {
    guard settings.method == "awq", let version = settings.json["version"]?.string?.lowercased() else { return nil }
    return ["gemm", "gemv", "exllama", "ipex"].contains(version) ? nil : version
  }

  func weights(in planes: PlaneSet) throws(OunceError) -> [JoinedWeight] {
    if let settings = planes.settings, Self.refusedLayout(settings) != nil { return [] }
    var weights: [JoinedWeight] = []
    for (base, codes) in planes.entries(named: "qweight") where planes[base + "g_idx"] == nil {
      let name = base + "weight"
      let zeros = try planes.require(base + "qzeros", for: name)
      let scales = try planes.require(base + "scales", for: name)
      if let bits = planes.settings?.json["bits"]?.integer ?? planes.settings?.json["w_bit"]?.integer, bits != 4 {
        throw codes.misfit("is said to hold \(bits) bits; AWQ packs 4")
      }
      guard codes.shape.count == 2, zeros.shape.count == 2, scales.shape.count == 2 else {
        throw codes.misfit("has the shape \(codes.shape), expected two sizes as for its zeros and scales")
      }
      let found = [codes, zeros, scales]
      if scales.shape[1] == codes.shape[1] * 8 {
        let rows = try AWQColumns(codes, zeros, scales)
        weights.append(
          try JoinedWeight(
            name, as: "AWQ 4-bit, groups of \(rows.groupSize)", shape: [rows.outputCount, rows.inputCount],
            type: scales.type, of: found, rows: rows))
      } else {
        let inputCount = codes.shape[1] * 8
        let settings = planes.settings?.json
        let size = settings?["group_size"]?.integer ?? settings?["q_group_size"]?.integer ?? 128
        let groupSize = size > 0 ? min(size, max(inputCount, 1)) : max(inputCount, 1)
        let rows = try PackedRows(
          codes, scales, zeros, form: .alongRow, bits: 4, inputCount: inputCount, groupSize: groupSize)
        weights.append(
          try JoinedWeight(
            name, as: "AWQ 4-bit, groups of \(groupSize)", shape: [codes.shape[0], inputCount], type: scales.type,
            of: found, rows: rows))
      }
    }
    return weights
  }
}

/// The gemm layout: eight rows of the weight lie in one column of its planes.
private struct AWQColumns: WeightRows {
  let outputCount: Int
  let inputCount: Int
  let groupSize: Int
  private let groupCount: Int
  private let codes: TurnedPlane
  private let zeros: TurnedPlane
  private let scales: TurnedPlane

  init(_ codes: PlaneSet.Entry, _ zeros: PlaneSet.Entry, _ scales: PlaneSet.Entry) throws(OunceError) {
    let (qweight, qzeros) = (try codes.plane("I32", "U32"), try zeros.plane("I32", "U32"))
    let factors = try scales.plane("F16", "BF16", "F32")
    (inputCount, outputCount) = (codes.shape[0], codes.shape[1] * 8)
    groupCount = scales.shape[0]
    guard groupCount > 0, zeros.shape == [groupCount, codes.shape[1]], scales.shape[1] == outputCount,
      inputCount % groupCount == 0, inputCount > 0
    else {
      throw codes.misfit(
        "has the shape \(codes.shape), which zeros of \(zeros.shape) and scales of \(scales.shape) do not fit")
    }
    groupSize = inputCount / groupCount
    self.codes = qweight.turned(rowCount: inputCount, columnCount: codes.shape[1])
    self.zeros = qzeros.turned(rowCount: groupCount, columnCount: codes.shape[1])
    self.scales = factors.turned(rowCount: groupCount, columnCount: outputCount)
  }

  /// Where in a word the nibble of each of eight columns stands.
  private static let shifts: [UInt32] = [0, 16, 4, 20, 8, 24, 12, 28]

  func decode(rows: Range<Int>, into elements: inout MutableSpan<Float>) throws(OunceError) {
    let packed = rows.lowerBound / 8..<(rows.upperBound + 7) / 8
    let words = try codes.words(rows: packed)
    let zeroWords = try zeros.words(rows: packed)
    let factors = try scales.floats(rows: rows)
    for row in rows {
      let line = row - rows.lowerBound
      let (column, shift) = (row / 8 - packed.lowerBound, Self.shifts[row % 8])
      for group in 0..<groupCount {
        let zero = Float(zeroWords[column * groupCount + group] >> shift & 15)
        let scale = factors[line * groupCount + group]
        let source = column * inputCount + group * groupSize
        let target = line * inputCount + group * groupSize
        for input in 0..<groupSize {
          elements[target + input] = (Float(words[source + input] >> shift & 15) - zero) * scale
        }
      }
    }
  }
}
