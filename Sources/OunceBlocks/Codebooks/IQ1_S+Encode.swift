/// Sub-blocks have 32 elements, which share a shift.
extension IQ1_S: IQ1Encoding {
  static var width: Int { 32 }
  static var smallest: Float { 1e-12 }
  static var allShifts: Int32 { 1 }
  static func shift(_ shifts: Int32, _ group: Int) -> Float { shifts == 0 ? 0.125 : -0.125 }

  static func cuts(
    _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, _ order: UnsafePointer<Int>, _ cuts: inout IQ1Cuts
  ) {
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * width + 2) { sums in
      unsafe sums.initialize(repeating: 0)
      guard let sumX = sums.baseAddress else { return }
      let sumW = unsafe sumX + width + 1
      for j in 0..<width {
        let i = unsafe order[j]
        unsafe sumX[j + 1] = sumX[j] + weights[i] * x[i]
        unsafe sumW[j + 1] = sumW[j] + weights[i]
      }
      for first in 0...width {
        for second in first...width {
          let x0 = unsafe sumX[first]
          let x1 = unsafe sumX[second] - sumX[first]
          let x2 = unsafe sumX[width] - sumX[second]
          let w0 = unsafe sumW[first]
          let w1 = unsafe sumW[second] - sumW[first]
          let w2 = unsafe sumW[width] - sumW[second]
          let up = (
            x0 * -0.875 + x1 * 0.125 + x2 * 1.125, w0 * -0.875 * -0.875 + w1 * 0.125 * 0.125 + w2 * 1.125 * 1.125
          )
          cuts.consider(first, second, 0, qx: up.0, q2: up.1)
          let down = (
            x0 * -1.125 + x1 * -0.125 + x2 * 0.875, w0 * -1.125 * -1.125 + w1 * -0.125 * -0.125 + w2 * 0.875 * 0.875
          )
          cuts.consider(first, second, 1, qx: down.0, q2: down.1)
        }
      }
    }
  }

  static func cuts(_ sorted: IQ1Sorted, _ cuts: inout IQ1LaneCuts) {
    let (sumX, sumW) = unsafe (sorted.sumX, sorted.sumW)
    unsafe sumX[0] = .all(0)
    unsafe sumW[0] = .all(0)
    for j in 0..<width {
      unsafe sumX[j + 1] = sumX[j] + sorted.weights[j] * sorted.x[j]
      unsafe sumW[j + 1] = sumW[j] + sorted.weights[j]
    }
    let (totalX, totalW) = unsafe (sumX[width], sumW[width])
    for first in 0...width {
      let (x0, w0) = unsafe (sumX[first], sumW[first])
      let up = (x: x0 * -0.875, square: w0 * -0.875 * -0.875)
      let down = (x: x0 * -1.125, square: w0 * -1.125 * -1.125)
      for second in first...width {
        // The levels in the middle are 1/8 and -1/8: the same products, apart from the sign.
        let x1 = unsafe (sumX[second] - x0) * 0.125
        let w1 = unsafe (sumW[second] - w0) * 0.125 * 0.125
        let x2 = unsafe totalX - sumX[second]
        let w2 = unsafe totalW - sumW[second]
        cuts.consider(first, second, 0, qx: up.x + x1 + x2 * 1.125, q2: up.square + w1 + w2 * 1.125 * 1.125)
        cuts.consider(first, second, 1, qx: down.x - x1 + x2 * 0.875, q2: down.square + w1 + w2 * 0.875 * 0.875)
      }
    }
  }

  func store(_ block: IQ1Block, into target: UnsafeMutablePointer<UInt8>) {
    for b in 0..<8 {
      var high: UInt16 = 0
      for k in 0..<4 {
        let number = unsafe block.number(b, k)
        unsafe target[2 + 4 * b + k] = UInt8(number & 255)
        high |= UInt16(number >> 8) << UInt16(3 * k)
      }
      unsafe target.store(high, at: 34 + 2 * b)
    }
    let largest = unsafe block.largestScale(8)
    if largest == 0 { return }
    let scale = largest / 15
    unsafe target.storeHalf(scale * 1.125, at: 0)
    for b in 0..<8 {
      let code = unsafe clamp(nearestInteger(0.5 * (1 / scale * block.scales[b] - 1)), 0, 7)
      unsafe target[35 + 2 * b] |= UInt8(code | block.shifts[b] << 3) << 4
    }
  }
}
