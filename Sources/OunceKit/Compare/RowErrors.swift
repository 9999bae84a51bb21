/// The error of one row.
public struct RowError: Sendable, Equatable {
  /// The row, counted over all leading dimensions.
  public let row: Int
  public let columnCount: Int
  var squaredError: Double
  var squaredA: Double

  public var rmse: Double { (squaredError / Double(max(1, columnCount))).squareRoot() }
  /// ‖a − b‖ / ‖a‖ of the row.
  public var relativeRMSE: Double {
    squaredError == 0
      ? 0 : squaredA == 0 || squaredError == .infinity ? .infinity : (squaredError / squaredA).squareRoot()
  }
}

/// The rows with the largest errors, of chunks that may begin and end anywhere: the first and the last row of a chunk
/// may go on in its neighbours.
struct RowErrors: Sendable {
  private var first: RowError?
  private var last: RowError?
  private var closed: [RowError] = []

  /// Adds the next row of a chunk.
  mutating func append(_ row: RowError) {
    if first == nil {
      first = row
      return
    }
    if let last { close(last) }
    last = row
  }

  /// Adds the rows of the chunk behind this one.
  mutating func append(_ next: RowErrors) {
    guard let head = next.first else { return }
    guard first != nil else {
      self = next
      return
    }
    extend(head)
    for row in next.closed { close(row) }
    guard let tail = next.last else { return }
    if let last { close(last) }
    last = tail
  }

  /// The worst rows, the worst first.
  var worst: [RowError] {
    var all = self
    for row in [first, last].compactMap({ $0 }) { all.close(row) }
    return all.closed
  }

  /// Goes on with the row that is open, or opens another.
  private mutating func extend(_ row: RowError) {
    if var open = last, open.row == row.row {
      open.add(row)
      last = open
    } else if last == nil, var open = first, open.row == row.row {
      open.add(row)
      first = open
    } else {
      append(row)
    }
  }

  private mutating func close(_ row: RowError) {
    guard row.squaredError > 0 else { return }
    let place = closed.firstIndex { ($0.squaredError, row.row) < (row.squaredError, $0.row) } ?? closed.count
    guard place < Self.count else { return }
    closed.insert(row, at: place)
    if closed.count > Self.count { closed.removeLast() }
  }

  private static let count = 3
}

extension RowError {
  fileprivate mutating func add(_ other: RowError) {
    squaredError += other.squaredError
    squaredA += other.squaredA
  }
}
