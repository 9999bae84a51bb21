/// What a first reading of elements gives: counts, extremes and their sum, in one order.
struct ElementSums: Sendable {
  private(set) var finiteCount = 0
  private(set) var zeroCount = 0
  private(set) var nanCount = 0
  private(set) var infiniteCount = 0
  private(set) var smallest = Double.infinity
  private(set) var largest = -Double.infinity
  private var sum = 0.0

  /// Of the finite elements; 0 when there is none.
  var mean: Double { finiteCount == 0 ? 0 : sum / Double(finiteCount) }

  init() {}

  init(_ elements: Span<Float>) {
    let whole = elements.count / 8 * 8
    var lanes = Lanes()
    for index in stride(from: 0, to: whole, by: 8) { lanes.add(elements.eight(index)) }
    self = lanes.sums
    for index in whole..<elements.count { add(Double(elements[index])) }
    // NaN and infinity are rare and spoil the sum: then once more, one by one.
    guard !sum.isFinite else { return }
    self = ElementSums()
    for index in elements.indices { add(Double(elements[index])) }
  }

  mutating func add(_ value: Double) {
    guard value.isFinite else {
      if value.isNaN { nanCount += 1 } else { infiniteCount += 1 }
      return
    }
    finiteCount += 1
    if value == 0 { zeroCount += 1 }
    smallest = min(smallest, value)
    largest = max(largest, value)
    sum += value
  }

  /// Adds what came of the elements behind these.
  mutating func add(_ other: ElementSums) {
    finiteCount += other.finiteCount
    zeroCount += other.zeroCount
    nanCount += other.nanCount
    infiniteCount += other.infiniteCount
    smallest = min(smallest, other.smallest)
    largest = max(largest, other.largest)
    sum += other.sum
  }

  /// Eight sums, which a vector unit adds at once.
  private struct Lanes {
    private var count = 0
    private var zeros = SIMD8<Int64>.zero
    private var smallest = SIMD8<Float>(repeating: .infinity)
    private var largest = SIMD8<Float>(repeating: -.infinity)
    private var sum = SIMD8<Double>.zero

    @inline(__always)
    mutating func add(_ elements: SIMD8<Float>) {
      let values = SIMD8<Double>(elements)
      count += 8
      zeros.replace(with: zeros &+ 1, where: values .== 0)
      smallest.replace(with: elements, where: elements .< smallest)
      largest.replace(with: elements, where: elements .> largest)
      sum += values
    }

    var sums: ElementSums {
      var sums = ElementSums()
      sums.finiteCount = count
      sums.zeroCount = Int(zeros.wrappedSum())
      sums.smallest = Double(smallest.min())
      sums.largest = Double(largest.max())
      sums.sum = sum.sum()
      return sums
    }
  }
}

/// What a second reading gives, when extremes and mean are known: how elements are spread around it.
struct ElementSpread: Sendable {
  /// Σ (x − mean)²
  private(set) var squares = 0.0
  private(set) var bins = [Int](repeating: 0, count: TensorStatistics.binCount)
  private let mean: Double
  private let smallest: Double
  private let range: Double

  init(_ sums: ElementSums) {
    mean = sums.mean
    smallest = sums.smallest
    range = sums.largest - sums.smallest
  }

  mutating func add(_ elements: Span<Float>) {
    var own = 0.0
    for index in elements.indices { add(Double(elements[index]), &own) }
    squares += own
  }

  mutating func add(_ elements: [Double]) {
    var own = 0.0
    for element in elements { add(element, &own) }
    squares += own
  }

  @inline(__always)
  private mutating func add(_ value: Double, _ squares: inout Double) {
    guard value.isFinite else { return }
    squares += (value - mean) * (value - mean)
    let place = range > 0 ? (value - smallest) / range : 0.5
    let count = TensorStatistics.binCount
    bins[max(0, min(count - 1, Int(place * Double(count))))] += 1
  }
}

extension Span<Float> {
  @inline(__always)
  fileprivate func eight(_ index: Int) -> SIMD8<Float> {
    SIMD8(
      self[index], self[index + 1], self[index + 2], self[index + 3], self[index + 4], self[index + 5],
      self[index + 6], self[index + 7])
  }
}
