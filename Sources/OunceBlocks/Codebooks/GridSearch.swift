internal import OunceEncoding

// The search for scales, signs and points of a super-block of a grid type, one sub-block at a time.
// (quantize_row_iq2_xxs_impl and its siblings of
// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c)

/// What differs between the grid types.
struct GridSearch: Sendable {
  enum Refit: Sendable {
    /// Only points whose digits were off the grid are chosen again with the best scale.
    case offGrid
    /// All points, when one was off the grid, or no candidate was adopted.
    case allWhenOffGrid
    /// All points, always.
    case always
  }

  let neighbours: GridNeighbours
  /// Elements of a sub-block.
  let count: Int
  /// Inverse scales to try: (2 top + 1 + `step` * k) / largest, for k from -`steps` through `steps`.
  let steps: Int
  let step: Float
  let refit: Refit
  /// Seven of eight signs are stored, so an even number of them is negative.
  var storesSevenSigns = false
  /// The largest element is taken from a search for a scale of plain codes.
  var startsFromCodes = false
  /// A sub-block without a magnitude of this size is zero.
  var smallest: Float
  /// What the mean square counts for in the weights with importance, and without.
  let spread: Float
  var plainSpread: Float = 0
  /// What the scale of a super-block is multiplied with when it is stored.
  let factor: Float
}

/// Memory for one sub-block of at most 32 elements.
@unsafe struct GridSubBlock {
  let x: UnsafeMutablePointer<Float>
  let weights: UnsafeMutablePointer<Float>
  let roots: UnsafeMutablePointer<Float>
  /// The numbers of the points, and those of a candidate.
  let points: UnsafeMutablePointer<Int>
  let candidate: UnsafeMutablePointer<Int>
  /// Whether the digits of points were on the grid.
  let isOnGrid: UnsafeMutablePointer<Int>
  let candidateIsOnGrid: UnsafeMutablePointer<Int>
  /// The signs of each eight elements.
  let signs: UnsafeMutablePointer<Int>

  @inline(__always)
  static func with(_ body: (GridSubBlock, _ scales: UnsafeMutablePointer<Float>) -> Void) {
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 96 + 16) { floats in
      unsafe withUnsafeTemporaryAllocation(of: Int.self, capacity: 40) { numbers in
        unsafe floats.initialize(repeating: 0)
        unsafe numbers.initialize(repeating: 0)
        guard let x = floats.baseAddress, let points = numbers.baseAddress else { return }
        unsafe body(
          GridSubBlock(
            x: x, weights: x + 32, roots: x + 64, points: points, candidate: points + 8, isOnGrid: points + 16,
            candidateIsOnGrid: points + 24, signs: points + 32), x + 96)
      }
    }
  }
}

extension GridSearch {
  /// Encodes the 256 elements at `x`.
  ///
  /// - Parameters:
  ///   - store: receives the number of each sub-block that is not zero, and its points and signs.
  ///   - storeScale: receives the number of each sub-block and its scale of four bits.
  /// - Returns: the scale of the super-block as stored; nil: all scales are zero and `storeScale` was not called.
  func encode(
    _ x: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?, store: (Int, GridSubBlock) -> Void,
    storeScale: (Int, UInt8) -> Void
  ) -> Float? {
    var squares: Float = 0
    for i in 0..<256 { unsafe squares += x[i] * x[i] }
    var result: Float?
    unsafe GridSubBlock.with { part, scales in
      var largest: Float = 0
      for b in 0..<256 / count {
        let own = unsafe x + count * b
        unsafe load(own, importance.map { unsafe $0 + count * b }, squares, part)
        guard let scale = unsafe fit(part) else { continue }
        unsafe store(b, part)
        unsafe scales[b] = scale
        largest = largest > scale ? largest : scale
      }
      if largest == 0 { return }
      let scale = largest / 31
      for b in 0..<256 / count {
        let code = unsafe clamp(nearestInteger(0.5 * (1 / scale * scales[b] - 1)), 0, 15)
        storeScale(b, UInt8(code))
      }
      result = scale * factor
    }
    return result
  }

  /// Magnitudes, signs and weights of a sub-block.
  private func load(
    _ x: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?, _ squares: Float, _ part: GridSubBlock
  ) {
    let sigma = spread * squares / 256
    for i in 0..<count {
      let value = unsafe x[i]
      let weight =
        unsafe importance.map { unsafe $0[i] * (sigma + value * value).squareRoot() }
        ?? (plainSpread == 0 ? value * value : plainSpread * sigma + value * value)
      unsafe part.weights[i] = weight
      unsafe part.roots[i] = weight.squareRoot()
      unsafe part.x[i] = value >= 0 ? value : -value
    }
    for k in 0..<count / 8 {
      var bits = 0
      for i in 0..<8 where unsafe x[8 * k + i] < 0 { bits |= 1 << i }
      if storesSevenSigns && bits.nonzeroBitCount % 2 == 1 {
        // The element that matters least gets the wrong sign.
        var least = 0
        var smallest = Float.infinity
        for i in 0..<8 {
          let size = unsafe part.weights[8 * k + i] * x[8 * k + i] * x[8 * k + i]
          if i == 0 || size < smallest {
            smallest = size
            least = i
          }
        }
        unsafe part.x[8 * k + least] = -part.x[8 * k + least]
        bits ^= 1 << least
      }
      unsafe part.signs[k] = storesSevenSigns ? bits & 127 : bits
    }
  }

