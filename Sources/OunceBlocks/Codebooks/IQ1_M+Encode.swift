internal import CLanes

/// Sub-blocks have two halves of 8 elements with a shift each: bit 1 of the shifts for the first half, bit 0 for the
/// second.
extension IQ1_M: IQ1Encoding {
  static var width: Int { 16 }
  static var smallest: Float { 1e-7 }
  static var allShifts: Int32 { 3 }
  static func shift(_ shifts: Int32, _ group: Int) -> Float {
    shifts >> Int32(1 - group) & 1 == 0 ? 0.125 : -0.125
  }

  // The sums of a half up to each place in the sorted order, and what a shift makes of them.
  static func cuts(
    _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, _ order: UnsafePointer<Int>, _ cuts: inout IQ1Cuts
  ) {
    let row = width + 1
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 4 * row) { sums in
      unsafe sums.initialize(repeating: 0)
      guard let sumX = sums.baseAddress else { return }
      let sumW = unsafe sumX + 2 * row
      for j in 0..<width {
        let i = unsafe order[j]
        let own = i / 8 * row + j
        let other = (1 - i / 8) * row + j
        unsafe sumX[own + 1] = sumX[own] + weights[i] * x[i]
        unsafe sumX[other + 1] = sumX[other]
        unsafe sumW[own + 1] = sumW[own] + weights[i]
        unsafe sumW[other + 1] = sumW[other]
      }
      for first in 0...width {
        for second in first...width {
          @inline(__always)
          func half(_ h: Int) -> (upX: Float, downX: Float, up2: Float, down2: Float) {
            let start = h * row
            let x = unsafe sumX[start + first] + sumX[start + second]
            let totalX = unsafe sumX[start + width]
            let totalW = unsafe sumW[start + width]
            let w = unsafe (sumW[start + first], sumW[start + second])
            // The squares of the levels: 0.765625, 0.015625, 1.265625; shifted down 1.265625, 0.015625, 0.765625.
            return (
              totalX * 1.125 - x, totalX * 0.875 - x, totalW * 1.125 * 1.125 + w.0 * 0.75 + w.1 * -1.25,
              totalW * 0.875 * 0.875 + w.0 * 1.25 + w.1 * -0.75
            )
          }
          let a = half(0)
          let b = half(1)
          cuts.consider(first, second, 0, qx: a.upX + b.upX, q2: a.up2 + b.up2)
          cuts.consider(first, second, 1, qx: a.upX + b.downX, q2: a.up2 + b.down2)
          cuts.consider(first, second, 2, qx: a.downX + b.upX, q2: a.down2 + b.up2)
          cuts.consider(first, second, 3, qx: a.downX + b.downX, q2: a.down2 + b.down2)
        }
      }
    }
  }

  static func cuts(_ sorted: IQ1Sorted, _ cuts: inout IQ1LaneCuts) {
    let (sumX, sumW) = unsafe (sorted.sumX, sorted.sumW)
    let zero = Register.all(0)
    for n in 0..<2 {
      unsafe sumX[n] = zero
      unsafe sumW[n] = zero
    }
    for j in 0..<width {
      let isSecond = unsafe register_less(.all(7), sorted.numbers[j])
      let w = unsafe sorted.weights[j]
      let product = unsafe w * sorted.x[j]
      let (x, y) = unsafe (sumX + 2 * j, sumW + 2 * j)
      unsafe x[2] = register_select(x[0] + product, x[0], isSecond)
      unsafe x[3] = register_select(x[1], x[1] + product, isSecond)
      unsafe y[2] = register_select(y[0] + w, y[0], isSecond)
      unsafe y[3] = register_select(y[1], y[1] + w, isSecond)
    }
    for first in 0...width {
      @inline(__always)
      func start(_ h: Int) -> (upX: Register, downX: Register, up2: Register, down2: Register, x: Register) {
        let (totalX, totalW) = unsafe (sumX[2 * width + h], sumW[2 * width + h])
        let w = unsafe sumW[2 * first + h]
        return unsafe (
          totalX * 1.125, totalX * 0.875, totalW * 1.125 * 1.125 + w * 0.75, totalW * 0.875 * 0.875 + w * 1.25,
          sumX[2 * first + h]
        )
      }
      let starts = (start(0), start(1))
      for second in first...width {
        let a = unsafe starts.0.x + sumX[2 * second]
        let b = unsafe starts.1.x + sumX[2 * second + 1]
        let (v, w) = unsafe (sumW[2 * second], sumW[2 * second + 1])
        let upX = (starts.0.upX - a, starts.1.upX - b)
        let downX = (starts.0.downX - a, starts.1.downX - b)
        let up2 = (starts.0.up2 + v * -1.25, starts.1.up2 + w * -1.25)
        let down2 = (starts.0.down2 + v * -0.75, starts.1.down2 + w * -0.75)
        cuts.consider(first, second, 0, qx: upX.0 + upX.1, q2: up2.0 + up2.1)
        cuts.consider(first, second, 1, qx: upX.0 + downX.1, q2: up2.0 + down2.1)
        cuts.consider(first, second, 2, qx: downX.0 + upX.1, q2: down2.0 + up2.1)
        cuts.consider(first, second, 3, qx: downX.0 + downX.1, q2: down2.0 + down2.1)
      }
    }
  }

  func store(_ block: IQ1Block, into target: UnsafeMutablePointer<UInt8>) {
    for b in 0..<16 {
      for k in 0..<2 {
        let number = unsafe block.number(b, k)
        unsafe target[2 * b + k] = UInt8(number & 255)
        unsafe target[32 + b] |= UInt8(number >> 8) << UInt8(4 * k)
      }
    }
    let largest = unsafe block.largestScale(16)
    if largest == 0 { return }
    var d = largest / 15
    let inverse = 1 / d
    var qx: Float = 0
    var q2: Float = 0
    for b in 0..<16 {
      let code = unsafe clamp(nearestInteger(0.5 * (inverse * block.scales[b] - 1)), 0, 7)
      let place = 48 + b / 4 * 2
      unsafe target.store(UnsafePointer(target).short(at: place) | UInt16(code) << UInt16(3 * (b % 4)), at: place)
      let shifts = unsafe block.shifts[b]
      unsafe target[32 + b] |= UInt8((shifts & 2) << 2 | (shifts & 1) << 7)
      // The scale of the block is fitted to all elements once more.
      for i in 0..<16 {
        let q = unsafe IQ1.level(block.point(b, i / 8), i % 8, Self.shift(shifts, i / 8)) * Float(2 * code + 1)
        unsafe qx += block.weights[16 * b + i] * q * block.x[16 * b + i]
        unsafe q2 += block.weights[16 * b + i] * q * q
      }
    }
    if q2 > 0 { d = qx / q2 }
    unsafe storeScale(halfBits(d * 1.1125), target)
  }

  /// The nibbles of `d` become the top nibbles of the four shorts of scales.
  private func storeScale(_ bits: UInt16, _ target: UnsafeMutablePointer<UInt8>) {
    for n in 0..<4 {
      unsafe target[49 + 2 * n] |= UInt8(bits >> UInt16(4 * n) & 15) << 4
    }
  }
}
