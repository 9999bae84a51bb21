internal import OunceEncoding
public import OunceCore

/// What the elements of one tensor are like.
///
/// Floats are looked at in single precision, to which F64 is rounded; blocks are decoded; whole numbers are counted as
/// they are. NaN and infinity are counted and left out of all other figures.
public struct TensorStatistics: Sendable, Equatable {
  /// Bins of a histogram.
  public static let binCount = 64

  public let name: String
  /// Its encoding, or the way in which its planes are quantized.
  public let dtype: String
  public let shape: [Int]
  /// Of complex numbers, their parts.
  public let elementCount: Int
  public let zeroCount: Int
  public let nanCount: Int
  public let infiniteCount: Int
  /// Of the finite elements; nil: there is none.
  public let smallest: Double?
  public let largest: Double?
  public let mean: Double?
  /// √(Σ (x − mean)² / n)
  public let deviation: Double?
  /// How many elements lie in each of `binCount` equal parts of `smallest...largest`; of a constant tensor, all are in
  /// the middle. Empty where no element is finite.
  public let histogram: [Int]

  init(_ tensor: Tensor, elementCount: Int, _ sums: ElementSums, _ spread: ElementSpread) {
    name = tensor.info.name
    dtype = tensor.stored?.name ?? tensor.info.encoding.name
    shape = tensor.info.shape
    self.elementCount = elementCount
    (zeroCount, nanCount, infiniteCount) = (sums.zeroCount, sums.nanCount, sums.infiniteCount)
    guard sums.finiteCount > 0 else {
      (smallest, largest, mean, deviation, histogram) = (nil, nil, nil, nil, [])
      return
    }
    (smallest, largest, mean) = (sums.smallest, sums.largest, sums.mean)
    deviation = (spread.squares / Double(sums.finiteCount)).squareRoot()
    histogram = spread.bins
  }

  /// The share of elements that are zero.
  public var zeroShare: Double { Double(zeroCount) / Double(max(1, elementCount)) }
}

extension TensorStatistics {
  /// As docs/schemas/inspect.json describes it.
  public var json: JSON {
    func number(_ value: Double?) -> JSON { value.map(JSON.double) ?? .null }
    return .object([
      "elementCount": .integer(elementCount), "zeroCount": .integer(zeroCount), "nanCount": .integer(nanCount),
      "infiniteCount": .integer(infiniteCount), "min": number(smallest), "max": number(largest),
      "mean": number(mean), "deviation": number(deviation), "histogram": .array(histogram.map(JSON.integer)),
    ])
  }
}
