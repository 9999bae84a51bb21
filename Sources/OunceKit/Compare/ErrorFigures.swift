#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// How far elements of one tensor, `b`, lie from those of another, `a`: sums of one pass, and the figures they give.
///
/// Sums are kept in double precision and added in one order, chunk by chunk, so that they do not depend on threads.
/// Elements that are NaN or infinite in the same way on both sides are equal; all others of that kind make every figure
/// as bad as it can be.
public struct ErrorFigures: Sendable, Equatable {
  public internal(set) var elementCount = 0
  /// Elements with different values.
  public internal(set) var differingCount = 0
  /// Elements that are NaN or infinite on one side and something else on the other.
  public internal(set) var nonFiniteCount = 0
  /// The extremes of the finite elements of `a`; infinite in the wrong order when there are none.
  public internal(set) var smallest = Double.infinity
  public internal(set) var largest = -Double.infinity
  var largestError = 0.0
  var absoluteError = 0.0
  var squaredError = 0.0
  var squaredA = 0.0
  var squaredB = 0.0
  var product = 0.0

  public init() {}

  public var isIdentical: Bool { differingCount == 0 && nonFiniteCount == 0 }

  /// max |a − b|
  public var maxError: Double { isFinite ? largestError : .infinity }
  /// Σ |a − b| / n
  public var meanError: Double { isFinite ? absoluteError / Double(max(1, elementCount)) : .infinity }
  /// √(Σ (a − b)² / n)
  public var rmse: Double { isFinite ? (squaredError / Double(max(1, elementCount))).squareRoot() : .infinity }
  /// ‖a − b‖² / ‖a‖²; 0 where both are all zeros.
  public var nmse: Double {
    guard isFinite else { return .infinity }
    return squaredError == 0 ? 0 : squaredA == 0 ? .infinity : squaredError / squaredA
  }
  /// ‖a − b‖ / ‖a‖
  public var relativeRMSE: Double { nmse.squareRoot() }
  /// a · b / (‖a‖ ‖b‖); 1 where both are all zeros, 0 where one is.
  public var cosine: Double {
    guard isFinite else { return .nan }
    if squaredA == 0 || squaredB == 0 { return squaredA == squaredB ? 1 : 0 }
    // The roots before the product: squares of large weights would overflow. Equal tensors have exactly 1.
    return isIdentical ? 1 : product / (squaredA.squareRoot() * squaredB.squareRoot())
  }
  /// Signal to quantization noise in decibels: 10 log₁₀(‖a‖² / ‖a − b‖²); infinite where nothing differs.
  public var sqnr: Double {
    guard isFinite else { return -.infinity }
    return nmse == 0 ? .infinity : nmse == .infinity ? -.infinity : -10 * log10(nmse)
  }

  private var isFinite: Bool { nonFiniteCount == 0 }

  /// Adds what came of the elements behind these.
  mutating func add(_ other: ErrorFigures) {
    elementCount += other.elementCount
    differingCount += other.differingCount
    nonFiniteCount += other.nonFiniteCount
    smallest = min(smallest, other.smallest)
    largest = max(largest, other.largest)
    largestError = max(largestError, other.largestError)
    absoluteError += other.absoluteError
    squaredError += other.squaredError
    squaredA += other.squaredA
    squaredB += other.squaredB
    product += other.product
  }

  /// Adds one pair of numbers.
  mutating func add(_ a: Double, _ b: Double, isEqual: Bool) {
    elementCount += 1
    guard a.isFinite, b.isFinite else {
      if !isEqual { nonFiniteCount += 1 }
      return
    }
    let error = (a - b).magnitude
    if !isEqual { differingCount += 1 }
    smallest = min(smallest, a)
    largest = max(largest, a)
    largestError = max(largestError, error)
    absoluteError += error
    squaredError += error * error
    squaredA += a * a
    squaredB += b * b
    product += a * b
  }
}

extension ErrorFigures {
  /// The figures of `range` of two runs of floats.
  init(_ a: Span<Float>, _ b: Span<Float>, _ range: Range<Int>) {
    let whole = range.lowerBound + range.count / 8 * 8
    var lanes = Lanes()
    var index = range.lowerBound
    while index < whole {
      lanes.add(
        SIMD8(
          a[index], a[index + 1], a[index + 2], a[index + 3], a[index + 4], a[index + 5], a[index + 6], a[index + 7]),
        SIMD8(
          b[index], b[index + 1], b[index + 2], b[index + 3], b[index + 4], b[index + 5], b[index + 6], b[index + 7]))
      index += 8
    }
    self = lanes.figures
    while index < range.upperBound {
      addFloats(a[index], b[index])
      index += 1
    }
    // NaN and infinity are rare and spoil the sums: then once more, one by one.
    guard !(squaredA + squaredB).isFinite else { return }
    self = ErrorFigures()
    for index in range { addFloats(a[index], b[index]) }
  }

  private mutating func addFloats(_ a: Float, _ b: Float) {
    add(Double(a), Double(b), isEqual: a == b || (a.isNaN && b.isNaN))
  }

  /// Eight sums of each kind, which a vector unit adds at once.
  private struct Lanes {
    private var count = 0
    private var differing = SIMD8<Int64>.zero
    private var smallest = SIMD8<Float>(repeating: .infinity)
    private var largest = SIMD8<Float>(repeating: -.infinity)
    private var largestError = SIMD8<Double>.zero
    private var absoluteError = SIMD8<Double>.zero
    private var squaredError = SIMD8<Double>.zero
    private var squaredA = SIMD8<Double>.zero
    private var squaredB = SIMD8<Double>.zero
    private var product = SIMD8<Double>.zero

    @inline(__always)
    mutating func add(_ left: SIMD8<Float>, _ right: SIMD8<Float>) {
      let (a, b) = (SIMD8<Double>(left), SIMD8<Double>(right))
      let difference = a - b
      let error = difference.replacing(with: -difference, where: difference .< 0)
      count += 8
      differing.replace(with: differing &+ 1, where: error .!= 0)
      smallest.replace(with: left, where: left .< smallest)
      largest.replace(with: left, where: left .> largest)
      largestError.replace(with: error, where: error .> largestError)
      absoluteError += error
      squaredError += error * error
      squaredA += a * a
      squaredB += b * b
      product += a * b
    }

    var figures: ErrorFigures {
      var figures = ErrorFigures()
      figures.elementCount = count
      figures.differingCount = Int(differing.wrappedSum())
      figures.smallest = Double(smallest.min())
      figures.largest = Double(largest.max())
      figures.largestError = largestError.max()
      figures.absoluteError = absoluteError.sum()
      figures.squaredError = squaredError.sum()
      figures.squaredA = squaredA.sum()
      figures.squaredB = squaredB.sum()
      figures.product = product.sum()
      return figures
    }
  }
}
