internal import OunceCore

/// GPTQ: codes packed down the columns of a transposed matrix.
///
/// | plane | shape | |
/// |---|---|---|
/// | `qweight` | I32 [in · bits / 32, out] | code k of a column is bits k · bits … of its words, one after the other |
/// | `qzeros` | I32 [groups, out · bits / 32] | zero points, packed along the row |
/// | `scales` | F16 [groups, out] | |
/// | `g_idx` | I32 [in] | the group of each input; without it, groups follow each other |
///
/// `weight[o, k] = scales[g, o] · (code − zero)`. The first version of the format ("gptq") stores `zero − 1` in as many
/// bits, which wraps around: zero = (stored + 1) mod 2^bits. "gptq_v2" stores the zero point.
/// Source: https://github.com/AutoGPTQ/AutoGPTQ, auto_gptq/nn_modules/qlinear, which computes in the type of the
/// scales: the product of a code and a scale is exact in single precision and rounded once.
struct GPTQWeights: WeightScheme {
  let methods = ["gptq", "gptqmodel", "auto-round", "intel/auto-round"]
  let isKnownByNames = true

  /// A layout of the configuration that is not decoded.
  static func refusedLayout(_ settings: QuantizationSettings) -> String? {
    guard settings.method.hasPrefix("gptq"), let format = settings.json["checkpoint_format"]?.string else { return nil }
    return ["gptq", "gptq_v2"].contains(format) ? nil : format
  }

  func weights(in planes: PlaneSet) throws(OunceError) -> [JoinedWeight] {
    if let settings = planes.settings, Self.refusedLayout(settings) != nil { return [] }
    let isFirstVersion = planes.settings?.json["checkpoint_format"]?.string != "gptq_v2"
    var weights: [JoinedWeight] = []
    for (base, codes) in planes.entries(named: "qweight") {
      // AWQ calls its planes the same, and has no index of groups.
      guard planes.settings?.method.hasPrefix("gptq") ?? false || planes[base + "g_idx"] != nil else { continue }
      let name = base + "weight"
      let zeros = try planes.require(base + "qzeros", for: name)
      let scales = try planes.require(base + "scales", for: name)
      let indices = planes[base + "g_idx"]
      let rows = try GPTQRows(codes, zeros, scales, indices, isFirstVersion: isFirstVersion, planes.settings)
      weights.append(
        try JoinedWeight(
          name, as: rows.form, shape: [rows.outputCount, rows.inputCount], type: scales.type,
          of: [codes, zeros, scales] + (indices.map { [$0] } ?? []), rows: rows))
    }
    return weights
  }
}

/// Rows of the weight are columns of its planes.
struct GPTQRows: WeightRows {
  let outputCount: Int
  let inputCount: Int
  private let bits: Int
  private let groupCount: Int
  private let groupSize: Int
  private let isFirstVersion: Bool
  /// Whether one more than the largest zero point is zero.
  private var wrapsAround = true
  private let codes: TurnedPlane
  private let wordsPerColumn: Int
  private let zeros: TurnedPlane
  private let scales: TurnedPlane
  private let indices: Plane?

  var form: String { "GPTQ \(bits)-bit, groups of \(groupSize)" }

