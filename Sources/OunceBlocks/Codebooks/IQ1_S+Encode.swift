internal import CLanes
internal import OunceEncoding

/// Sub-blocks have 32 elements, which share a shift.
private let count = 32

extension IQ1_S: BlockTruth {
  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    unsafe withRows(elements, columns: columns, importance: importance, into: &blocks) { rows in
      unsafe Workspace.with { workspace in
        unsafe IQ1Tile.with { tile in
          unsafe forEachGroup(of: rows, size: 2, workspace) { group in
            for lane in 0..<16 {
              let block = unsafe group.x + 256 * (lane / 8)
              unsafe IQ1.weigh(
                group.x + count * lane, group.importance.map { unsafe $0 + count * lane }, IQ1.spread(block),
                count: count, into: tile.plainWeights + count * lane)
            }
            unsafe IQ1.sort(group.x, count: count, tile)
            let cuts = unsafe IQ1.cutsOfWholes(tile)
            for block in 0..<2 {
              unsafe encodeBlock(group.x + 256 * block, into: group.target + 50 * block) { b, weights, order in
                let lane = 8 * block + b
                unsafe weights.update(from: tile.plainWeights + count * lane, count: count)
                for j in 0..<count { unsafe order[j] = Int(tile.order[j][lane]) }
                return cuts.cuts(lane)
              }
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
    let spread = unsafe IQ1.spread(x)
    unsafe encodeBlock(x, into: target) { b, weights, order in
      let part = unsafe x + count * b
      unsafe IQ1.weigh(part, importance.map { unsafe $0 + count * b }, spread, count: count, into: weights)
      unsafe IQ1.sort(part, count: count, into: order)
      return unsafe cuts(part, weights, order)
    }
  }

  /// - Parameter search: fills in weights and order of a sub-block, and gives its cuts.
  @inline(__always)
  private func encodeBlock(
    _ x: UnsafePointer<Float>, into target: UnsafeMutablePointer<UInt8>,
    search: (_ b: Int, _ weights: UnsafeMutablePointer<Float>, _ order: UnsafeMutablePointer<Int>) -> IQ1.Cuts
  ) {
    unsafe target.update(repeating: 0, count: 50)
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 8 + count) { floats in
      unsafe floats.initialize(repeating: 0)
      guard let scales = floats.baseAddress else { return }
      let weights = unsafe scales + 8
      var largest: Float = 0
      var negative: UInt8 = 0
      for b in 0..<8 {
        let part = unsafe x + count * b
        guard let fit = unsafe fit(part, weights, b, target, search) else { continue }
        unsafe scales[b] = fit.scale
        if fit.isNegative { negative |= 1 << UInt8(b) }
        largest = largest > fit.scale ? largest : fit.scale
      }
      if largest == 0 { return }
      let scale = largest / 15
      unsafe target.storeHalf(scale * 1.125, at: 0)
      for b in 0..<8 {
        let code = unsafe UInt8(clamp(nearestInteger(0.5 * (1 / scale * scales[b] - 1)), 0, 7))
        unsafe target[35 + 2 * b] |= (code | (negative >> UInt8(b) & 1) << 3) << 4
      }
    }
  }

  /// Stores the points of a sub-block; gives its scale and the sign of its shift, or nil when it is zero.
  @inline(__always)
  private func fit(
    _ x: UnsafePointer<Float>, _ weights: UnsafeMutablePointer<Float>, _ b: Int, _ target: UnsafeMutablePointer<UInt8>,
    _ search: (_ b: Int, _ weights: UnsafeMutablePointer<Float>, _ order: UnsafeMutablePointer<Int>) -> IQ1.Cuts
  ) -> (scale: Float, isNegative: Bool)? {
    var largest: Float = 0
    for i in 0..<count { largest = unsafe max(largest, x[i].magnitude) }
    if largest < 1e-12 { return nil }
    var result: (scale: Float, isNegative: Bool)?
    unsafe withUnsafeTemporaryAllocation(of: Int.self, capacity: 2 * count) { numbers in
      unsafe numbers.initialize(repeating: 0)
      guard let order = numbers.baseAddress else { return }
      let digits = unsafe order + count
      let cuts = unsafe search(b, weights, order)
      if cuts.first < 0 { return }
      unsafe IQ1.digits(cuts, order, count: count, into: digits)
      var scale = cuts.scale.magnitude
      let isNegative = (cuts.shifts == 1) != (cuts.scale < 0)
      let shift: Float = isNegative ? -0.125 : 0.125
      var allOnGrid = true
      var qx: Float = 0
      var q2: Float = 0
      var high: UInt16 = 0
      for k in 0..<4 {
        let point = unsafe IQ1.point(digits + 8 * k, x + 8 * k, weights + 8 * k, scale: scale, shift: shift)
        allOnGrid = allOnGrid && point.isOnGrid
        for i in 0..<8 {
          let q = IQ1.level(point.key, i, shift)
          unsafe qx += weights[8 * k + i] * q * x[8 * k + i]
          unsafe q2 += weights[8 * k + i] * q * q
        }
        let number = IQ1.number(point.key)
        unsafe target[2 + 4 * b + k] = UInt8(number & 255)
        high |= UInt16(number >> 8) << UInt16(3 * k)
      }
      if !allOnGrid && qx > 0 && q2 > 0 { scale = qx / q2 }
      unsafe target.store(high, at: 34 + 2 * b)
      result = (scale, isNegative)
    }
    return result
  }

  private func cuts(
    _ x: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, _ order: UnsafePointer<Int>
  ) -> IQ1.Cuts {
    var cuts = IQ1.Cuts()
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * count + 2) { sums in
      unsafe sums.initialize(repeating: 0)
      guard let sumX = sums.baseAddress else { return }
      let sumW = unsafe sumX + count + 1
      for j in 0..<count {
        let i = unsafe order[j]
        unsafe sumX[j + 1] = sumX[j] + weights[i] * x[i]
        unsafe sumW[j + 1] = sumW[j] + weights[i]
      }
      for first in 0...count {
        for second in first...count {
          let x0 = unsafe sumX[first]
          let x1 = unsafe sumX[second] - sumX[first]
          let x2 = unsafe sumX[count] - sumX[second]
          let w0 = unsafe sumW[first]
          let w1 = unsafe sumW[second] - sumW[first]
          let w2 = unsafe sumW[count] - sumW[second]
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
    return cuts
  }
}
