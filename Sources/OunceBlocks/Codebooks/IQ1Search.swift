// What the encoders of IQ1_S and IQ1_M share: elements are close to scale * (digit - 1 ± 1/8). The digits follow from
// two cuts through the sorted elements, which are searched exhaustively; then each eight are snapped to the grid.
// (quantize_row_iq1_s_impl and quantize_row_iq1_m_impl of
// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c)

enum IQ1 {
  static let neighbours = GridNeighbours(grid: gridIQ1S, digitCount: 8, digitBits: 2, top: 2, distances: 3)

  /// The best cuts: elements before `first` in sorted order have digit 0, from `second` on digit 2.
  struct Cuts {
    var first = -1
    var second = -1
    /// Which of the combinations of shifts.
    var shifts = 0
    var scale: Float
    var score = -Float.greatestFiniteMagnitude

    @inline(__always)
    mutating func consider(_ first: Int, _ second: Int, _ shifts: Int, qx: Float, q2: Float) {
      guard q2 > 0, qx * qx > score * q2 else { return }
      scale = qx / q2
      score = scale * qx
      self.first = first
      self.second = second
      self.shifts = shifts
    }
  }

  /// The numbers of the elements in ascending order; equal elements keep theirs.
  static func sort(_ x: UnsafePointer<Float>, count: Int, into order: UnsafeMutablePointer<Int>) {
    for i in 0..<count {
      var place = i
      while place > 0, unsafe x[order[place - 1]] > x[i] {
        unsafe order[place] = order[place - 1]
        place -= 1
      }
      unsafe order[place] = i
    }
  }

  static func weigh(
    _ x: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?, _ spread: Float, count: Int,
    into weights: UnsafeMutablePointer<Float>
  ) {
    for i in 0..<count {
      let square = unsafe x[i] * x[i]
      unsafe weights[i] = importance.map { unsafe $0[i] * (spread + square).squareRoot() } ?? square
    }
  }

  /// The digits of the cuts; mirrored when the scale is negative.
  static func digits(_ cuts: Cuts, _ order: UnsafePointer<Int>, count: Int, into digits: UnsafeMutablePointer<Int>) {
    for place in 0..<count {
      let digit = place < cuts.first ? 0 : place < cuts.second ? 1 : 2
      unsafe digits[order[place]] = cuts.scale < 0 ? 2 - digit : digit
    }
  }

  /// The point for eight digits, as packed digits: itself, or the closest of its neighbours, the first of equals.
  static func point(
    _ digits: UnsafePointer<Int>, _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, scale: Float,
    shift: Float
  ) -> (key: Int32, isOnGrid: Bool) {
    var key: Int32 = 0
    for i in 0..<8 { unsafe key |= Int32(digits[i]) << Int32(2 * i) }
    let place = neighbours.places[Int(key)]
    if place >= 0 { return (key, true) }
    let (start, chunks) = GridNeighbours.run(place)
    var best = Int32(neighbours.keys[start])
    var smallest = Float.greatestFiniteMagnitude
    for n in start..<start + 16 * Int(chunks) {
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

  /// The number of a point.
  static func number(_ key: Int32) -> Int32 { neighbours.places[Int(key)] }

  /// What digit i of a point stands for, to be multiplied with the scale.
  @inline(__always)
  static func level(_ key: Int32, _ i: Int, _ shift: Float) -> Float {
    (neighbours.value(key, i) - 3) * 0.5 + shift
  }
}
