internal import OunceCore
internal import OunceEncoding

/// One reading of all pairs: stacked experts are told apart, so that two of hundreds do not drown.
struct LineagePass {
  /// What came of one pair.
  struct Outcome: Sendable {
    var figures = ErrorFigures()
    /// The worst of its parts: of stacked experts, or the whole.
    var worstPart = ErrorFigures()
    /// The worst rows, by their error.
    var worstRows: [RowError] = []
    /// Why it could not be compared.
    var reason: String?
  }

  let pairs: [TensorPair]
  private let parts: [TensorPair]
  /// The pair of each part, and its first row there.
  private let places: [(pair: Int, firstRow: Int)]

  init(_ pairs: [TensorPair]) throws(OunceError) {
    self.pairs = pairs
    var parts: [TensorPair] = []
    var places: [(pair: Int, firstRow: Int)] = []
    let stacked = pairs.count { $0.isStacked }
    for (index, pair) in pairs.enumerated() {
      let limit = max(1, min(Limits.partsOfStack, Limits.partsOfStacks / max(1, stacked)))
      for (part, firstRow) in try pair.parts(atMost: limit) {
        parts.append(part)
        places.append((index, firstRow))
      }
    }
    (self.parts, self.places) = (parts, places)
  }

  func outcomes(_ options: CompareOptions, _ onProgress: (Progress) -> Void) throws(OunceError) -> [Outcome] {
    var outcomes = pairs.map { Outcome(reason: $0.reason) }
    let errors = try ComparePass(pairs: parts, options: options).errors(onProgress)
    for (place, errors) in zip(places, errors) {
      outcomes[place.pair].add(errors, from: place.firstRow)
    }
    return outcomes
  }
}

extension LineagePass.Outcome {
  fileprivate mutating func add(_ errors: ChunkErrors, from firstRow: Int) {
    figures.add(errors.figures)
    if worstPart.elementCount == 0 || errors.figures.isWorse(than: worstPart) { worstPart = errors.figures }
    worstRows += errors.rows.worst.map { $0.moved(by: firstRow) }
    if worstRows.count > 6 {
      worstRows.sort { ($0.relativeRMSE, $1.row) > ($1.relativeRMSE, $0.row) }
      worstRows.removeSubrange(6...)
    }
  }
}

extension ErrorFigures {
  fileprivate func isWorse(than other: ErrorFigures) -> Bool { nmse > other.nmse }
}

extension RowError {
  /// The same row, counted from further up.
  fileprivate func moved(by rows: Int) -> RowError {
    RowError(row: row + rows, columnCount: columnCount, squaredError: squaredError, squaredA: squaredA)
  }
}

extension TensorPair {
  fileprivate var isStacked: Bool { cut?.isExact == false && a.info.shape.count == 3 && a.info.shape == b.info.shape }

  /// The pair in parts of some experts each; what is no stack is one part.
  fileprivate func parts(atMost limit: Int) throws(OunceError) -> [(TensorPair, firstRow: Int)] {
    let count = a.info.shape.first ?? 0
    guard isStacked, count > 1, limit > 1, a.scaling == nil, b.scaling == nil else { return [(self, 0)] }
    let step = (count + limit - 1) / limit
    var parts: [(TensorPair, firstRow: Int)] = []
    for first in stride(from: 0, to: count, by: step) {
      let range = first..<min(first + step, count)
      parts.append((try TensorPair(try a.slices(range), try b.slices(range)), first * a.info.shape[1]))
    }
    return parts
  }
}

extension Tensor {
  /// Some slices along the first of several dimensions.
  func slices(_ range: Range<Int>) throws(OunceError) -> Tensor {
    guard info.shape.count > 1 else { return self }
    let rows = info.shape.dropFirst().dropLast().reduce(1, *)
    let first = range.lowerBound * rows
    let data: any TensorData =
      if let region = self.data as? FileRegion {
        FileRegion(
          file: region.file, offset: region.offset + first * region.rowByteCount, rowByteCount: region.rowByteCount)
      } else {
        RowsFrom(first, of: self.data)
      }
    var part = try Tensor(
      name: info.name, shape: [range.count] + info.shape.dropFirst(), encoding: info.encoding, data: data)
    part.fileIndex = fileIndex
    return part
  }
}

/// The rows of another tensor from one on.
private struct RowsFrom: TensorData {
  private let first: Int
  private let base: any TensorData

  init(_ first: Int, of base: any TensorData) { (self.first, self.base) = (first, base) }

  func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    try base.read(rows: rows.lowerBound + first..<rows.upperBound + first, into: &bytes)
  }
}

extension Limits {
  /// Parts of a stack of experts that are told apart: of 512 experts, eight are one part.
  static let partsOfStack = 64
  /// Of all stacks together: three in each of 1000 layers.
  static let partsOfStacks = 200_000
}
