// The search for the scale of 32 elements whose codes stand for sixteen uneven values. (quantize_row_iq4_nl_impl of
// https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c)

enum IQ4 {
  /// The value of each code.
  static let values: [Int8] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]
  /// The inverse scales to try map the largest element to the first value, give or take as much.
  static let steps = 7

  /// The code whose value is nearest; in the middle the upper one. NaN gets the last.
  static func code(_ x: Float) -> UInt8 {
    if x <= -127 { return 0 }
    if x >= 113 { return 15 }
    var low = 0
    var high = 15
    while high - low > 1 {
      let middle = (low + high) / 2
      if x < Float(values[middle]) { high = middle } else { low = middle }
    }
    return UInt8(x - Float(values[high - 1]) < Float(values[high]) - x ? high - 1 : high)
  }

  /// The scale of 32 elements.
  ///
  /// - Parameters:
  ///   - importance: nil: the squares of the elements weigh them.
  ///   - spread: twice the mean square of the block the elements belong to.
  static func fitTruth(_ x: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?, spread: Float) -> Float {
    var peak: Float = 0
    for i in 0..<32 where unsafe x[i].magnitude > peak.magnitude { peak = unsafe x[i] }
    if peak.magnitude < negligible { return 0 }

    func sums(_ inverse: Float) -> (qx: Float, q2: Float) {
      var qx: Float = 0
      var q2: Float = 0
      for i in 0..<32 {
        let value = unsafe x[i]
        let weight =
          unsafe importance.map { unsafe $0[i] * (spread + value * value).squareRoot() } ?? (value * value)
        let q = Float(values[Int(code(inverse * value))])
        qx += weight * q * value
        q2 += weight * q * q
      }
      return (qx, q2)
    }

    let first = sums(1 / (-peak / -127))
    var scale = first.q2 > 0 ? first.qx / first.q2 : 0
    var best = scale * first.qx
    for k in -steps...steps {
      let next = sums((Float(k) - 127) / peak)
      guard next.q2 > 0, next.qx * next.qx > best * next.q2 else { continue }
      scale = next.qx / next.q2
      best = scale * next.qx
    }
    return scale
  }

  /// Twice the mean square of `count` elements.
  static func spread(_ x: UnsafePointer<Float>, count: Int) -> Float {
    var squares: Float = 0
    for i in 0..<count { unsafe squares += x[i] * x[i] }
    return squares * (2 / Float(count))
  }
}
