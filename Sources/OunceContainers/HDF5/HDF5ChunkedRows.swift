internal import OunceCore

/// Rows of a dataset that is stored in chunks. Chunks are taken one after the other, each once for all rows that are
/// read from it; what was never written is the fill value.
struct HDF5ChunkedRows: TensorData {
  private let file: InputFile
  private let grid: HDF5ChunkGrid
  private let index: HDF5ChunkIndex
  private let filters: HDF5Filters
  /// One element.
  private let fillValue: [UInt8]
  private let cache: HDF5ChunkCache
  /// Where the header of the dataset is.
  private let dataset: Int
  private let rowByteCount: Int

  init(
    file: InputFile, grid: HDF5ChunkGrid, index: HDF5ChunkIndex, filters: HDF5Filters, fillValue: [UInt8],
    cache: HDF5ChunkCache, dataset: Int
  ) {
    self.file = file
    self.grid = grid
    self.index = index
    self.filters = filters
    self.fillValue = fillValue
    self.cache = cache
    self.dataset = dataset
    rowByteCount = (grid.shape.last ?? 1) * grid.elementByteCount
  }

  /// Elements of a dataset: a range in each dimension.
  private typealias Box = [Range<Int>]

  func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    guard !rows.isEmpty, rowByteCount > 0 else { return }
    for box in boxes(rows) {
      // The chunks that the box touches, in the order of the grid.
      let chunks = zip(box, grid.chunkShape).map { $0.lowerBound / $1...($0.upperBound - 1) / $1 }
      var coordinates = chunks.map(\.lowerBound)
      repeat {
        var part: Box = []
        for (dimension, coordinate) in coordinates.enumerated() {
          let start = coordinate * grid.chunkShape[dimension]
          part.append(box[dimension].clamped(to: start..<start + grid.chunkShape[dimension]))
        }
        try copy(part, of: coordinates, firstRow: rows.lowerBound, &bytes)
      } while advance(&coordinates, chunks)
    }
  }

  /// Rows as boxes: rows that begin or end in the middle of a dimension, and what lies between them.
  private func boxes(_ rows: Range<Int>) -> [Box] {
    let outer = Array(grid.shape.dropLast())
    let columns = 0..<(grid.shape.last ?? 1)
    var boxes: [Box] = []
    // The rows below each index of a dimension.
    let strides = Strided.rowMajor(outer)
    func split(_ range: Range<Int>, _ dimension: Int, _ prefix: Box) {
      guard dimension < outer.count, !range.isEmpty else {
        if dimension == outer.count, !range.isEmpty { boxes.append(prefix + [columns]) }
        return
      }
      let stride = strides[dimension]
      var (first, last) = (range.lowerBound / stride, (range.upperBound - 1) / stride)
      let (head, tail) = (range.lowerBound % stride, range.upperBound % stride)
      if first == last, head != 0 || tail != 0 {
        let end = range.upperBound - first * stride
        return split(head..<end, dimension + 1, prefix + [first..<first + 1])
      }
      if head != 0 {
        split(head..<stride, dimension + 1, prefix + [first..<first + 1])
        first += 1
      }
      let end = tail == 0 ? last + 1 : last
      if first < end {
        boxes.append(prefix + [first..<end] + outer[(dimension + 1)...].map { 0..<$0 } + [columns])
      }
      if tail != 0 {
        last = range.upperBound / stride
        split(0..<tail, dimension + 1, prefix + [last..<last + 1])
      }
    }
    split(rows, 0, [])
    return boxes
  }

  /// The next coordinates inside of `ranges`, the last dimension fastest; false behind the last.
  private func advance(_ coordinates: inout [Int], _ ranges: [ClosedRange<Int>]) -> Bool {
    for dimension in coordinates.indices.reversed() {
      if coordinates[dimension] < ranges[dimension].upperBound {
        coordinates[dimension] += 1
        return true
      }
      coordinates[dimension] = ranges[dimension].lowerBound
    }
    return false
  }

  /// Copies a part of one chunk.
  private func copy(
    _ part: Box, of coordinates: [Int], firstRow: Int, _ bytes: inout MutableRawSpan
  ) throws(OunceError) {
    let origin = zip(coordinates, grid.chunkShape).map { $0 * $1 }
    guard let chunk = chunk(coordinates) else { return fill(part, firstRow: firstRow, &bytes) }
    if chunk.mask == -1 || filters.filters.isEmpty { return try window(part, chunk, origin, firstRow, &bytes) }
    let content = try cache.chunk(
      HDF5ChunkCache.Key(dataset: dataset, chunk: chunk.index), byteCount: grid.byteCount
    ) { () throws(OunceError) in
      do throws(OunceError) {
        return try filters.undo(
          try file.bytes(chunk.place..<chunk.place + chunk.byteCount), mask: chunk.mask, byteCount: grid.byteCount)
      } catch {
        var error = error.located(file: file.path)
        error.offset = error.offset ?? chunk.place
        error.remedy = error.remedy ?? "the file is damaged; fetch it again"
        throw error
      }
    }
    copy(part, from: content, at: 0, origin, firstRow, &bytes)
  }

  private func chunk(_ coordinates: [Int]) -> HDF5Chunk? {
    guard let number = grid.index(coordinates) else { return nil }
    switch index {
    case .consecutive(let place, let counts):
      let number = zip(coordinates, counts).reduce(0) { $0 * $1.1 + $1.0 }
      return HDF5Chunk(index: number, place: place + number * grid.byteCount, byteCount: grid.byteCount, mask: -1)
    case .list(let chunks):
      var (low, high) = (0, chunks.count)
      while low < high {
        let middle = (low + high) / 2
        if chunks[middle].index < number { low = middle + 1 } else { high = middle }
      }
      return low < chunks.count && chunks[low].index == number ? chunks[low] : nil
    }
  }

  /// The most bytes of the file that are read at once.
  private static let windowByteCount = 1 << 20

  /// Copies a part of a chunk without filters, in pieces that lie close together in the file.
  private func window(
    _ part: Box, _ chunk: HDF5Chunk, _ origin: [Int], _ firstRow: Int, _ bytes: inout MutableRawSpan
  ) throws(OunceError) {
    let start = place(part.map(\.lowerBound), origin)
    let end = place(part.map { $0.upperBound - 1 }, origin) + grid.elementByteCount
    guard end - start > Self.windowByteCount, let dimension = part.firstIndex(where: { $0.count > 1 }) else {
      let window = try file.bytes(chunk.place + start..<chunk.place + end)
      return copy(part, from: window, at: start, origin, firstRow, &bytes)
    }
    let range = part[dimension]
    let middle = range.lowerBound + range.count / 2
    for half in [range.lowerBound..<middle, middle..<range.upperBound] {
      var piece = part
      piece[dimension] = half
      try window(piece, chunk, origin, firstRow, &bytes)
    }
  }

  /// Where an element is in its chunk, in bytes.
  private func place(_ indices: [Int], _ origin: [Int]) -> Int {
    var place = 0
    for dimension in indices.indices {
      place = place * grid.chunkShape[dimension] + indices[dimension] - origin[dimension]
    }
    return place * grid.elementByteCount
  }

  /// Where an element goes: behind the rows before it.
  private func target(_ indices: [Int], _ firstRow: Int) -> Int {
    var row = 0
    for dimension in indices.indices.dropLast() { row = row * grid.shape[dimension] + indices[dimension] }
    return (row - firstRow) * rowByteCount + (indices.last ?? 0) * grid.elementByteCount
  }

  /// Copies runs of a chunk whose bytes from `base` on are `content`.
  private func copy(
    _ part: Box, from content: [UInt8], at base: Int, _ origin: [Int], _ firstRow: Int,
    _ bytes: inout MutableRawSpan
  ) {
    let ranges = runs(part)
    var indices = part.map(\.lowerBound)
    let byteCount = (part.last?.count ?? 1) * grid.elementByteCount
    content.withRawSpan { content in
      repeat {
        let start = place(indices, origin) - base
        bytes.copy(content.extracting(start..<start + byteCount), to: target(indices, firstRow))
      } while advance(&indices, ranges)
    }
  }

  private func fill(_ part: Box, firstRow: Int, _ bytes: inout MutableRawSpan) {
    let ranges = runs(part)
    var indices = part.map(\.lowerBound)
    let byteCount = (part.last?.count ?? 1) * grid.elementByteCount
    repeat {
      let start = target(indices, firstRow)
      bytes.withSlice(start..<start + byteCount) { $0.fill(fillValue) }
    } while advance(&indices, ranges)
  }

  /// The first elements of the runs of a part.
  private func runs(_ part: Box) -> [ClosedRange<Int>] {
    part.dropLast().map { $0.lowerBound...($0.upperBound - 1) }
      + part.suffix(1).map { $0.lowerBound...$0.lowerBound }
  }
}

/// Rows of a dataset of which nothing was ever written.
struct HDF5FillRows: TensorData {
  let fillValue: [UInt8]

  func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) { bytes.fill(fillValue) }
}

extension MutableRawSpan {
  /// Repeats an element.
  fileprivate mutating func fill(_ element: [UInt8]) {
    guard byteCount > 0, !element.isEmpty else { return }
    // Many elements are copied at once, but no more than there is room for.
    let repeats = min(max(4096 / element.count, 1), byteCount / element.count)
    let pattern = Array(repeatElement(element, count: repeats).joined())
    pattern.withRawSpan { pattern in
      var place = 0
      while place < byteCount {
        let count = min(pattern.byteCount, byteCount - place)
        copy(pattern.extracting(0..<count), to: place)
        place += count
      }
    }
  }
}
