internal import CLanes

// Sorting and cutting of IQ1Search.swift for sixteen sub-blocks at once: a lane is a sub-block.

/// The memory of one call, for sixteen sub-blocks of at most 32 elements.
@unsafe struct IQ1Tile {
  /// Row j holds what comes j-th in the order of each sub-block: elements, weights and the elements' numbers.
  let x: UnsafeMutablePointer<Lanes>
  let weights: UnsafeMutablePointer<Lanes>
  let order: UnsafeMutablePointer<IntLanes>
  /// Sums up to each place in the order, and what follows from them: 33 rows for each of 16 uses.
  let sums: UnsafeMutablePointer<Lanes>
  /// The weights of one sub-block after the other.
  let plainWeights: UnsafeMutablePointer<Float>

  @inline(__always)
  static func with(_ body: (IQ1Tile) -> Void) {
    let count = 3 * 512 + 16 * 33 * 16 + 512
    unsafe withUnsafeTemporaryAllocation(byteCount: 4 * count, alignment: 64) { memory in
      guard let base = memory.baseAddress else { return }
      unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
      func at<Value>(_ offset: Int, _ type: Value.Type = Value.self) -> UnsafeMutablePointer<Value> {
        unsafe (base + 4 * offset).assumingMemoryBound(to: type)
      }
      unsafe body(
        IQ1Tile(x: at(0), weights: at(512), order: at(1024), sums: at(2048), plainWeights: at(1536)))
    }
  }

  /// Rows of sums for use `k`.
  @inline(__always)
  func row(_ k: Int) -> UnsafeMutablePointer<Lanes> { unsafe sums + 33 * k }
}

/// The best cuts of sixteen sub-blocks.
struct IQ1LaneCuts {
  var scale = Lanes.all(0)
  var score = Lanes.all(-.greatestFiniteMagnitude)
  /// 1 + `first` + 64 * `second` + 4096 * `shifts`; 0: none was adopted.
  var code = IntLanes.all(0)

  @inline(__always)
  mutating func consider(_ code: Int32, qx: Lanes, q2: Lanes) {
    let isBetter = lanes_and(lanes_less(Lanes.all(0), q2), lanes_less(score * q2, qx * qx))
    guard lanes_any(isBetter) else { return }
    let own = qx / q2
    scale = lanes_select(scale, own, isBetter)
    score = lanes_select(score, own * qx, isBetter)
    self.code = lanes_choose(self.code, IntLanes.all(code), isBetter)
  }

  /// What is stored for places and shifts.
  @inline(__always)
  static func code(_ first: Int, _ second: Int) -> Int32 { Int32(1 + first + 64 * second) }
  /// The step from one combination of shifts to the next.
  static var shiftStep: Int32 { 4096 }

  func cuts(_ lane: Int) -> IQ1.Cuts {
    var cuts = IQ1.Cuts(scale: scale[lane])
    guard code[lane] > 0 else { return cuts }
    let code = Int(code[lane] - 1)
    cuts.first = code % 64
    cuts.second = code / 64 % 64
    cuts.shifts = code / 4096
    return cuts
  }
}

extension IQ1 {
  /// Sorts each sub-block of a tile by Batcher's network; equal elements keep their order. `x` holds sixteen times
  /// `count` elements, `tile.plainWeights` their weights.
  static func sort(_ x: UnsafePointer<Float>, count: Int, _ tile: IQ1Tile) {
    unsafe loadTile(x, stride: count, count: count, into: tile.x, step: 1)
    unsafe loadTile(tile.plainWeights, stride: count, count: count, into: tile.weights, step: 1)
    for i in 0..<count { unsafe tile.order[i] = IntLanes.all(Int32(i)) }
    var p = 1
    while p < count {
      var k = p
      while k >= 1 {
        for j in stride(from: k % p, to: count - k, by: 2 * k) {
          for i in 0..<min(k, count - j - k) where (i + j) / (2 * p) == (i + j + k) / (2 * p) {
            unsafe order(i + j, i + j + k, tile)
          }
        }
        k /= 2
      }
      p *= 2
    }
  }

  @inline(__always)
  private static func order(_ a: Int, _ b: Int, _ tile: IQ1Tile) {
    let (x0, x1) = unsafe (tile.x[a], tile.x[b])
    let (w0, w1) = unsafe (tile.weights[a], tile.weights[b])
    let (i0, i1) = unsafe (tile.order[a], tile.order[b])
    let isSwapped = lanes_or(lanes_less(x1, x0), lanes_and(lanes_equal(x0, x1), lanes_less_integers(i1, i0)))
    unsafe tile.x[a] = lanes_select(x0, x1, isSwapped)
    unsafe tile.x[b] = lanes_select(x1, x0, isSwapped)
    unsafe tile.weights[a] = lanes_select(w0, w1, isSwapped)
    unsafe tile.weights[b] = lanes_select(w1, w0, isSwapped)
    unsafe tile.order[a] = lanes_choose(i0, i1, isSwapped)
    unsafe tile.order[b] = lanes_choose(i1, i0, isSwapped)
  }

