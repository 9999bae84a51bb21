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
  /// Elements of a sub-block: 16 or 32.
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

  /// Points in a sub-block.
  var groupCount: Int { count / neighbours.digitCount }
}

/// A sub-block of at most 32 elements.
@unsafe struct GridSubBlock {
  /// Magnitudes; negative where a wrong sign is stored.
  let x: UnsafeMutablePointer<Float>
  let weights: UnsafeMutablePointer<Float>
  let roots: UnsafeMutablePointer<Float>
  /// The packed digits of at most eight points.
  let points: UnsafeMutablePointer<Int32>
  /// The signs of each eight elements.
  let signs: UnsafeMutablePointer<Int32>
}

/// What the scalar search needs beside.
@unsafe private struct GridScratch {
  let candidate: UnsafeMutablePointer<Int32>
  /// Whether the digits of points were on the grid.
  let isOnGrid: UnsafeMutablePointer<Int32>
  let candidateIsOnGrid: UnsafeMutablePointer<Int32>

  @inline(__always)
  static func with(_ body: (GridSubBlock, GridScratch, _ scales: UnsafeMutablePointer<Float>) -> Void) {
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 96 + 16) { floats in
      unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: 40) { numbers in
        unsafe floats.initialize(repeating: 0)
        unsafe numbers.initialize(repeating: 0)
        guard let x = floats.baseAddress, let points = numbers.baseAddress else { return }
        unsafe body(
          GridSubBlock(x: x, weights: x + 32, roots: x + 64, points: points, signs: points + 32),
          GridScratch(candidate: points + 8, isOnGrid: points + 16, candidateIsOnGrid: points + 24), x + 96)
      }
    }
  }
}

extension GridEncoding {
  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    let search = search
    unsafe target.update(repeating: 0, count: bytesPerBlock)
    let squares = unsafe GridSearch.squares(x)
    unsafe GridScratch.with { part, scratch, scales in
      var storedCount = 0
      for b in 0..<256 / search.count {
        let first = search.count * b
        unsafe search.load(x + first, importance.map { unsafe $0 + first }, squares, part)
        guard let scale = unsafe search.fit(part, scratch) else { continue }
        unsafe store(part, b, storedCount: storedCount, search, into: target)
        storedCount += 1
        unsafe scales[b] = scale
      }
      unsafe storeScales(scales, search, into: target)
    }
  }

  /// Stores the scale of a block and those of its sub-blocks.
  func storeScales(_ scales: UnsafePointer<Float>, _ search: GridSearch, into target: UnsafeMutablePointer<UInt8>) {
    var largest: Float = 0
    for b in 0..<256 / search.count { largest = unsafe largest > scales[b] ? largest : scales[b] }
    if largest == 0 {
      if clearsZeroBlocks { unsafe target.update(repeating: 0, count: bytesPerBlock) }
      return
    }
    let scale = largest / 31
    for b in 0..<256 / search.count {
      let code = unsafe clamp(nearestInteger(0.5 * (1 / scale * scales[b] - 1)), 0, 15)
      unsafe storeScale(UInt8(code), b, into: target)
    }
    unsafe target.storeHalf(scale * search.factor, at: 0)
  }
}

extension GridSearch {
  static func squares(_ x: UnsafePointer<Float>) -> Float {
    var squares: Float = 0
    for i in 0..<256 { unsafe squares += x[i] * x[i] }
    return squares
  }

