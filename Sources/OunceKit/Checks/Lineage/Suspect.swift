internal import OunceCore
internal import OunceEncoding

/// A tensor that lies too far from its source, with a sample of its rows: what explains the distance is tried on them.
struct Suspect: Sendable {
  let pair: TensorPair
  let outcome: LineagePass.Outcome
  let range: ErrorRange
  /// The source as single precision.
  let expected: Tensor
  let found: Tensor
  let sample: RowSample
  /// The sampled rows of the source, where the shapes are the same.
  let expectedRows: [Float]
  let foundRows: [Float]
  /// The error of the sampled rows as they are.
  let error: Double

  var name: String { pair.b.info.name }
  /// Whether the tensor as a whole is in range, and only single rows are not.
  var isPartial: Bool { outcome.reason == nil && range.holds(outcome.figures) }

  /// Whether most rows are in range, and the others spoil the tensor.
  var isLocal: Bool {
    guard !expectedRows.isEmpty, expectedRows.count == foundRows.count else { return false }
    if isPartial { return true }
    let columns = max(1, found.info.columnCount)
    let starts = stride(from: 0, to: foundRows.count, by: columns)
    let wrong = starts.count { start in
      let row = start..<start + columns
      return Self.relativeError(expectedRows[row], foundRows[row]) > range.sample
    }
    return found.info.rowCount > 4 && 2 * wrong < foundRows.count / columns
  }

  init(_ pair: TensorPair, _ outcome: LineagePass.Outcome) throws(OunceError) {
    self.pair = pair
    self.outcome = outcome
    range = ErrorRange(pair.b)
    let isAlike = outcome.reason == nil
    found = try pair.b.dequantized().inSinglePrecision()
    let source = try pair.a.dequantized().inSinglePrecision()
    // Sizes of 1 may be left out.
    expected = isAlike ? try source.reshaped(found.info.shape) : source
    sample = [pair.a, pair.b].contains { $0.info.encoding.kind == .complex } ? RowSample.none : RowSample(found.info)
    foundRows = try sample.read(found)
    expectedRows = isAlike ? try sample.read(expected) : []
    error = isAlike ? Self.relativeError(expectedRows, foundRows) : .infinity
  }

  /// The error if the source were `view`; as soon as the first rows are far off, that of those.
  func error(_ view: Tensor) throws(OunceError) -> Double {
    guard view.info.shape == found.info.shape, let first = sample.runs.first else { return .infinity }
    let values = try view.floats(first)
    let begun = Self.relativeError(values, foundRows[..<min(values.count, foundRows.count)])
    if begun > max(range.row, 2 * range.sample) { return begun }
    return Self.relativeError(try sample.read(view), foundRows)
  }

  /// The error if the sampled rows of the source were `values`.
  func error(of values: some Sequence<Float>) -> Double { Self.relativeError(values, foundRows) }

  /// Whether an error explains the tensor: it is in range, and much less than that of the tensor as it is.
  func isExplained(by error: Double) -> Bool { error <= range.sample && error < 0.85 * self.error }

  /// ‖a − b‖ / ‖a‖; infinite where there is nothing.
  static func relativeError(_ a: some Sequence<Float>, _ b: some Sequence<Float>) -> Double {
    var (squaredError, squared) = (0.0, 0.0)
    var isEmpty = true
    for (x, y) in zip(a, b) {
      isEmpty = false
      let (x, y) = (Double(x), Double(y))
      squaredError += (x - y) * (x - y)
      squared += x * x
    }
    guard !isEmpty, squaredError.isFinite, squared.isFinite else { return .infinity }
    return squaredError == 0 ? 0 : squared == 0 ? .infinity : (squaredError / squared).squareRoot()
  }
}

/// Rows that stand for a tensor: runs of neighbours, spread over all of it, the same each time.
struct RowSample: Sendable {
  let runs: [Range<Int>]

  /// No rows at all.
  static let none = RowSample(runs: [])

  private init(runs: [Range<Int>]) { self.runs = runs }

  init(_ info: TensorInfo) {
    let columns = max(1, info.columnCount)
    guard info.rowCount > 0, columns <= Self.elementCount else {
      runs = []
      return
    }
    let rows = min(64, max(1, Self.elementCount / columns))
    guard rows < info.rowCount else {
      runs = [0..<info.rowCount]
      return
    }
    let width = min(8, rows)
    let count = rows / width
    let step = info.rowCount / count
    runs = (0..<count).map { index in
      // Heads and experts repeat every so many rows; an odd distance avoids to meet the same place in each.
      let start = min(info.rowCount - width, index * step + index * 7919 % max(1, step - width))
      return start..<start + width
    }
  }

  func read(_ tensor: Tensor) throws(OunceError) -> [Float] {
    var values: [Float] = []
    for run in runs { values += try tensor.floats(run) }
    return values
  }

  /// Elements of a sample; a longer row has none.
  private static let elementCount = 1 << 20
}

extension Tensor {
  /// The same elements in single precision.
  func inSinglePrecision() throws(OunceError) -> Tensor {
    guard info.encoding.name != "F32", let target = Encodings.writable("F32") else { return self }
    return try Tensor(
      name: info.name, shape: info.shape, encoding: target,
      data: Mapped(data, from: info.encoding, to: target, columnCount: info.columnCount) { _ in })
  }
}