  /// The cuts of sub-blocks of 32 with one shift, sorted before.
  static func cutsOfWholes(_ tile: IQ1Tile) -> IQ1LaneCuts {
    let count = 32
    let (sumX, sumW) = unsafe (tile.row(0), tile.row(1))
    unsafe sumX[0] = Lanes.all(0)
    unsafe sumW[0] = Lanes.all(0)
    for j in 0..<count {
      unsafe sumX[j + 1] = sumX[j] + tile.weights[j] * tile.x[j]
      unsafe sumW[j + 1] = sumW[j] + tile.weights[j]
    }
    // The share of the elements behind the second cut: elements and weights, shifted up and down.
    let (upX, up2, downX, down2) = unsafe (tile.row(2), tile.row(3), tile.row(4), tile.row(5))
    for second in 0...count {
      let x = unsafe sumX[count] - sumX[second]
      let w = unsafe sumW[count] - sumW[second]
      unsafe upX[second] = x * 1.125
      unsafe up2[second] = w * 1.125 * 1.125
      unsafe downX[second] = x * 0.875
      unsafe down2[second] = w * 0.875 * 0.875
    }
    var cuts = IQ1LaneCuts()
    for first in 0...count {
      let (x0, w0) = unsafe (sumX[first], sumW[first])
      let (x0Up, x0Down) = (x0 * -0.875, x0 * -1.125)
      let (w0Up, w0Down) = (w0 * -0.875 * -0.875, w0 * -1.125 * -1.125)
      for second in first...count {
        let x1 = unsafe (sumX[second] - x0) * 0.125
        let w1 = unsafe (sumW[second] - w0) * 0.125 * 0.125
        let code = IQ1LaneCuts.code(first, second)
        unsafe cuts.consider(code, qx: x0Up + x1 + upX[second], q2: w0Up + w1 + up2[second])
        unsafe cuts.consider(
          code + IQ1LaneCuts.shiftStep, qx: x0Down - x1 + downX[second], q2: w0Down + w1 + down2[second])
      }
    }
    return cuts
  }

  /// The cuts of sub-blocks of 16 whose halves have a shift each, sorted before.
  static func cutsOfHalves(_ tile: IQ1Tile) -> IQ1LaneCuts {
    let count = 16
    for half in 0..<2 {
      let rows = 8 * half
      let (sumX, sumW) = unsafe (tile.row(rows), tile.row(rows + 1))
      unsafe sumX[0] = Lanes.all(0)
      unsafe sumW[0] = Lanes.all(0)
      for j in 0..<count {
        let isSecond = unsafe lanes_less_integers(IntLanes.all(7), tile.order[j])
        let isOwn = half == 1 ? isSecond : lanes_not(isSecond)
        unsafe sumX[j + 1] = lanes_select(sumX[j], sumX[j] + tile.weights[j] * tile.x[j], isOwn)
        unsafe sumW[j + 1] = lanes_select(sumW[j], sumW[j] + tile.weights[j], isOwn)
      }
      // What a cut adds to the squares of the levels, as first and as second, shifted up and down.
      let added = unsafe (tile.row(rows + 2), tile.row(rows + 3), tile.row(rows + 4), tile.row(rows + 5))
      for j in 0...count {
        let w = unsafe sumW[j]
        unsafe added.0[j] = w * 0.75
        unsafe added.1[j] = w * -1.25
        unsafe added.2[j] = w * 1.25
        unsafe added.3[j] = w * -0.75
      }
    }
    var cuts = IQ1LaneCuts()
    for first in 0...count {
      for second in first...count {
        @inline(__always)
        func half(_ half: Int) -> (upX: Lanes, downX: Lanes, up2: Lanes, down2: Lanes) {
          let rows = 8 * half
          let x = unsafe tile.row(rows)[first] + tile.row(rows)[second]
          let totalX = unsafe tile.row(rows)[count]
          let totalW = unsafe tile.row(rows + 1)[count]
          return unsafe (
            totalX * 1.125 - x, totalX * 0.875 - x,
            totalW * 1.125 * 1.125 + tile.row(rows + 2)[first] + tile.row(rows + 3)[second],
            totalW * 0.875 * 0.875 + tile.row(rows + 4)[first] + tile.row(rows + 5)[second]
          )
        }
        let (a, b) = (half(0), half(1))
        let (code, step) = (IQ1LaneCuts.code(first, second), IQ1LaneCuts.shiftStep)
        cuts.consider(code, qx: a.upX + b.upX, q2: a.up2 + b.up2)
        cuts.consider(code + step, qx: a.upX + b.downX, q2: a.up2 + b.down2)
        cuts.consider(code + 2 * step, qx: a.downX + b.upX, q2: a.down2 + b.up2)
        cuts.consider(code + 3 * step, qx: a.downX + b.downX, q2: a.down2 + b.down2)
      }
    }
    return cuts
  }
}
