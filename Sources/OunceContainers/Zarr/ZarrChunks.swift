internal import OunceCore
internal import OunceEncoding

/// The files of one array's chunks.
struct ZarrChunks {
  /// Those that are there, by their names.
  private(set) var files: [InputFile] = []
  private let array: ZarrArray
  /// Chunks by their number in the grid of all chunks, the last dimension the fastest.
  private var chunks: [Int: InputFile] = [:]
  private let grid: [Int]
  private let chunkByteCount: Int

  init(_ array: ZarrArray, _ folder: Folder) throws(OunceError) {
    self.array = array
    func count(_ shape: [Int], _ part: [Int]) -> [Int] { zip(shape, part).map { ($0 + $1 - 1) / $1 } }
    grid = count(array.shape, array.chunkShape)
    chunkByteCount = try TensorInfo(name: "", shape: array.chunkShape, encoding: array.encoding).byteCount
    let fileGrid = count(array.shape, array.fileShape)
    let inFile = count(array.fileShape, array.chunkShape)
    var found: [(index: [Int], name: String)] = []
    try Self.find(array.keys, fileGrid, folder, &found)
    let perFile = try TensorInfo(name: "", shape: inFile, encoding: array.encoding).elementCount
    var storedByteCount = 0
    for (index, name) in found {
      let file = try folder.file(name)
      files.append(file)
      storedByteCount += file.byteCount
      guard let shard = array.shard else {
        try add(file, at: index)
        continue
      }
      for (number, chunk) in try shard.chunks(file, count: perFile).enumerated() {
        guard let chunk else { continue }
        let inner = Self.index(of: number, in: inFile)
        try add(chunk, at: zip(zip(index, inFile), inner).map { $0.0 * $0.1 + $1 })
      }
    }
    let (total, overflow) = chunkByteCount.multipliedReportingOverflow(by: chunks.count)
    guard !overflow, total <= array.codecs.limit(storedByteCount) else {
      throw OunceError(
        .malformed, "\(storedByteCount) bytes in \(chunks.count) chunks unpack to \(chunkByteCount) each: a bomb",
        file: folder.path, remedy: "when you trust the folder, save it without compression")
    }
    guard chunks.count < grid.reduce(1, *) else { return }
    guard array.fill != nil else {
      throw OunceError(
        .unsupported, "lacks chunks, and its fill value is none that this build knows",
        remedy: "save it again with zeros as the fill value")
    }
    // A description of a few bytes may ask for any size.
    let byteCount = try TensorInfo(name: "", shape: array.shape, encoding: array.encoding).byteCount
    guard byteCount <= Unpacking.limit(for: storedByteCount) else {
      throw OunceError(
        .unsupported, "has \(byteCount) bytes, but only \(storedByteCount) in files: the rest is a fill value",
        remedy: "save it again with all chunks written")
    }
  }

  /// Chunks of a shard that reach beyond the array are left out.
  private mutating func add(_ file: InputFile, at index: [Int]) throws(OunceError) {
    guard zip(index, grid).allSatisfy({ $0 < $1 }) else { return }
    let number = zip(index, grid).reduce(0) { $0 * $1.1 + $1.0 }
    chunks[number] = try array.codecs.decoded(file, byteCount: chunkByteCount)
  }

  private static func index(of number: Int, in grid: [Int]) -> [Int] {
    var rest = number
    return grid.reversed().map { size in
      defer { rest /= size }
      return rest % size
    }.reversed()
  }

  /// Looks for the files of chunks by what is in the folders, so that a grid of many costs nothing where there are few.
  private static func find(
    _ keys: ZarrArray.Keys, _ grid: [Int], _ folder: Folder, _ found: inout [(index: [Int], name: String)]
  ) throws(OunceError) {
    if grid.isEmpty {
      let name = keys.prefix ?? "0"
      if folder.hasFile(name) { found.append(([], name)) }
      return
    }
    if keys.separator == "." {
      for name in folder.names {
        var parts = name.split(separator: ".", omittingEmptySubsequences: false)
        if let prefix = keys.prefix {
          guard parts.first.map({ $0 == prefix }) == true else { continue }
          parts.removeFirst()
        }
        let index = parts.compactMap { number($0) }
        guard index.count == grid.count, parts.count == grid.count, zip(index, grid).allSatisfy({ $0 < $1 }),
          folder.hasFile(name)
        else { continue }
        found.append((index, name))
      }
      return
    }
    var start = folder
    if let prefix = keys.prefix {
      guard folder.hasFolder(prefix) else { return }
      start = try folder.folder(prefix)
    }
    try descend(start, grid[...], [], keys.prefix.map { $0 + "/" } ?? "", &found)
  }

