internal import OrderedCollections
internal import OunceCore

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// What the mean squares of one matrix's inputs look like: the figures of `llama-imatrix --show-statistics`.
///
/// All are over the columns of all experts that a token reached, in single precision.
public struct ImportanceStatistics: Sendable, Equatable {
  /// The name of the matrix.
  public let name: String
  /// Columns of all experts that a token reached.
  public let elementCount: Int
  public let expertCount: Int
  /// Experts that no token reached.
  public let unreachedCount: Int
  /// Tokens of the expert that saw most of them.
  public let tokenCount: Int
  public let sum: Float
  public let smallest: Float
  public let largest: Float
  public let mean: Float
  /// The standard deviation.
  public let deviation: Float
  /// The share of columns above 1e-5.
  public let activeShare: Float
  /// Bits of entropy of the columns' shares of the sum.
  public let entropy: Float
  /// The share of columns more than one standard deviation above the mean.
  public let outlierShare: Float
  /// The cosine between these sums and those of the same matrix one layer before; nil: there is none.
  public internal(set) var similarity: Float?

  /// Entropy as a share of what even columns would have.
  public var relativeEntropy: Float { elementCount > 1 ? entropy / log2(Float(elementCount)) : 0 }
  /// The number of the layer; nil: the matrix is in none.
  public var layer: Int? { TensorOrder.layer(of: name) }

  /// nil: no token reached any expert.
  init?(name: String, _ entry: ImportanceMatrix.Entry) {
    var means: [Float] = []
    means.reserveCapacity(entry.sums.count)
    for (expert, count) in entry.counts.enumerated() where count != 0 {
      for sum in entry.sums[expert * entry.columnCount..<(expert + 1) * entry.columnCount] {
        means.append(sum / Float(count))
      }
    }
    guard !means.isEmpty else { return nil }
    let total = means.reduce(0, +)
    let mean = total / Float(means.count)
    let squares = means.reduce(0) { $0 + $1 * $1 }
    let deviation = max(0, squares / Float(means.count) - mean * mean).squareRoot()
    let inactive = means.reduce(0) { $0 + ($1.magnitude <= 1e-5 ? 1 : 0) }
    self.name = name
    elementCount = means.count
    expertCount = entry.counts.count
    unreachedCount = entry.unreachedCount
    tokenCount = entry.counts.max() ?? 0
    sum = total
    smallest = means.min() ?? 0
    largest = means.max() ?? 0
    self.mean = mean
    self.deviation = deviation
    activeShare = 1 - Float(inactive) / Float(means.count)
    entropy =
      total > 0
      ? means.reduce(0) { sum, value in
        let share = value / total
        return share > 0 ? sum - share * log2(share) : sum
      } : 0
    let outliers = deviation > 0 ? means.reduce(0) { $0 + (($1 - mean) / deviation > 1 ? 1 : 0) } : 0
    outlierShare = Float(outliers) / Float(means.count)
  }
}

/// Averages over the matrices of one layer, weighted by their columns.
public struct LayerImportance: Sendable, Equatable {
  public let layer: Int
  /// The average of the sums.
  public let sum: Float
  public let outlierShare: Float
  public let similarity: Float
}

extension ImportanceMatrix {
  /// The statistics of each matrix that a token reached, in the order of layers and names.
  public var statistics: [ImportanceStatistics] {
    var list: [ImportanceStatistics] = []
    for (name, entry) in entries {
      guard var statistics = ImportanceStatistics(name: name, entry) else { continue }
      if let layer = statistics.layer, layer > 0,
        let before = entries[name.replacingPrefix("blk.\(layer).", with: "blk.\(layer - 1).")]
      {
        statistics.similarity = Self.cosine(entry.sums, before.sums)
      }
      list.append(statistics)
    }
    return list.sorted { a, b in
      let (first, second) = (a.layer ?? -1, b.layer ?? -1)
      return first == second ? a.name.utf8.lexicographicallyPrecedes(b.name.utf8) : first < second
    }
  }

  private static func cosine(_ a: [Float], _ b: [Float]) -> Float? {
    guard a.count == b.count else { return nil }
    func product(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    let magnitudes = product(a, a).squareRoot() * product(b, b).squareRoot()
    return magnitudes > 0 ? product(a, b) / magnitudes : nil
  }
}

extension [ImportanceStatistics] {
  /// The averages of each layer, the first layer first.
  public var layers: [LayerImportance] {
    Dictionary(grouping: self.filter { $0.layer != nil }, by: { $0.layer ?? 0 }).sorted { $0.key < $1.key }
      .map { layer, matrices in
        let total = matrices.reduce(Float(0)) { $0 + Float($1.elementCount) }
        func average(_ value: (ImportanceStatistics) -> Float) -> Float {
          matrices.reduce(0) { $0 + Float($1.elementCount) * value($1) } / total
        }
        return LayerImportance(
          layer: layer, sum: average(\.sum), outlierShare: average(\.outlierShare),
          similarity: average { $0.similarity ?? 0 })
      }
  }
}

extension String {
  fileprivate func replacingPrefix(_ prefix: String, with replacement: String) -> String {
    hasPrefix(prefix) ? replacement + dropFirst(prefix.count) : self
  }
}
