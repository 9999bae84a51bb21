internal import CLanes

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
    var scale: Float = 0
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

  /// What the mean square of a block of 256 counts for in the weights.
  static func spread(_ x: UnsafePointer<Float>) -> Float { unsafe 2 * GridSearch.squares(x) / 256 }

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
    return unsafe neighbours.keys.withUnsafeBufferPointer { keys in
      guard let keys = keys.baseAddress else { return (key, true) }
      let nearest = unsafe grid_closest_of_shifted_eights(x, weights, scale, shift, keys + start, chunks)
      return unsafe (Int32(keys[start + Int(nearest)]), false)
    }
  }

  /// The number of a point.
  static func number(_ key: Int32) -> Int32 { neighbours.places[Int(key)] }

  /// What digit i of a point stands for, to be multiplied with the scale.
  @inline(__always)
  static func level(_ key: Int32, _ i: Int, _ shift: Float) -> Float {
    (neighbours.value(key, i) - 3) * 0.5 + shift
  }
}
