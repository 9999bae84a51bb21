internal import OunceCore
internal import OunceEncoding

/// A weight in 8 bits times scales that stand in another tensor, as F32: each element is decoded and multiplied once,
/// in single precision.
///
/// Scales cover blocks of the last dimensions, whole rows, whole experts or everything; they are read with their rows.
struct ScaledSource: TensorData {
  private let weight: Tensor
  private let scale: Tensor
  /// Rows of the weight that one matrix has.
  private let matrixRows: Int
  /// Rows and columns of scales that one matrix has; 1 stands for all.
  private let scaleRows: Int
  private let scaleColumns: Int
  private let blockRows: Int
  private let blockColumns: Int
  /// Whether each matrix has scales of its own.
  private let isPerMatrix: Bool

  /// - Parameter block: rows and columns that share a scale; nil: as many as the shapes tell.
  /// - Throws: `OunceError` when the scales do not cover the weight.
  static func tensor(_ weight: Tensor, _ scale: Tensor, block: (Int, Int)?) throws(OunceError) -> Tensor {
    guard let encoding = Encodings.named("F32") else { throw OunceError(.unsupported, "F32 is not in the catalog") }
    let data = try ScaledSource(weight, scale, block)
    return try Tensor(name: weight.info.name, shape: weight.info.shape, encoding: encoding, data: data)
  }

  private init(_ weight: Tensor, _ scale: Tensor, _ block: (Int, Int)?) throws(OunceError) {
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
    self.scale = scale
    matrixRows = max(rows, 1)
    self.scaleRows = scaleRows
    self.scaleColumns = scaleColumns
    self.blockRows = blockRows
    self.blockColumns = blockColumns
    isPerMatrix = outer > 1
  }

  func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    let columns = weight.info.columnCount
    let scales = try scales(covering: rows)
    var encoded = Buffer(byteCount: rows.count * weight.info.rowByteCount)
    try encoded.withMutableBytes(0..<encoded.byteCount) { (span) throws(OunceError) in
      try weight.data.read(rows: rows, into: &span)
    }
    var floats = Buffer(byteCount: rows.count * columns * 4)
    floats.withMutableFloats(rows.count * columns) { elements in
      encoded.withBytes(0..<rows.count * weight.info.rowByteCount) { weight.info.encoding.decode($0, into: &elements) }
      for row in rows {
        let start = (row - rows.lowerBound) * columns
        let first = scaleRow(of: row) * scaleColumns - scales.first
        for column in 0..<columns {
          elements[start + column] *= scales.values[first + (scaleColumns == 1 ? 0 : column / blockColumns)]
        }
      }
    }
    floats.withBytes(0..<rows.count * columns * 4) { bytes.copy($0) }
  }

  /// The row of scales that a row of the weight takes, over all matrices.
  private func scaleRow(of row: Int) -> Int {
    let (matrix, place) = row.quotientAndRemainder(dividingBy: matrixRows)
    let inner = scaleRows == 1 ? 0 : place / blockRows
    return (isPerMatrix ? matrix * scaleRows : 0) + inner
  }

  /// The scales of `rows`, and the number of the first of them.
  private func scales(covering rows: Range<Int>) throws(OunceError) -> (first: Int, values: [Float]) {
    guard !rows.isEmpty else { return (0, []) }
    // Rows of one matrix begin again at its first scales, unless each has its own: the range covers both.
    var lowest = scaleRow(of: rows.lowerBound)
    var highest = scaleRow(of: rows.upperBound - 1)
    if !isPerMatrix, rows.lowerBound / matrixRows != (rows.upperBound - 1) / matrixRows {
      (lowest, highest) = (0, scaleRows - 1)
    }
    let wanted = lowest * scaleColumns..<(highest + 1) * scaleColumns
    // As rows of one element, whatever their shape.
    let flat = try scale.reshaped([scale.info.elementCount, 1])
    var encoded = Buffer(byteCount: wanted.count * flat.info.rowByteCount)
    try encoded.withMutableBytes(0..<encoded.byteCount) { (span) throws(OunceError) in
      try flat.data.read(rows: wanted, into: &span)
    }
    var floats = Buffer(byteCount: wanted.count * 4)
    floats.withMutableFloats(wanted.count) { elements in
      encoded.withBytes(0..<wanted.count * flat.info.rowByteCount) {
        flat.info.encoding.decode($0, into: &elements)
      }
    }
    return (wanted.lowerBound, floats.withFloats(wanted.count) { span in span.indices.map { span[$0] } })
  }
}