  private static func descend(
    _ folder: Folder, _ grid: ArraySlice<Int>, _ index: [Int], _ path: String,
    _ found: inout [(index: [Int], name: String)]
  ) throws(OunceError) {
    guard let size = grid.first else { return }
    for name in folder.names {
      guard let place = number(name[...]), place < size else { continue }
      if grid.count > 1 {
        guard folder.hasFolder(name) else { continue }
        try descend(try folder.folder(name), grid.dropFirst(), index + [place], "\(path)\(name)/", &found)
      } else if folder.hasFile(name) {
        guard found.count < Limits.folderEntries else {
          throw OunceError(.malformed, "holds more than \(Limits.folderEntries) chunks", file: folder.path)
        }
        found.append((index + [place], path + name))
      }
    }
  }

  /// Digits as zarr writes a number: none too many.
  private static func number(_ text: Substring) -> Int? {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let number = Int(text),
      "\(number)" == text
    else { return nil }
    return number
  }

  /// All elements in C order. The caller has made `info` of the array.
  func data(_ info: TensorInfo) -> any TensorData {
    let views = chunks.mapValues { chunk -> any TensorData in
      let size = array.encoding.bytesPerBlock
      if array.order == Array(array.shape.indices) { return FileRegion(file: chunk, offset: 0, rowByteCount: size) }
      let stored = array.order.map { array.chunkShape[$0] }
      var strides = array.shape
      for (dimension, stride) in zip(array.order, Strided.rowMajor(stored)) { strides[dimension] = stride }
      let view = Strided.view(
        of: chunk, offset: 0, elementByteCount: size, shape: array.chunkShape, strides: strides)
      return Reshaped(view, baseRowByteCount: (array.chunkShape.last ?? 1) * size, rowByteCount: size)
    }
    let elements = ZarrElements(
      chunks: views, shape: array.shape, chunkShape: array.chunkShape, grid: grid,
      fill: array.fill ?? [UInt8](repeating: 0, count: array.encoding.bytesPerBlock), isBigEndian: array.isBigEndian)
    let rows = Reshaped(
      elements, baseRowByteCount: array.encoding.bytesPerBlock, rowByteCount: info.rowByteCount)
    let isSwapped = array.isBigEndian && !array.encoding.words.isEmpty
    return isSwapped ? ByteSwapped(rows, encoding: array.encoding) : rows
  }
}

/// The elements of an array one by one, in C order, fetched from its chunks in runs as long as can be.
private struct ZarrElements: TensorData {
  private let chunks: [Int: any TensorData]
  private let chunkShape: [Int]
  private let shape: [Int]
  private let grid: [Int]
  private let fill: [UInt8]
  /// The last dimension along which chunks are cut: behind it, all elements of a chunk are neighbours in the array.
  private let cut: Int
  /// Elements of one step along `cut`.
  private let stepCount: Int

  init(
    chunks: [Int: any TensorData], shape: [Int], chunkShape: [Int], grid: [Int], fill: [UInt8], isBigEndian: Bool
  ) {
    self.chunks = chunks
    self.shape = shape.isEmpty ? [1] : shape
    self.chunkShape = shape.isEmpty ? [1] : chunkShape
    self.grid = shape.isEmpty ? [1] : grid
    // In the order of the file: what comes out is turned with all else.
    self.fill = isBigEndian ? fill.reversed() : fill
    var cut = self.shape.count - 1
    var stepCount = 1
    while cut > 0, self.chunkShape[cut] == self.shape[cut] {
      stepCount *= self.shape[cut]
      cut -= 1
    }
    self.cut = cut
    self.stepCount = stepCount
  }

  func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    var element = rows.lowerBound
    while element < rows.upperBound {
      // The index of the element along the dimensions up to `cut`, and what is left behind them.
      var rest = element / stepCount
      let inStep = element % stepCount
      var chunk = 0
      var place = 0
      var index = [Int](repeating: 0, count: cut + 1)
      for dimension in (0...cut).reversed() {
        index[dimension] = rest % shape[dimension]
        rest /= shape[dimension]
      }
      for dimension in shape.indices {
        let position = dimension <= cut ? index[dimension] : 0
        chunk = chunk * grid[dimension] + position / chunkShape[dimension]
        place = place * chunkShape[dimension] + position % chunkShape[dimension]
      }
      let position = index[cut]
      let end = min(shape[cut], (position / chunkShape[cut] + 1) * chunkShape[cut])
      let count = min((end - position) * stepCount - inStep, rows.upperBound - element)
      let start = (element - rows.lowerBound) * fill.count
      try bytes.withSlice(start..<start + count * fill.count) { (slice) throws(OunceError) in
        if let data = chunks[chunk] {
          try data.read(rows: place + inStep..<place + inStep + count, into: &slice)
        } else {
          repeating(fill, count, &slice)
        }
      }
      element += count
    }
  }

  private func repeating(_ fill: [UInt8], _ count: Int, _ bytes: inout MutableRawSpan) {
    fill.withRawSpan { element in
      for index in 0..<count { bytes.copy(element, to: index * fill.count) }
    }
  }
}