  /// Magnitudes, signs and weights of a sub-block.
  func load(
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
      var bits: Int32 = 0
      for i in 0..<8 where unsafe x[8 * k + i] < 0 { bits |= 1 << Int32(i) }
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
        bits ^= 1 << Int32(least)
      }
      unsafe part.signs[k] = storesSevenSigns ? bits & 127 : bits
    }
  }

  /// The scale of a sub-block; nil: it is zero. Leaves its points and signs in `part`.
  fileprivate func fit(_ part: GridSubBlock, _ scratch: GridScratch) -> Float? {
    var largest = unsafe part.x[0]
    for i in 1..<count { largest = unsafe largest > part.x[i] ? largest : part.x[i] }
    if largest < smallest { return nil }
    var scale = largest / Float(2 * neighbours.top + 1)
    if startsFromCodes {
      scale = unsafe scaleOfCodes(part)
      largest = scale * Float(neighbours.top + 1)
      if largest <= 0 { return nil }
    }
    for k in 0..<groupCount {
      unsafe part.points[k] = neighbours.origin
      unsafe scratch.isOnGrid[k] = refit == .offGrid ? 1 : 0
    }
    var best: Float = 0
    for k in -steps...steps {
      let inverse = self.inverse(k) / largest
      for group in 0..<groupCount {
        unsafe choose(part, group, inverse, 1 / inverse, scratch.candidate, scratch.candidateIsOnGrid)
      }
      let sums = unsafe sums(part, scratch.candidate)
      guard sums.q2 > 0, sums.qx * sums.qx > best * sums.q2 else { continue }
      scale = sums.qx / sums.q2
      best = scale * sums.qx
      unsafe part.points.update(from: scratch.candidate, count: groupCount)
      unsafe scratch.isOnGrid.update(from: scratch.candidateIsOnGrid, count: groupCount)
    }
    scale = unsafe refitted(part, scratch, scale)
    if scale < 0 {
      scale = -scale
      unsafe flipSigns(part)
    }
    return scale
  }

  /// Inverse scale `k`, times the largest element.
  @inline(__always)
  func inverse(_ k: Int) -> Float { Float(2 * neighbours.top + 1) + Float(k) * step }

  /// The scale with which plain codes fit best.
  func scaleOfCodes(_ part: GridSubBlock) -> Float {
    var scale: Float = 0
    unsafe withCodes(count) { codes in
      scale = unsafe positiveFitTruth(
        part.x, weights: part.weights, count: count, levels: Int32(neighbours.top + 2), codes: codes)
    }
    return scale
  }

  /// Turns a negative scale's sign over to the elements.
  func flipSigns(_ part: GridSubBlock) {
    for k in 0..<count / 8 { unsafe part.signs[k] ^= storesSevenSigns ? 127 : 255 }
  }

  /// Chooses points once more with the best scale; gives the scale they have.
  private func refitted(_ part: GridSubBlock, _ scratch: GridScratch, _ scale: Float) -> Float {
    let someOffGrid = (0..<groupCount).contains { unsafe scratch.isOnGrid[$0] == 0 }
    guard scale > 0, refit == .always || someOffGrid else { return scale }
    for group in 0..<groupCount where unsafe refit != .offGrid || scratch.isOnGrid[group] == 0 {
      unsafe choose(part, group, 1 / scale, scale, part.points, scratch.candidateIsOnGrid)
    }
    let sums = unsafe sums(part, part.points)
    return sums.q2 > 0 ? sums.qx / sums.q2 : scale
  }

  @inline(__always)
  private func choose(
    _ part: GridSubBlock, _ group: Int, _ inverse: Float, _ scale: Float, _ points: UnsafeMutablePointer<Int32>,
    _ isOnGrid: UnsafeMutablePointer<Int32>
  ) {
    let first = group * neighbours.digitCount
    let point = unsafe neighbours.point(part.x + first, roots: part.roots + first, inverse: inverse, scale: scale)
    unsafe points[group] = point.key
    unsafe isOnGrid[group] = point.isOnGrid ? 1 : 0
  }

  private func sums(_ part: GridSubBlock, _ points: UnsafePointer<Int32>) -> (qx: Float, q2: Float) {
    var qx: Float = 0
    var q2: Float = 0
    let width = neighbours.digitCount
    for i in 0..<count {
      let q = unsafe neighbours.value(points[i / width], i % width)
      unsafe qx += part.weights[i] * part.x[i] * q
      unsafe q2 += part.weights[i] * q * q
    }
    return (qx, q2)
  }
}
