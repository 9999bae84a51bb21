internal import CLanes
internal import OunceEncoding

/// Sub-blocks have two halves of 8 elements with a shift each. The four combinations, a set bit being negative: bit 1
/// for the first half, bit 0 for the second.
private let count = 16

extension IQ1_M: BlockTruth {
  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    unsafe withRows(elements, columns: columns, importance: importance, into: &blocks) { rows in
      unsafe Workspace.with { workspace in
        unsafe IQ1Tile.with { tile in
          unsafe forEachGroup(of: rows, size: 1, workspace) { group in
            unsafe IQ1.weigh(
              group.x, group.importance, IQ1.spread(group.x), count: 256, into: tile.plainWeights)
            unsafe IQ1.sort(group.x, count: count, tile)
            let cuts = unsafe IQ1.cutsOfHalves(tile)
            unsafe encodeBlock(group.x, weights: tile.plainWeights, into: group.target) { b, order in
              for j in 0..<count { unsafe order[j] = Int(tile.order[j][b]) }
              return cuts.cuts(b)
            }
          }
        }
      }
    }
  }

  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 256) { memory in
      unsafe memory.initialize(repeating: 0)
      guard let weights = memory.baseAddress else { return }
      unsafe IQ1.weigh(x, importance, IQ1.spread(x), count: 256, into: weights)
      unsafe encodeBlock(x, weights: weights, into: target) { b, order in
        unsafe IQ1.sort(x + count * b, count: count, into: order)
        return unsafe cuts(x + count * b, weights + count * b, order)
      }
    }
  }

  /// - Parameter search: fills in the order of a sub-block, and gives its cuts.
  @inline(__always)
  private func encodeBlock(
    _ x: UnsafePointer<Float>, weights: UnsafePointer<Float>, into target: UnsafeMutablePointer<UInt8>,
    search: (_ b: Int, _ order: UnsafeMutablePointer<Int>) -> IQ1.Cuts
  ) {
    unsafe target.update(repeating: 0, count: 56)
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { floats in
      unsafe withUnsafeTemporaryAllocation(of: Int.self, capacity: 3 * 16) { numbers in
        unsafe floats.initialize(repeating: 0)
        unsafe numbers.initialize(repeating: 0)
        guard let scales = floats.baseAddress, let points = numbers.baseAddress else { return }
        let shifts = unsafe points + 32
        var largest: Float = 0
        for b in 0..<16 {
          let part = unsafe x + count * b
          let scale = unsafe fit(part, weights + count * b, points + 2 * b, shifts + b) { unsafe search(b, $0) }
          unsafe scales[b] = scale
          largest = largest > scale ? largest : scale
          for k in 0..<2 {
            let number = unsafe IQ1.number(Int32(points[2 * b + k]))
            unsafe target[2 * b + k] = UInt8(number & 255)
            unsafe target[32 + b] |= UInt8(number >> 8) << UInt8(4 * k)
          }
        }
        if largest == 0 { return }
        var d = largest / 15
        let inverse = 1 / d
        var qx: Float = 0
        var q2: Float = 0
        for b in 0..<16 {
          let code = unsafe clamp(nearestInteger(0.5 * (inverse * scales[b] - 1)), 0, 7)
          let place = 48 + b / 4 * 2
          unsafe target.store(UnsafePointer(target).short(at: place) | UInt16(code) << UInt16(3 * (b % 4)), at: place)
          unsafe target[32 + b] |= UInt8((shifts[b] & 2) << 2 | (shifts[b] & 1) << 7)
          // The scale of the block is fitted to all elements once more.
          let part = unsafe x + count * b
          let weights = unsafe weights + count * b
          for i in 0..<count {
            let q =
              unsafe IQ1.level(Int32(points[2 * b + i / 8]), i % 8, shift(shifts[b], half: i / 8)) * Float(2 * code + 1)
            unsafe qx += weights[i] * q * part[i]
            unsafe q2 += weights[i] * q * q
          }
        }
        if q2 > 0 { d = qx / q2 }
        unsafe storeScale(halfBits(d * 1.1125), target)
      }
    }
  }

  /// The nibbles of `d` become the top nibbles of the four shorts of scales.
  private func storeScale(_ bits: UInt16, _ target: UnsafeMutablePointer<UInt8>) {
    for n in 0..<4 {
      unsafe target[49 + 2 * n] |= UInt8(bits >> UInt16(4 * n) & 15) << 4
    }
  }

  @inline(__always)
  private func shift(_ shifts: Int, half: Int) -> Float { shifts >> (1 - half) & 1 == 0 ? 0.125 : -0.125 }

  /// The scale of a sub-block, its two points and its shifts; 0 when it is zero.
  @inline(__always)
  private func fit(
    _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, _ points: UnsafeMutablePointer<Int>,
    _ shifts: UnsafeMutablePointer<Int>, _ search: (_ order: UnsafeMutablePointer<Int>) -> IQ1.Cuts
  ) -> Float {
    var largest: Float = 0
    for i in 0..<count { largest = unsafe max(largest, x[i].magnitude) }
    if largest < 1e-7 { return 0 }
    var scale: Float = 0
    unsafe withUnsafeTemporaryAllocation(of: Int.self, capacity: 2 * count) { numbers in
      unsafe numbers.initialize(repeating: 0)
      guard let order = numbers.baseAddress else { return }
      let digits = unsafe order + count
      let cuts = unsafe search(order)
      if cuts.first < 0 { return }
      unsafe IQ1.digits(cuts, order, count: count, into: digits)
      scale = cuts.scale.magnitude
      unsafe shifts[0] = cuts.scale < 0 ? 3 - cuts.shifts : cuts.shifts
      var allOnGrid = true
      var qx: Float = 0
      var q2: Float = 0
      for k in 0..<2 {
        let shift = unsafe shift(shifts[0], half: k)
        let point = unsafe IQ1.point(digits + 8 * k, x + 8 * k, weights + 8 * k, scale: scale, shift: shift)
        allOnGrid = allOnGrid && point.isOnGrid
        unsafe points[k] = Int(point.key)
        for i in 0..<8 {
          let q = IQ1.level(point.key, i, shift)
          unsafe qx += weights[8 * k + i] * q * x[8 * k + i]
          unsafe q2 += weights[8 * k + i] * q * q
        }
      }
      if !allOnGrid && qx > 0 && q2 > 0 { scale = qx / q2 }
    }
    return scale
  }

  /// The sums of a half up to each place in the sorted order, and what a shift makes of them.
  private func cuts(
    _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, _ order: UnsafePointer<Int>
  ) -> IQ1.Cuts {
    var cuts = IQ1.Cuts()
    let width = count + 1
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 4 * width) { sums in
      unsafe sums.initialize(repeating: 0)
      guard let sumX = sums.baseAddress else { return }
      let sumW = unsafe sumX + 2 * width
      for j in 0..<count {
        let i = unsafe order[j]
        let own = i / 8 * width + j
        let other = (1 - i / 8) * width + j
        unsafe sumX[own + 1] = sumX[own] + weights[i] * x[i]
        unsafe sumX[other + 1] = sumX[other]
        unsafe sumW[own + 1] = sumW[own] + weights[i]
        unsafe sumW[other + 1] = sumW[other]
      }
      for first in 0...count {
        for second in first...count {
          @inline(__always)
          func half(_ h: Int) -> (upX: Float, downX: Float, up2: Float, down2: Float) {
            let row = h * width
            let x = unsafe sumX[row + first] + sumX[row + second]
            let totalX = unsafe sumX[row + count]
            let totalW = unsafe sumW[row + count]
            let w = unsafe (sumW[row + first], sumW[row + second])
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
    return cuts
  }
}
