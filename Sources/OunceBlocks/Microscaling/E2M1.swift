internal import CLanes

// Codes of the 4-bit float E2M1, in halves: the values are 0, 1, 2, 3, 4, 6, 8, 12 and their negatives, and scales are
// half of what the format says. (best_index_mxfp4 of
// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c)

enum E2M1 {
  /// The value of each code, in halves.
  static let values: [Int8] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]

  /// The code whose value is nearest to `x`, the first of equals: toward zero, and never the negative zero.
  static func codeTruth(_ x: Float, scale: Float) -> UInt8 {
    var best = 0
    var smallest = Float.infinity
    for code in 0..<16 {
      let distance = (Float(values[code]) * scale - x).magnitude
      if code == 0 || distance < smallest {
        best = code
        smallest = distance
      }
    }
    return UInt8(best)
  }

  /// `codeTruth` in sixteen lanes: how many middles between neighbours lie below the magnitude.
  ///
  /// Neighbours are at most a factor of two apart, so their distances to what lies between them are exact, and
  /// comparing distances is comparing with the middle. Scales have few bits, so the middles are exact too. Where an
  /// element is millions of times larger than a scale that is not zero, distances are rounded to equals: not for this
  /// function.
  @inline(__always)
  static func codes(_ x: Lanes, scale: Lanes) -> IntLanes {
    let size = lanes_magnitude(x)
    let first = lanes_less(scale * 0.5, size)
    var code = IntLanes(repeating: 0) &- first
    code = code &- lanes_less(scale * 1.5, size)
    code = code &- lanes_less(scale * 2.5, size)
    code = code &- lanes_less(scale * 3.5, size)
    code = code &- lanes_less(scale * 5, size)
    code = code &- lanes_less(scale * 7, size)
    code = code &- lanes_less(scale * 10, size)
    return code | (first & lanes_less(x, Lanes(repeating: 0)) & IntLanes(repeating: 8))
  }

  /// The elements of sixteen codes.
  @inline(__always)
  static func elements(_ codes: lanes_u8, scale: Float) -> Lanes {
    lanes_from_integers(lanes_e2m1(codes)) * Lanes(repeating: scale)
  }
}
