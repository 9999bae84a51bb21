/// Elements of a file that lie at fixed distances: transposed and sliced tensors, and arrays in column-major order.
///
/// Element `[i, j, …]` begins `(i · strides[0] + j · strides[1] + …) · elementByteCount` bytes after `offset`. The
/// caller guarantees that every element is inside of the file and that strides are not negative. Rows of the view are
/// those of `shape`.
public struct Strided: TensorData {
  private let file: InputFile
  private let offset: Int
  private let elementByteCount: Int
  private let shape: [Int]
  /// In elements.
  private let strides: [Int]

  public init(file: InputFile, offset: Int, elementByteCount: Int, shape: [Int], strides: [Int]) {
    self.file = file
    self.offset = offset
    self.elementByteCount = elementByteCount
    self.shape = shape.isEmpty ? [1] : shape
    self.strides = shape.isEmpty ? [1] : strides
  }

  /// The strides of an array without gaps whose last dimension is the fastest.
  public static func rowMajor(_ shape: [Int]) -> [Int] {
    var stride = 1
    return shape.reversed().map { size in
      defer { stride &*= max(size, 1) }
      return stride
    }.reversed()
  }

  /// The strides of an array without gaps whose first dimension is the fastest.
  public static func columnMajor(_ shape: [Int]) -> [Int] { rowMajor(shape.reversed()).reversed() }

  /// The view of `shape` that suits these strides best: rows in a file where they are in order, turned matrices where
  /// two dimensions were exchanged, else elements one by one.
  public static func view(
    of file: InputFile, offset: Int, elementByteCount: Int, shape: [Int], strides: [Int]
  ) -> any TensorData {
    let columns = shape.last ?? 1
    let isInOrder = zip(shape, zip(strides, rowMajor(shape))).allSatisfy { $0 < 2 || $1.0 == $1.1 }
    if isInOrder { return FileRegion(file: file, offset: offset, rowByteCount: columns * elementByteCount) }
    if shape.count == 2, strides == columnMajor(shape) {
      let base = FileRegion(file: file, offset: offset, rowByteCount: shape[0] * elementByteCount)
      return Transposed(base, rowCount: shape[1], columnCount: shape[0], elementByteCount: elementByteCount)
    }
    return Strided(file: file, offset: offset, elementByteCount: elementByteCount, shape: shape, strides: strides)
  }

  /// Elements that are fetched together, in the order of the file.
  private static let batchCount = 64 << 10
  /// Bytes of the file that are held at once.
  private static let windowByteCount = 1 << 20
  /// What a file reads at once anyway: to skip less than this saves nothing.
  private static let pageByteCount = 4096

  public func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    var index = start(of: rows.lowerBound)
    let count = rows.count * (shape.last ?? 1)
    for first in stride(from: 0, to: count, by: Self.batchCount) {
      var batch: [(place: Int, element: Int)] = []
      batch.reserveCapacity(min(Self.batchCount, count - first))
      for element in first..<min(first + Self.batchCount, count) {
        batch.append((place(of: index), element))
        advance(&index)
      }
      batch.sort { $0.place < $1.place }
      try fetch(batch, &bytes)
    }
  }

  /// Reads elements that are sorted by their place, those that are near each other at once.
  private func fetch(_ batch: [(place: Int, element: Int)], _ bytes: inout MutableRawSpan) throws(OunceError) {
    var first = 0
    while first < batch.count {
      let start = batch[first].place
      var end = first + 1
      while end < batch.count, batch[end].place - batch[end - 1].place <= Self.pageByteCount,
        batch[end].place + elementByteCount - start <= Self.windowByteCount
      {
        end += 1
      }
      let window = try file.bytes(start..<batch[end - 1].place + elementByteCount)
      window.withRawSpan { window in
        for (place, element) in batch[first..<end] {
          bytes.copy(
            window.extracting(place - start..<place - start + elementByteCount), to: element * elementByteCount)
        }
      }
      first = end
    }
  }

  private func place(of index: [Int]) -> Int {
    var place = 0
    for dimension in index.indices { place += index[dimension] * strides[dimension] }
    return offset + place * elementByteCount
  }

  /// The index of the first element of a row.
  private func start(of row: Int) -> [Int] {
    var index = [Int](repeating: 0, count: shape.count)
    var rest = row
    for dimension in shape.indices.dropLast().reversed() {
      index[dimension] = rest % shape[dimension]
      rest /= shape[dimension]
    }
    return index
  }

  private func advance(_ index: inout [Int]) {
    for dimension in shape.indices.reversed() {
      index[dimension] += 1
      if index[dimension] < shape[dimension] { return }
      index[dimension] = 0
    }
  }
}
