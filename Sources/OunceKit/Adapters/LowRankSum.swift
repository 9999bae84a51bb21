internal import OunceCore
internal import OunceEncoding

/// Rows of W + scale · L·R: computed row by row from the base's rows and the factors, in single precision, rounded
/// once.
///
/// A call reads the factor R whole: rank times columns floats.
struct LowRankSum: TensorData {
  let base: any TensorData
  let source: any Encoding
  let target: any WritableEncoding
  let columnCount: Int
  /// `[rows, rank]` and `[rank, columns]`.
  let left: Factor
  let right: Factor
  let scale: Float
  /// The length that each row gets; nil: rows keep theirs.
  let magnitudes: [Float]?

  func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    let count = rows.count * columnCount
    guard count > 0 else { return }
    var encoded = Buffer(byteCount: count / source.elementsPerBlock * source.bytesPerBlock)
    try encoded.withMutableBytes(0..<encoded.byteCount) { (span) throws(OunceError) in
      try base.read(rows: rows, into: &span)
    }
    let (left, right) = (try left.floats(rows), try right.floats(0..<right.rowCount))
    var floats = Buffer(byteCount: count * 4)
    floats.withMutableFloats(count) { elements in
      encoded.withBytes(0..<encoded.byteCount) { source.decode($0, into: &elements) }
      var delta = [Float](repeating: 0, count: columnCount)
      for row in 0..<rows.count {
        add(left, right, row, &delta, to: &elements)
        if let magnitudes { rescale(row, to: magnitudes[rows.lowerBound + row], &elements) }
      }
    }
    floats.withFloats(count) { target.encode($0, columns: columnCount, importance: nil, into: &bytes) }
  }

  /// Adds one row of the product.
  private func add(
    _ left: [Float], _ right: [Float], _ row: Int, _ delta: inout [Float], to elements: inout MutableSpan<Float>
  ) {
    let rank = self.left.columnCount
    for column in delta.indices { delta[column] = 0 }
    for k in 0..<rank {
      let factor = left[row * rank + k]
      let start = k * columnCount
      for column in 0..<columnCount { delta[column] += factor * right[start + column] }
    }
    let start = row * columnCount
    for column in 0..<columnCount { elements[start + column] += scale * delta[column] }
  }

  private func rescale(_ row: Int, to magnitude: Float, _ elements: inout MutableSpan<Float>) {
    let start = row * columnCount
    var squares: Float = 0
    for column in start..<start + columnCount { squares += elements[column] * elements[column] }
    guard squares > 0 else { return }
    let factor = magnitude / squares.squareRoot()
    for column in start..<start + columnCount { elements[column] *= factor }
  }
}

/// One factor of a product, read when it is needed, or turned over and held in memory.
struct Factor: Sendable {
  private enum Content: Sendable {
    case stored(Tensor)
    case memory([Float])
  }

  private let content: Content
  let rowCount: Int
  let columnCount: Int

  /// - Parameter isTransposed: whether rows and columns change places; the whole tensor is then read now.
  init(_ tensor: Tensor, isTransposed: Bool) throws(OunceError) {
    let (rows, columns) = (tensor.info.shape[0], tensor.info.shape[1])
    if isTransposed {
      let floats = try tensor.floats()
      var turned = [Float](repeating: 0, count: floats.count)
      for row in 0..<rows {
        for column in 0..<columns { turned[column * rows + row] = floats[row * columns + column] }
      }
      content = .memory(turned)
      (rowCount, columnCount) = (columns, rows)
    } else {
      content = .stored(tensor)
      (rowCount, columnCount) = (rows, columns)
    }
  }

  func floats(_ rows: Range<Int>) throws(OunceError) -> [Float] {
    switch content {
    case .stored(let tensor): try tensor.floats(rows)
    case .memory(let values): Array(values[rows.lowerBound * columnCount..<rows.upperBound * columnCount])
    }
  }
}
