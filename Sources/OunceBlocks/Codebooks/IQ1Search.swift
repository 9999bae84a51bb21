internal import OunceEncoding

// What the encoders of IQ1_S and IQ1_M share: elements are close to scale * (digit - 1 ± 1/8). The digits follow from
// two cuts through the sorted elements, which are searched exhaustively; then each eight are snapped to the grid.
// (quantize_row_iq1_s_impl and quantize_row_iq1_m_impl of
// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c)

/// An encoding with the grid of IQ1: how elements share scales and shifts, and what is stored where.
protocol IQ1Encoding: BlockTruth {
  /// Elements of a sub-block: 32 or 16.
  static var width: Int { get }
  /// A sub-block without a magnitude of this size is zero.
  static var smallest: Float { get }
  /// The shifts of a sub-block as bits, a set bit being negative: all of them set.
  static var allShifts: Int32 { get }
  /// The shift of eight elements of a sub-block, ± 1/8.
  static func shift(_ shifts: Int32, _ group: Int) -> Float

  /// The best cuts through a sub-block.
  static func cuts(
    _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, _ order: UnsafePointer<Int>, _ cuts: inout IQ1Cuts)
  /// The same for sub-blocks in lanes.
  static func cuts(_ sorted: IQ1Sorted, _ cuts: inout IQ1LaneCuts)

  /// Stores a block whose sub-blocks are fitted. The target is all zeros.
  func store(_ block: IQ1Block, into target: UnsafeMutablePointer<UInt8>)
}

/// The fit of a block of 256 elements.
@unsafe struct IQ1Block {
  let x: UnsafePointer<Float>
  let weights: UnsafeMutablePointer<Float>
  /// Of each sub-block; 0, like shifts and points: the sub-block is zero.
  let scales: UnsafeMutablePointer<Float>
  let shifts: UnsafeMutablePointer<Int32>
  /// The packed digits of points: point k of sub-block b at `stride` k + b.
  let points: UnsafeMutablePointer<Int32>
  let stride: Int

  @inline(__always)
  func point(_ b: Int, _ k: Int) -> Int32 { unsafe points[stride * k + b] }
  /// The number of a point in the grid.
  @inline(__always)
  func number(_ b: Int, _ k: Int) -> Int32 { unsafe IQ1.neighbours.places[Int(point(b, k))] }

  /// Computes the weights of all elements.
  @inline(__always)
  func weigh(_ importance: UnsafePointer<Float>?) {
    guard let importance = unsafe importance else {
      for i in 0..<256 { unsafe weights[i] = x[i] * x[i] }
      return
    }
    let spread = unsafe 2 * GridSearch.squares(x) / 256
    for i in 0..<256 { unsafe weights[i] = importance[i] * (spread + x[i] * x[i]).squareRoot() }
  }

  /// The largest scale of the sub-blocks.
  func largestScale(_ count: Int) -> Float {
    var largest: Float = 0
    for b in 0..<count { largest = unsafe largest > scales[b] ? largest : scales[b] }
    return largest
  }
}

/// The best cuts: elements before `first` in sorted order have digit 0, from `second` on digit 2.
struct IQ1Cuts {
  var first = -1
  var second = -1
  var shifts: Int32 = 0
  var scale: Float = 0
  var score = -Float.greatestFiniteMagnitude

  @inline(__always)
  mutating func consider(_ first: Int, _ second: Int, _ shifts: Int32, qx: Float, q2: Float) {
    guard q2 > 0, qx * qx > score * q2 else { return }
    scale = qx / q2
    score = scale * qx
    self.first = first
    self.second = second
    self.shifts = shifts
  }
}

enum IQ1 {
  static let neighbours = GridNeighbours(grid: gridIQ1S, digitCount: 8, digitBits: 2, top: 2, distances: 3)

  /// What digit i of a point stands for, to be multiplied with the scale.
  @inline(__always)
  static func level(_ key: Int32, _ i: Int, _ shift: Float) -> Float {
    (neighbours.value(key, i) - 3) * 0.5 + shift
  }

