/// A tensor that lies in pieces, each a box of its elements: what the ranks of a distributed checkpoint wrote.
///
/// The caller guarantees that pieces are inside of the shape, and that they have as many elements as it has; where they
/// overlap, and so leave a gap, a read is an error. Elements are whole bytes.
public struct Tiles: TensorData {
  /// One piece.
  public struct Tile: Sendable {
    /// Where its first element is in the whole.
    let offsets: [Int]
    public let shape: [Int]
    public let data: any TensorData

    public init(offsets: [Int], shape: [Int], data: any TensorData) {
      self.offsets = offsets
      self.shape = shape
      self.data = data
    }

    var columnCount: Int { shape.last ?? 1 }
    var firstColumn: Int { offsets.last ?? 0 }
  }

  private let tiles: [Tile]
  private let shape: [Int]
  private let elementByteCount: Int

  public init(_ tiles: [Tile], shape: [Int], elementByteCount: Int) {
    self.tiles = tiles
    self.shape = shape
    self.elementByteCount = elementByteCount
  }

  public func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    let columnCount = shape.last ?? 1
    let rowByteCount = columnCount * elementByteCount
    var row = rows.lowerBound
    while row < rows.upperBound {
      let index = index(of: row)
      let (covering, count) = run(from: index, atMost: rows.upperBound - row)
      guard covering.reduce(0, { $0 + $1.columnCount }) == columnCount else {
        throw OunceError(.malformed, "the pieces of a tensor do not cover its row \(row), or cover it twice")
      }
      for tile in covering {
        let start = (row - rows.lowerBound) * rowByteCount
        try bytes.withSlice(start..<start + count * rowByteCount) { (slice) throws(OunceError) in
          try read(tile, from: index, count, into: &slice)
        }
      }
      row += count
    }
  }

  /// Copies the columns of one tile into `count` whole rows.
  private func read(
    _ tile: Tile, from index: [Int], _ count: Int, into bytes: inout MutableRawSpan
  ) throws(OunceError) {
    var first = 0
    for (dimension, place) in index.enumerated() {
      first = first * tile.shape[dimension] + place - tile.offsets[dimension]
    }
    let rowByteCount = (shape.last ?? 1) * elementByteCount
    let partByteCount = tile.columnCount * elementByteCount
    if partByteCount == rowByteCount { return try tile.data.read(rows: first..<first + count, into: &bytes) }
    var part = Buffer(byteCount: count * partByteCount)
    try part.withMutableBytes(0..<count * partByteCount) { (span) throws(OunceError) in
      try tile.data.read(rows: first..<first + count, into: &span)
    }
    part.withBytes(0..<count * partByteCount) { source in
      for row in 0..<count {
        bytes.copy(
          source.extracting(row * partByteCount..<(row + 1) * partByteCount),
          to: row * rowByteCount + tile.firstColumn * elementByteCount)
      }
    }
  }

  /// The tiles that hold parts of a row, and how many rows from there on are in the same tiles.
  private func run(from index: [Int], atMost limit: Int) -> (tiles: [Tile], count: Int) {
    var covering: [Tile] = []
    guard let last = index.indices.last else { return (tiles, min(limit, 1)) }
    var end = min(shape[last], index[last] + limit)
    for tile in tiles {
      let isBeside = index.indices.dropLast().contains { dimension in
        !(tile.offsets[dimension]..<tile.offsets[dimension] + tile.shape[dimension]).contains(index[dimension])
      }
      let start = tile.offsets[last]
      guard !isBeside, tile.shape[last] > 0, start + tile.shape[last] > index[last] else { continue }
      if start > index[last] {
        end = min(end, start)
      } else {
        end = min(end, start + tile.shape[last])
        covering.append(tile)
      }
    }
    return (covering, end - index[last])
  }

  /// The place of a row in all dimensions but the last.
  private func index(of row: Int) -> [Int] {
    var index = [Int](repeating: 0, count: max(0, shape.count - 1))
    var rest = row
    for dimension in index.indices.reversed() {
      index[dimension] = rest % shape[dimension]
      rest /= shape[dimension]
    }
    return index
  }
}
