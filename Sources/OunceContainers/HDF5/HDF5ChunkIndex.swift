internal import OunceCore

/// A chunk that was written.
struct HDF5Chunk: Sendable {
  /// Which chunk of the dataset it is, counted with the last dimension fastest.
  let index: Int
  let place: Int
  let byteCount: Int
  /// Bit `i` says that filter `i` was left out.
  let mask: Int
}

/// Where the chunks of a dataset are.
enum HDF5ChunkIndex: Sendable {
  /// Sorted by index; what is missing was never written.
  case list([HDF5Chunk])
  /// All of them from this place on, and those that the dataset may still get: so many in each dimension.
  case consecutive(place: Int, counts: [Int])
}

/// How a dataset is cut into chunks.
struct HDF5ChunkGrid: Sendable {
  let shape: [Int]
  /// The sizes of one chunk, also where it reaches beyond the dataset.
  let chunkShape: [Int]
  let elementByteCount: Int
  /// The bytes of one chunk.
  let byteCount: Int
  /// How many chunks there are in each dimension.
  let counts: [Int]

  /// Where a chunk begins in the grid, from its place among all of a list that counts these many in each dimension.
  static func coordinates(_ index: Int, _ counts: [Int]) -> [Int] {
    var rest = index
    var coordinates = [Int](repeating: 0, count: counts.count)
    for dimension in counts.indices.reversed() where counts[dimension] > 0 {
      coordinates[dimension] = rest % counts[dimension]
      rest /= counts[dimension]
    }
    return coordinates
  }

  /// The index of the chunk at these coordinates; nil when it is outside of the dataset.
  func index(_ coordinates: [Int]) -> Int? {
    var index = 0
    for (coordinate, count) in zip(coordinates, counts) {
      guard coordinate < count else { return nil }
      index = index * count + coordinate
    }
    return index
  }

  /// Whether a chunk reaches beyond the dataset.
  func isEdge(_ coordinates: [Int]) -> Bool {
    zip(coordinates, zip(shape, chunkShape)).contains { ($0 + 1) * $1.1 > $1.0 }
  }
}

/// Reads the index of chunks, whichever of the seven kinds it is.
struct HDF5ChunkIndexReader {
  let source: HDF5Source
  let grid: HDF5ChunkGrid
  let layout: HDF5ChunkedLayout
  let isFiltered: Bool
  /// What the sizes of the dataset may become; nil: anything.
  let limits: [Int?]
  private var chunks: [HDF5Chunk] = []

  init(
    _ source: HDF5Source, _ grid: HDF5ChunkGrid, _ layout: HDF5ChunkedLayout, isFiltered: Bool, limits: [Int?]
  ) {
    self.source = source
    self.grid = grid
    self.layout = layout
    self.isFiltered = isFiltered
    self.limits = limits
  }

  mutating func index() throws(OunceError) -> HDF5ChunkIndex {
    guard let place = layout.place, !grid.counts.contains(0) else { return .list([]) }
    switch layout.index {
    case .tree: try tree(at: place)
    case .single(let byteCount, let mask):
      try append([Int](repeating: 0, count: grid.counts.count), place, byteCount ?? grid.byteCount, mask, at: place)
    case .implicit: return try consecutive(at: place)
    case .fixedArray:
      let array = try HDF5FixedArray(source, at: place)
      let counts = try boundedCounts(at: place)
      try array.walk { (index, element) throws(OunceError) in
        try self.element(&element, HDF5ChunkGrid.coordinates(index, counts))
      }
    case .extensibleArray: try extensibleArray(at: place)
    case .newTree: try newTree(at: place)
    }
    chunks.sort { $0.index < $1.index }
    for (chunk, next) in zip(chunks, chunks.dropFirst()) where chunk.index == next.index {
      throw source.malformed("a dataset has two chunks of number \(chunk.index)", at: place)
    }
    return .list(chunks)
  }

  /// Notes a chunk, unless it is outside of the dataset: one that was larger once.
  private mutating func append(
    _ coordinates: [Int], _ place: Int, _ byteCount: Int, _ mask: Int, at entryPlace: Int
  ) throws(OunceError) {
    guard let index = grid.index(coordinates) else { return }
    let isRaw = !isFiltered || (layout.leavesEdgesUnfiltered && grid.isEdge(coordinates))
    let byteCount = isRaw ? grid.byteCount : byteCount
    guard byteCount <= source.end - place else {
      throw source.malformed(
        "the chunk of \(byteCount) bytes at byte \(place) reaches beyond the end of the data", at: entryPlace)
    }
    // Deflated bytes are never much more than what they stand for.
    guard byteCount <= grid.byteCount + grid.byteCount / 8 + 4096 else {
      throw source.malformed(
        "the chunk is stored in \(byteCount) bytes, but has only \(grid.byteCount)", at: entryPlace)
    }
    chunks.append(HDF5Chunk(index: index, place: place, byteCount: byteCount, mask: isRaw ? -1 : mask))
  }