  /// The numbers of the elements in ascending order; equal elements keep theirs.
  fileprivate static func sort(_ x: UnsafePointer<Float>, count: Int, into order: UnsafeMutablePointer<Int>) {
    for i in 0..<count {
      var place = i
      while place > 0, unsafe x[order[place - 1]] > x[i] {
        unsafe order[place] = order[place - 1]
        place -= 1
      }
      unsafe order[place] = i
    }
  }

  /// The point for eight digits, as packed digits: itself, or the closest of its neighbours, the first of equals.
  fileprivate static func point(
    _ key: Int32, _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, scale: Float, shift: Float
  ) -> (key: Int32, isOnGrid: Bool) {
    let place = neighbours.places[Int(key)]
    if place >= 0 { return (key, true) }
    let (start, chunks) = GridNeighbours.run(place)
    var best = Int32(neighbours.keys[start])
    var smallest = Float.greatestFiniteMagnitude
    for n in start..<start + 8 * Int(chunks) {
      let candidate = Int32(neighbours.keys[n])
      var distance: Float = 0
      for i in 0..<8 {
        let difference = unsafe scale * level(candidate, i, shift) - x[i]
        unsafe distance += weights[i] * difference * difference
      }
      if distance < smallest {
        smallest = distance
        best = candidate
      }
    }
    return (best, false)
  }
}

extension IQ1Encoding {
  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 256 + 16) { floats in
      unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: 16 + 64) { numbers in
        unsafe floats.initialize(repeating: 0)
        unsafe numbers.initialize(repeating: 0)
        guard let weights = floats.baseAddress, let shifts = numbers.baseAddress else { return }
        let block = unsafe IQ1Block(
          x: x, weights: weights, scales: weights + 256, shifts: shifts, points: shifts + 16, stride: 16)
        unsafe block.weigh(importance)
        for b in 0..<256 / Self.width { unsafe fit(block, b) }
        unsafe target.update(repeating: 0, count: bytesPerBlock)
        unsafe store(block, into: target)
      }
    }
  }

  /// Finds scale, shifts and points of sub-block `b`.
  private func fit(_ block: IQ1Block, _ b: Int) {
    let count = Self.width
    let (x, weights) = unsafe (block.x + count * b, block.weights + count * b)
    var largest: Float = 0
    for i in 0..<count { largest = unsafe max(largest, x[i].magnitude) }
    if largest < Self.smallest { return }
    unsafe withUnsafeTemporaryAllocation(of: Int.self, capacity: count) { numbers in
      unsafe numbers.initialize(repeating: 0)
      guard let order = numbers.baseAddress else { return }
      unsafe IQ1.sort(x, count: count, into: order)
      var cuts = IQ1Cuts()
      unsafe Self.cuts(x, weights, order, &cuts)
      if cuts.first < 0 { return }
      let isNegative = cuts.scale < 0
      for place in 0..<count {
        let digit: Int32 = place < cuts.first ? 0 : place < cuts.second ? 1 : 2
        let i = unsafe order[place]
        unsafe block.points[i / 8 * block.stride + b] |= (isNegative ? 2 - digit : digit) << Int32(i % 8 * 2)
      }
      unsafe block.shifts[b] = isNegative ? cuts.shifts ^ Self.allShifts : cuts.shifts
      unsafe block.scales[b] = snap(block, b, cuts.scale.magnitude)
    }
  }

  /// Moves digits to the grid; gives the scale that fits then.
  private func snap(_ block: IQ1Block, _ b: Int, _ scale: Float) -> Float {
    let (x, weights) = unsafe (block.x + Self.width * b, block.weights + Self.width * b)
    var allOnGrid = true
    var qx: Float = 0
    var q2: Float = 0
    for k in 0..<Self.width / 8 {
      let shift = unsafe Self.shift(block.shifts[b], k)
      let (key, isOnGrid) = unsafe IQ1.point(
        block.point(b, k), x + 8 * k, weights + 8 * k, scale: scale, shift: shift)
      allOnGrid = allOnGrid && isOnGrid
      unsafe block.points[block.stride * k + b] = key
      for i in 0..<8 {
        let q = IQ1.level(key, i, shift)
        unsafe qx += weights[8 * k + i] * q * x[8 * k + i]
        unsafe q2 += weights[8 * k + i] * q * q
      }
    }
    return !allOnGrid && qx > 0 && q2 > 0 ? qx / q2 : scale
  }
}