  /// The scale of a sub-block; nil: it is zero. Leaves its points and signs in `part`.
  private func fit(_ part: GridSubBlock) -> Float? {
    var largest = unsafe part.x[0]
    for i in 1..<count { largest = unsafe largest > part.x[i] ? largest : part.x[i] }
    if largest < smallest { return nil }
    var scale = largest / Float(2 * neighbours.top + 1)
    if startsFromCodes {
      unsafe withCodes(count) { codes in
        scale = unsafe positiveFitTruth(
          part.x, weights: part.weights, count: count, levels: Int32(neighbours.top + 2), codes: codes)
      }
      largest = scale * Float(neighbours.top + 1)
      if largest <= 0 { return nil }
    }
    let groups = count / neighbours.digitCount
    for k in 0..<groups {
      unsafe part.points[k] = neighbours.origin
      unsafe part.isOnGrid[k] = refit == .offGrid ? 1 : 0
    }
    var best: Float = 0
    for k in -steps...steps {
      let inverse = (Float(2 * neighbours.top + 1) + Float(k) * step) / largest
      for group in 0..<groups {
        unsafe choose(part, group, inverse, 1 / inverse, part.candidate, part.candidateIsOnGrid)
      }
      let sums = unsafe sums(part, part.candidate)
      guard sums.q2 > 0, sums.qx * sums.qx > best * sums.q2 else { continue }
      scale = sums.qx / sums.q2
      best = scale * sums.qx
      unsafe part.points.update(from: part.candidate, count: groups)
      unsafe part.isOnGrid.update(from: part.candidateIsOnGrid, count: groups)
    }
    scale = unsafe refitted(part, scale)
    if scale < 0 {
      scale = -scale
      for k in 0..<count / 8 { unsafe part.signs[k] ^= storesSevenSigns ? 127 : 255 }
    }
    return scale
  }

  /// Chooses points once more with the best scale; gives the scale they have.
  private func refitted(_ part: GridSubBlock, _ scale: Float) -> Float {
    let groups = count / neighbours.digitCount
    let someOffGrid = (0..<groups).contains { unsafe part.isOnGrid[$0] == 0 }
    guard scale > 0, refit == .always || someOffGrid else { return scale }
    for group in 0..<groups where unsafe refit != .offGrid || part.isOnGrid[group] == 0 {
      unsafe choose(part, group, 1 / scale, scale, part.points, part.candidateIsOnGrid)
    }
    let sums = unsafe sums(part, part.points)
    return sums.q2 > 0 ? sums.qx / sums.q2 : scale
  }

  @inline(__always)
  private func choose(
    _ part: GridSubBlock, _ group: Int, _ inverse: Float, _ scale: Float, _ points: UnsafeMutablePointer<Int>,
    _ isOnGrid: UnsafeMutablePointer<Int>
  ) {
    let first = group * neighbours.digitCount
    let point = unsafe neighbours.point(part.x + first, roots: part.roots + first, inverse: inverse, scale: scale)
    unsafe points[group] = point.number
    unsafe isOnGrid[group] = point.isOnGrid ? 1 : 0
  }

  private func sums(_ part: GridSubBlock, _ points: UnsafePointer<Int>) -> (qx: Float, q2: Float) {
    var qx: Float = 0
    var q2: Float = 0
    let width = neighbours.digitCount
    for i in 0..<count {
      let q = unsafe neighbours.values[width * points[i / width] + i % width]
      unsafe qx += part.weights[i] * part.x[i] * q
      unsafe q2 += part.weights[i] * q * q
    }
    return (qx, q2)
  }
}

/// A block of a grid type is encoded on its own, by the scalar search.
protocol GridEncoding: BlockTruth {}

extension GridEncoding {
  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    unsafe withRows(elements, columns: columns, importance: importance, into: &blocks) { rows in
      let blocksPerRow = unsafe max(1, rows.columns / 256)
      for block in unsafe 0..<rows.count {
        let weights = unsafe rows.importance.map { unsafe $0 + block % blocksPerRow * 256 }
        unsafe encodeBlock(
          rows.x + 256 * block, importance: weights, meanSquare: 0, into: rows.target + bytesPerBlock * block)
      }
    }
  }
}
