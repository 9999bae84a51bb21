internal import OunceCore

/// Codes packed along the rows of a weight: whole codes to a word, the first in the low bits, the last word padded.
struct PackedRows: WeightRows {
  /// Where zero points lie.
  enum Zeros {
    /// As the codes do, along the row.
    case alongRow
    /// Down the column: a word holds those of several rows.
    case downColumn
    /// One by one, in eight bits with a sign, counted from the middle of the codes.
    case signed
  }

  private let bits: Int
  private let inputCount: Int
  private let wordsPerRow: Int
  private let groupSize: Int
  private let codes: Plane
  private let scales: Plane
  /// Scales of one row; rows may all share them.
  private let scaleColumns: Int
  private let sharesScales: Bool
  private let zeros: Plane?
  private let zeroColumns: Int
  private let form: Zeros
  private let indices: Plane?
  private let groupCount: Int

  private var perWord: Int { 32 / bits }
  private var mask: UInt32 { (1 << UInt32(bits)) - 1 }

  /// - Parameters:
  ///   - zeros: nil: zero is in the middle of the codes.
  ///   - indices: the group of each column; nil: groups follow each other.
  /// - Throws: `OunceError` when the planes do not cover a weight of `codes.shape[0]` rows and `inputCount` columns.
  init(
    _ codes: PlaneSet.Entry, _ scales: PlaneSet.Entry, _ zeros: PlaneSet.Entry?, form: Zeros, bits: Int,
    inputCount: Int, groupSize: Int, indices: PlaneSet.Entry? = nil
  ) throws(OunceError) {
    let perWord = 32 / bits
    self.codes = try codes.plane("I32", "U32")
    self.scales = try scales.plane("F16", "BF16", "F32")
    let rowCount = codes.shape.first ?? 0
    guard codes.shape.count == 2, inputCount > 0, rowCount > 0,
      codes.shape[1] == (inputCount + perWord - 1) / perWord
    else {
      throw codes.misfit("has the shape \(codes.shape), which holds no \(inputCount) columns of \(bits) bits")
    }
    groupCount = (inputCount + groupSize - 1) / groupSize
    let isSingle = self.scales.count == 1
    sharesScales = isSingle || (scales.shape.first == 1 && rowCount > 1)
    scaleColumns = isSingle ? 1 : scales.shape.count == 1 ? 1 : scales.shape.last ?? 1
    guard self.scales.count == scaleColumns * (sharesScales ? 1 : rowCount), scales.shape.count <= 2,
      form == .alongRow ? scaleColumns >= groupCount : scaleColumns == groupCount
    else {
      throw scales.misfit("has the shape \(scales.shape), expected \(groupCount) groups for \(rowCount) rows")
    }
    self.bits = bits
    self.inputCount = inputCount
    self.groupSize = groupSize
    wordsPerRow = codes.shape[1]
    self.form = form
    self.zeros = try zeros.map { (entry) throws(OunceError) in
      form == .signed ? try entry.plane("I8") : try entry.plane("I32", "U32")
    }
    zeroColumns = zeros?.shape.last ?? 0
    if let zeros {
      let isCovered =
        switch form {
        case .alongRow: zeros.shape.first == rowCount && zeroColumns >= (groupCount + perWord - 1) / perWord
        case .downColumn: zeros.shape == [(rowCount + perWord - 1) / perWord, groupCount]
        case .signed: zeros.shape == [rowCount, groupCount]
        }
      guard zeros.shape.count == 2, isCovered else {
        throw zeros.misfit("has the shape \(zeros.shape), which \(groupCount) groups of \(rowCount) rows do not fit")
      }
    }
    self.indices = try indices.map { (entry) throws(OunceError) in try entry.plane("I32") }
    if let indices, indices.shape != [inputCount] {
      throw indices.misfit("has the shape \(indices.shape), expected [\(inputCount)]")
    }
  }

  /// The group of each column.
  private func groups() throws(OunceError) -> [Int] {
    if let words = try indices?.words(0..<inputCount), !words.contains(UInt32.max) {
      guard let wrong = words.firstIndex(where: { $0 >= groupCount }) else { return words.map(Int.init) }
      throw OunceError(
        .malformed, "element \(wrong) is group \(Int32(bitPattern: words[wrong])), outside 0..<\(groupCount)",
        subject: "tensor \(indices?.info.name ?? "")", remedy: "fetch the file again")
    }
    return (0..<inputCount).map { $0 / groupSize }
  }

  /// The zero points of `rows`, a group after the other; nil where all are in the middle.
  private func zeroPoints(_ rows: Range<Int>) throws(OunceError) -> [Float]? {
    guard let zeros else { return nil }
    if form == .signed {
      let middle = Float(1 << (bits - 1))
      return try zeros.floats(rows.lowerBound * groupCount..<rows.upperBound * groupCount).map { $0 + middle }
    }
    let lines =
      form == .alongRow ? rows : rows.lowerBound / perWord..<(rows.upperBound + perWord - 1) / perWord
    let words = try zeros.words(lines.lowerBound * zeroColumns..<lines.upperBound * zeroColumns)
    var points: [Float] = []
    points.reserveCapacity(rows.count * groupCount)
    for row in rows {
      for group in 0..<groupCount {
        let (place, index) =
          form == .alongRow
          ? ((row - lines.lowerBound) * zeroColumns + group / perWord, group % perWord)
          : ((row / perWord - lines.lowerBound) * zeroColumns + group, row % perWord)
        points.append(Float(words[place] >> UInt32(index * bits) & mask))
      }
    }
    return points
  }

  func decode(rows: Range<Int>, into elements: inout MutableSpan<Float>) throws(OunceError) {
    let words = try codes.words(rows.lowerBound * wordsPerRow..<rows.upperBound * wordsPerRow)
    let factors = try scales.floats(
      sharesScales ? 0..<scaleColumns : rows.lowerBound * scaleColumns..<rows.upperBound * scaleColumns)
    let zeros = try zeroPoints(rows)
    let groups = try groups()
    let middle = [Float](repeating: Float(1 << (bits - 1)), count: groupCount)
    let points = zeros ?? middle
    for row in rows {
      let line = row - rows.lowerBound
      let zero = zeros == nil ? 0 : line * groupCount
      let scale = sharesScales ? 0 : line * scaleColumns
      var target = line * inputCount
      for word in 0..<wordsPerRow {
        var packed = words[line * wordsPerRow + word]
        let first = word * perWord
        for column in first..<min(first + perWord, inputCount) {
          let group = groups[column]
          elements[target] = (Float(packed & mask) - points[zero + group]) * factors[scale + group]
          packed >>= UInt32(bits)
          target += 1
        }
      }
    }
  }
}