  /// An entry of an array: an address, and for filtered chunks their byte count and which filters were left out.
  private mutating func element(_ element: inout HDF5Block, _ coordinates: [Int]) throws(OunceError) {
    let start = element.offset
    guard let place = try element.address() else { return }
    guard isFiltered else {
      guard element.remainingByteCount == 0 else { throw element.malformed("entries of a wrong size") }
      return try append(coordinates, place, grid.byteCount, 0, at: start)
    }
    let width = element.remainingByteCount - 4
    guard (1...8).contains(width) else { throw element.malformed("entries of a wrong size") }
    let byteCount = try element.number(width)
    try append(coordinates, place, byteCount, try element.number(4), at: start)
  }

  /// How many chunks there may become in each dimension.
  private func boundedCounts(at place: Int) throws(OunceError) -> [Int] {
    var counts: [Int] = []
    for (limit, size) in zip(limits, grid.chunkShape) {
      guard let limit else { throw source.malformed("this index of chunks cannot grow without limit", at: place) }
      counts.append(limit / size + (limit % size == 0 ? 0 : 1))
    }
    return counts
  }

  private func consecutive(at place: Int) throws(OunceError) -> HDF5ChunkIndex {
    guard !isFiltered else { throw source.malformed("filtered chunks have no index", at: place) }
    let counts = try boundedCounts(at: place)
    var byteCount = grid.byteCount
    for count in counts {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: count)
      guard !overflow, product <= source.end - place else {
        throw source.malformed(
          "\(counts) chunks of \(grid.byteCount) bytes reach beyond the end of the data", at: place)
      }
      byteCount = product
    }
    return .consecutive(place: place, counts: counts)
  }

  /// Keys are the byte count (4), the filters that were left out (4), and where the chunk begins in elements (8 for each
  /// dimension and for the element itself).
  private mutating func tree(at place: Int) throws(OunceError) {
    let sizes = grid.chunkShape
    var tree = HDF5OldTree(source, type: 1, keyByteCount: 8 + 8 * (sizes.count + 1))
    try tree.walk(at: place) { (key, child) throws(OunceError) in
      let start = key.offset
      let (byteCount, mask) = (try key.number(4), try key.number(4))
      var coordinates: [Int] = []
      for size in sizes {
        let offset = try key.number(8)
        guard offset % size == 0 else {
          throw key.malformed("a chunk begins at \(offset), which is no multiple of \(size)", at: start)
        }
        coordinates.append(offset / size)
      }
      guard isFiltered || byteCount == grid.byteCount else {
        throw key.malformed("a chunk of \(byteCount) bytes, where all have \(grid.byteCount)", at: start)
      }
      try append(coordinates, child, byteCount, mask, at: start)
    }
  }

  /// Records are an address, for filtered chunks the byte count and the filters that were left out, and the coordinates.
  private mutating func newTree(at place: Int) throws(OunceError) {
    let tree = try HDF5NewTree(source, at: place, type: isFiltered ? 11 : 10)
    let headByteCount = tree.recordByteCount - 8 * grid.counts.count
    guard headByteCount > 0 else {
      throw source.malformed("records of \(tree.recordByteCount) bytes do not hold a chunk", at: place)
    }
    try tree.walk { (record) throws(OunceError) in
      var head = try record.slice(headByteCount)
      var coordinates: [Int] = []
      for _ in grid.counts { coordinates.append(try record.number(8)) }
      try element(&head, coordinates)
    }
  }

  /// The dimension without limit comes first in the count.
  private mutating func extensibleArray(at place: Int) throws(OunceError) {
    guard let free = limits.firstIndex(where: { $0 == nil }), !limits[(free + 1)...].contains(where: { $0 == nil })
    else { throw source.malformed("an index of one dimension that grows, but there is not just one", at: place) }
    var counts: [Int] = []
    for (limit, size) in zip(limits, grid.chunkShape) {
      if let limit { counts.append(limit / size + (limit % size == 0 ? 0 : 1)) }
    }
    // The index of an element never goes beyond this.
    counts.insert(.max, at: 0)
    let array = try HDF5ExtensibleArray(source, at: place)
    try array.walk { (index, element) throws(OunceError) in
      var coordinates = HDF5ChunkGrid.coordinates(index, counts)
      coordinates.insert(coordinates.removeFirst(), at: free)
      try self.element(&element, coordinates)
    }
  }
}
