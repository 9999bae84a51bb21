package import OunceCore
internal import OunceEncoding

/// A weight in 8 bits times scales that stand in another tensor: each element is decoded, less its zero point where
/// there is one, and multiplied once, in single precision.
///
/// Scales cover blocks of the last dimensions, whole rows, whole experts or everything; they are read with their rows.
package struct ScaledRows: WeightRows {
  private let weight: Tensor
  private let scale: Plane
  private let zero: Plane?
  /// Rows of the weight that one matrix has.
  private let matrixRows: Int
  /// Rows and columns of scales that one matrix has; 1 stands for all.
  private let scaleRows: Int
  private let scaleColumns: Int
  private let blockRows: Int
  private let blockColumns: Int
  /// Whether each matrix has scales of its own.
  private let isPerMatrix: Bool

  /// - Parameters:
  ///   - block: rows and columns that share a scale; nil: as many as the shapes tell.
  ///   - zero: zero points, as many as scales.
  ///   - type: the float encoding of the result.
  /// - Throws: `OunceError` when the scales do not cover the weight.
  package static func tensor(
    _ weight: Tensor, _ scale: Tensor, block: (Int, Int)?, zero: Tensor? = nil, type: String = "F32"
  ) throws(OunceError) -> Tensor {
    guard let target = Encodings.writable(type) else {
      throw OunceError(.unsupported, "there is no float type \(type)", subject: "tensor \(weight.info.name)")
    }
    if let zero, zero.info.elementCount != scale.info.elementCount {
      throw OunceError(
        .malformed, "has \(zero.info.elementCount) zero points for \(scale.info.elementCount) scales",
        subject: "tensor \(weight.info.name)", remedy: "config.json and the weights do not belong together")
    }
    let info = try TensorInfo(name: weight.info.name, shape: weight.info.shape, encoding: target)
    let rows = try ScaledRows(weight, scale, zero, block)
    return Tensor(info: info, data: DecodedRows(rows: rows, columnCount: info.columnCount, target: target))
  }

  private init(_ weight: Tensor, _ scale: Tensor, _ zero: Tensor?, _ block: (Int, Int)?) throws(OunceError) {
    let shape = weight.info.shape
    let rows = shape.dropLast().last ?? 1
    let columns = shape.last ?? 1
    let matrices = shape.dropLast(2).reduce(1, *)
    // Scales with fewer dimensions belong to the first ones: `[rows]` stands for `[rows, 1]`.
    var sizes = scale.info.elementCount == 1 ? [] : scale.info.shape
    while sizes.count < shape.count { sizes.append(1) }
    let (outer, inner) = (sizes.dropLast(2).reduce(1, *), Array(sizes.suffix(2)))
    let scaleRows = inner.count > 1 ? inner[0] : 1
    let scaleColumns = inner.last ?? 1
    func size(_ count: Int, _ scales: Int, _ wanted: Int?) -> Int {
      scales == 1 ? max(count, 1) : wanted ?? (scales == count ? 1 : 0)
    }
    let blockRows = size(rows, scaleRows, block?.0)
    let blockColumns = size(columns, scaleColumns, block?.1)
    guard (1...2).contains(weight.info.encoding.elementsPerBlock), sizes.count == shape.count,
      outer == 1 || outer == matrices, blockRows > 0, blockColumns > 0,
      scaleRows == (rows + blockRows - 1) / blockRows || scaleRows == 1,
      scaleColumns == (columns + blockColumns - 1) / blockColumns || scaleColumns == 1
    else {
      throw OunceError(
        .malformed, "has the shape \(shape), which scales of the shape \(scale.info.shape) do not cover",
        subject: "tensor \(weight.info.name)", remedy: "config.json and the weights do not belong together")
    }
    self.weight = weight
    self.scale = Plane(scale)
    self.zero = zero.map { Plane($0) }
    matrixRows = max(rows, 1)
    self.scaleRows = scaleRows
    self.scaleColumns = scaleColumns
    self.blockRows = blockRows
    self.blockColumns = blockColumns
    isPerMatrix = outer > 1
  }

  package func decode(rows: Range<Int>, into elements: inout MutableSpan<Float>) throws(OunceError) {
    let columns = weight.info.columnCount
    let wanted = scaleRange(covering: rows)
    let scales = try scale.floats(wanted)
    let zeros = try zero?.floats(wanted)
    var encoded = Buffer(byteCount: rows.count * weight.info.rowByteCount)
    try encoded.withMutableBytes(0..<encoded.byteCount) { (span) throws(OunceError) in
      try weight.data.read(rows: rows, into: &span)
    }
    encoded.withBytes(0..<rows.count * weight.info.rowByteCount) { weight.info.encoding.decode($0, into: &elements) }
    for row in rows {
      let start = (row - rows.lowerBound) * columns
      let first = scaleRow(of: row) * scaleColumns - wanted.lowerBound
      if let zeros {
        for column in 0..<columns {
          elements[start + column] -= zeros[first + (scaleColumns == 1 ? 0 : column / blockColumns)]
        }
      }
      for column in 0..<columns {
        elements[start + column] *= scales[first + (scaleColumns == 1 ? 0 : column / blockColumns)]
      }
    }
  }

  /// The row of scales that a row of the weight takes, over all matrices.
  private func scaleRow(of row: Int) -> Int {
    let (matrix, place) = row.quotientAndRemainder(dividingBy: matrixRows)
    let inner = scaleRows == 1 ? 0 : place / blockRows
    return (isPerMatrix ? matrix * scaleRows : 0) + inner
  }

  /// The scales of `rows`, among all.
  private func scaleRange(covering rows: Range<Int>) -> Range<Int> {
    guard !rows.isEmpty else { return 0..<0 }
    // Rows of one matrix begin again at its first scales, unless each has its own: the range covers both.
    var lowest = scaleRow(of: rows.lowerBound)
    var highest = scaleRow(of: rows.upperBound - 1)
    if !isPerMatrix, rows.lowerBound / matrixRows != (rows.upperBound - 1) / matrixRows {
      (lowest, highest) = (0, scaleRows - 1)
    }
    return lowest * scaleColumns..<(highest + 1) * scaleColumns
  }
}
