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
  /// The values of each point, `digitCount` at a time.
  let values: [Float]
  /// The number of the point; negative: the complement of the place in `neighbours` where a count and as many numbers
  /// stand.
  let places: [Int32]
  let neighbours: [UInt16]

  /// The point whose digits are all zero, where a search begins.
  var origin: Int { max(0, Int(places[0])) }

  init(grid: [UInt16], digitCount: Int, digitBits: Int, top: Int, distances: Int) {
    func digits(_ key: Int) -> [Int] { (0..<digitCount).map { (key >> (digitBits * $0)) & (1 << digitBits - 1) } }
    let points = grid.flatMap { digits(Int($0)).map { 2 * $0 + 1 } }
    var places = [Int32](repeating: -1, count: 1 << (digitCount * digitBits))
    for (number, key) in grid.enumerated() { places[Int(key)] = Int32(number) }
    var neighbours: [UInt16] = []
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
      places[key] = ~Int32(neighbours.count)
      neighbours.append(0)
      var radius = -1
      for _ in 0..<distances {
        var next = Int.max
        for square in squares where square > radius && square < next { next = square }
        radius = next
        for number in squares.indices where squares[number] == next { neighbours.append(UInt16(number)) }
      }
      let start = Int(~places[key])
      neighbours[start] = UInt16(neighbours.count - start - 1)
    }
    self.digitCount = digitCount
    self.digitBits = digitBits
    self.top = top
    values = points.map { Float($0) }
    self.places = places
    self.neighbours = neighbours
  }

  /// The point nearest to `x` when points are scaled: by its digits, or the closest of their neighbours, the first of
  /// equals. Where all distances overflow, for which the reference aborts, it is the first neighbour.
  ///
  /// - Parameter roots: the square roots of the weights, as the reference has it.
  func point(
    _ x: UnsafePointer<Float>, roots: UnsafePointer<Float>, inverse: Float, scale: Float
  ) -> (number: Int, isOnGrid: Bool) {
    var key = 0
    for i in 0..<digitCount {
      let digit = unsafe clamp(nearestInteger(0.5 * (inverse * x[i] - 1)), 0, Int32(top))
      key |= Int(digit) << (digitBits * i)
    }
    let place = Int(places[key])
    if place >= 0 { return (place, true) }
    return unsafe digitCount == 4
      ? (closest(~place, x, roots, scale, digits: 4), false) : (closest(~place, x, roots, scale, digits: 8), false)
  }

  /// `digits` is a constant where this is called, so that the inner loop is laid out.
  @inline(__always)
  private func closest(
    _ start: Int, _ x: UnsafePointer<Float>, _ roots: UnsafePointer<Float>, _ scale: Float, digits: Int
  ) -> Int {
    unsafe neighbours.withUnsafeBufferPointer { neighbours in
      unsafe values.withUnsafeBufferPointer { values in
        var best = unsafe Int(neighbours[start + 1])
        var smallest = Float.greatestFiniteMagnitude
        for n in unsafe start + 1...start + Int(neighbours[start]) {
          let number = unsafe Int(neighbours[n])
          var distance: Float = 0
          for k in 0..<digits {
            let difference = unsafe scale * values[digits * number + k] - x[k]
            unsafe distance += roots[k] * difference * difference
          }
          if distance < smallest {
            smallest = distance
            best = number
          }
        }
        return best
      }
    }
  }
}
