internal import CLanes

/// For every combination of digits, the point of a grid it is, or the points around it.
///
/// Points are numbered as in the grid. Neighbours are all points at one of the `distances` smallest distances, nearest
/// first, in the order of their numbers. Digits count as 2 * digit + 1. (iq2xs_init_impl and iq3xs_init_impl of
/// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c)
struct GridNeighbours: Sendable {
  let digitCount: Int
  let digitBits: Int
  /// The largest digit.
  let top: Int
  /// For each combination of digits: the number of the point it is; or, negative, the complement of 64 times the run in
  /// `keys` where its neighbours begin, plus the number of runs.
  let places: [Int32]
  /// The packed digits of neighbours in runs of eight; the last run is filled up with copies of the first neighbour,
  /// which the search takes for itself.
  let keys: [UInt16]

  /// The packed digits of the first point that a search assumes: that of all zeros, or where there is none, point 0.
  let origin: Int32

  init(grid: [UInt16], digitCount: Int, digitBits: Int, top: Int, distances: Int) {
    func digits(_ key: Int) -> [Int] { (0..<digitCount).map { (key >> (digitBits * $0)) & (1 << digitBits - 1) } }
    let points = grid.flatMap { digits(Int($0)).map { 2 * $0 + 1 } }
    var places = [Int32](repeating: -1, count: 1 << (digitCount * digitBits))
    for (number, key) in grid.enumerated() { places[Int(key)] = Int32(number) }
    var keys: [UInt16] = []
    var squares = [Int](repeating: 0, count: grid.count)
    for key in places.indices where places[key] < 0 {
      let place = digits(key)
      if place.contains(where: { $0 > top }) { continue }
      for number in squares.indices {
        var sum = 0
        for k in 0..<digitCount {
          let difference = points[number * digitCount + k] - 2 * place[k] - 1
          sum += difference * difference
        }
        squares[number] = sum
      }
      let start = keys.count
      var radius = -1
      for _ in 0..<distances {
        var next = Int.max
        for square in squares where square > radius && square < next { next = square }
        radius = next
        for number in squares.indices where squares[number] == next { keys.append(grid[number]) }
      }
      while keys.count % 8 != 0 { keys.append(keys[start]) }
      places[key] = ~Int32(start / 8 * 64 + (keys.count - start) / 8)
    }
    self.digitCount = digitCount
    self.digitBits = digitBits
    self.top = top
    self.places = places
    self.keys = keys
    origin = places[0] >= 0 ? 0 : Int32(grid[0])
  }

  /// The neighbours of a combination that is no point, as `places` has them.
  @inline(__always)
  static func run(_ place: Int32) -> (start: Int, chunks: Int32) {
    (Int(~place >> 6) * 8, ~place & 63)
  }

  /// The value of digit `i` of packed digits.
  @inline(__always)
  func value(_ key: Int32, _ i: Int) -> Float {
    let digit = (key >> Int32(digitBits * i)) & ((1 << Int32(digitBits)) - 1)
    return Float(2 * digit + 1)
  }

  /// The point nearest to `x` when points are scaled, as packed digits: its own digits, or the closest of their
  /// neighbours, the first of equals. Where all distances overflow, for which the reference aborts, it is the first
  /// neighbour.
  ///
  /// - Parameter roots: the square roots of the weights, as the reference has it.
  func point(
    _ x: UnsafePointer<Float>, roots: UnsafePointer<Float>, inverse: Float, scale: Float
  ) -> (key: Int32, isOnGrid: Bool) {
    var key: Int32 = 0
    for i in 0..<digitCount {
      let digit = unsafe clamp(nearestInteger(0.5 * (inverse * x[i] - 1)), 0, Int32(top))
      key |= digit << Int32(digitBits * i)
    }
    let place = places[Int(key)]
    if place >= 0 { return (key, true) }
    return digitCount == 4
      ? (unsafe closest(place, x, roots, scale, count: 4, bits: 3), false)
      : (unsafe closest(place, x, roots, scale, count: 8, bits: 2), false)
  }

  /// `count` and `bits` are constants where this is called, so that the inner loop is laid out.
  @inline(__always)
  private func closest(
    _ place: Int32, _ x: UnsafePointer<Float>, _ roots: UnsafePointer<Float>, _ scale: Float, count: Int, bits: Int32
  ) -> Int32 {
    let (start, chunks) = Self.run(place)
    return unsafe keys.withUnsafeBufferPointer { keys in
      var best = unsafe Int32(keys[start])
      var smallest = Float.greatestFiniteMagnitude
      for n in start..<start + 8 * Int(chunks) {
        let key = unsafe Int32(keys[n])
        var distance: Float = 0
        for k in 0..<count {
          let digit = (key &>> (bits &* Int32(k))) & ((1 &<< bits) &- 1)
          let difference = unsafe scale * Float(2 &* digit &+ 1) - x[k]
          unsafe distance += roots[k] * difference * difference
        }
        if distance < smallest {
          smallest = distance
          best = key
        }
      }
      return best
    }
  }
}