  init(
    _ codes: PlaneSet.Entry, _ zeros: PlaneSet.Entry, _ scales: PlaneSet.Entry, _ indices: PlaneSet.Entry?,
    isFirstVersion: Bool, _ settings: QuantizationSettings?
  ) throws(OunceError) {
    let (qweight, qzeros) = (try codes.plane("I32", "U32"), try zeros.plane("I32", "U32"))
    let factors = try scales.plane("F16", "BF16", "F32")
    guard factors.shape.count == 2, qweight.shape.count == 2, qzeros.shape.count == 2, factors.count > 0 else {
      throw codes.misfit("has the shape \(codes.shape), its scales \(scales.shape): expected two sizes each")
    }
    (groupCount, outputCount) = (factors.shape[0], factors.shape[1])
    // Sizes of tensors are below 2^58: a product with 32 does not overflow.
    let (bits, rest) = (qzeros.shape[1] * 32).quotientAndRemainder(dividingBy: outputCount)
    guard rest == 0, [2, 3, 4, 8].contains(bits) else {
      throw zeros.misfit("has the shape \(zeros.shape), which holds no 2, 3, 4 or 8 bits for \(outputCount) columns")
    }
    guard qweight.shape[1] == outputCount, qzeros.shape[0] == groupCount, qweight.shape[0] * 32 % bits == 0 else {
      throw codes.misfit(
        "has the shape \(codes.shape), which zeros of \(zeros.shape) and scales of \(scales.shape) do not fit")
    }
    inputCount = qweight.shape[0] * 32 / bits
    self.bits = bits
    if let indices {
      let plane = try indices.plane("I32")
      guard plane.shape == [inputCount] else {
        throw indices.misfit("has the shape \(indices.shape), expected [\(inputCount)]")
      }
      self.indices = plane
      groupSize = (inputCount + groupCount - 1) / groupCount
    } else {
      self.indices = nil
      let wanted = settings?.json["group_size"]?.integer ?? -1
      groupSize = wanted > 0 ? wanted : (inputCount + groupCount - 1) / groupCount
      guard groupSize > 0, (inputCount - 1) / groupSize < groupCount else {
        throw scales.misfit("has \(groupCount) groups, too few for \(inputCount) inputs in groups of \(groupSize)")
      }
    }
    self.isFirstVersion = isFirstVersion
    wordsPerColumn = qweight.shape[0]
    self.codes = qweight.turned(rowCount: wordsPerColumn, columnCount: outputCount)
    self.zeros = qzeros.turned(rowCount: groupCount, columnCount: qzeros.shape[1])
    self.scales = factors.turned(rowCount: groupCount, columnCount: outputCount)
  }

  /// The converter adds one to zero points of the first version and does not wrap around.
  var asConverted: any WeightRows {
    var rows = self
    rows.wrapsAround = false
    return rows
  }

  /// The group of each input.
  private func groups() throws(OunceError) -> [Int] {
    guard let indices else { return (0..<inputCount).map { $0 / groupSize } }
    let words = try indices.words(0..<inputCount)
    guard let wrong = words.firstIndex(where: { $0 >= groupCount }) else { return words.map(Int.init) }
    throw OunceError(
      .malformed, "element \(wrong) is group \(Int32(bitPattern: words[wrong])), outside 0..<\(groupCount)",
      subject: "tensor \(indices.info.name)", remedy: "fetch the file again")
  }

  func decode(rows: Range<Int>, into elements: inout MutableSpan<Float>) throws(OunceError) {
    let groups = try groups()
    let words = try codes.words(rows: rows)
    let factors = try scales.floats(rows: rows)
    let zeroRows = rows.lowerBound * bits / 32..<(rows.upperBound * bits + 31) / 32
    let zeroWords = try zeros.words(rows: zeroRows)
    let mask: UInt32 = (1 << UInt32(bits)) - 1
    var offsets = [Float](repeating: 0, count: groupCount)
    for row in rows {
      let line = row - rows.lowerBound
      let bit = row * bits - zeroRows.lowerBound * 32
      for group in 0..<groupCount {
        let stored = Self.field(zeroWords, bit: bit, bits, first: group, stride: groupCount) & mask
        let zero = isFirstVersion ? stored + 1 : stored
        offsets[group] = Float(wrapsAround ? zero & mask : zero)
      }
      let scale = line * groupCount
      var place = line * inputCount
      for input in 0..<inputCount {
        let code = Self.field(words, bit: input * bits, bits, first: line * wordsPerColumn, stride: 1) & mask
        let group = groups[input]
        elements[place] = factors[scale + group] * (Float(code) - offsets[group])
        place += 1
      }
    }
  }

  /// The bits from `bit` on in words that stand `stride` apart; more bits than asked for may follow.
  @inline(__always)
  private static func field(_ words: [UInt32], bit: Int, _ bits: Int, first: Int, stride: Int) -> UInt32 {
    let (word, shift) = (bit >> 5, bit & 31)
    let low = words[first + word * stride] >> UInt32(shift)
    guard shift + bits > 32 else { return low }
    return low | words[first + (word + 1) * stride] << UInt32(32 - shift)
  }
}
