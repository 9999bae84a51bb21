internal import CLanes

/// The elements of a register of sub-blocks in ascending order, and room for sums of them.
@unsafe struct IQ1Sorted {
  let x: UnsafeMutablePointer<Register>
  let weights: UnsafeMutablePointer<Register>
  /// Where the elements were before.
  let numbers: UnsafeMutablePointer<Register>
  /// 34 rows each.
  let sumX: UnsafeMutablePointer<Register>
  let sumW: UnsafeMutablePointer<Register>

  /// Sorts by the odd-even merge network of Batcher; equal elements keep their order.
  @inline(__always)
  func sort(_ count: Int) {
    var half = 1
    while half < count {
      var distance = half
      while distance > 0 {
        for start in stride(from: distance % half, to: count - distance, by: 2 * distance) {
          for a in start..<start + distance where a ^ (a + distance) < 2 * half {
            unsafe exchange(a, a + distance)
          }
        }
        distance /= 2
      }
      half *= 2
    }
  }

  @inline(__always)
  private func exchange(_ a: Int, _ b: Int) {
    let (xa, xb) = unsafe (x[a], x[b])
    let (na, nb) = unsafe (numbers[a], numbers[b])
    let (wa, wb) = unsafe (weights[a], weights[b])
    let isWrong = register_or(
      register_less(xb, xa), register_and(register_equal(xa, xb), register_less(nb, na)))
    unsafe x[a] = register_select(xa, xb, isWrong)
    unsafe x[b] = register_select(xb, xa, isWrong)
    unsafe numbers[a] = register_select(na, nb, isWrong)
    unsafe numbers[b] = register_select(nb, na, isWrong)
    unsafe weights[a] = register_select(wa, wb, isWrong)
    unsafe weights[b] = register_select(wb, wa, isWrong)
  }
}

/// The best cuts through each sub-block of a register.
struct IQ1LaneCuts {
  /// 256 times the first cut, plus four times the second, plus the shifts; -1: none was found.
  var code = Register.all(-1)
  var scale = Register.all(0)
  var score = Register.all(-Float.greatestFiniteMagnitude)

  @inline(__always)
  mutating func consider(_ first: Int, _ second: Int, _ shifts: Int, qx: Register, q2: Register) {
    let isBetter = register_and(register_less(.all(0), q2), register_less(score * q2, qx * qx))
    // Dividing always is cheaper than a branch on whether a lane is better.
    let newScale = qx / q2
    scale = register_select(scale, newScale, isBetter)
    score = register_select(score, newScale * qx, isBetter)
    code = register_select(code, .all(Float(256 * first + 4 * second + shifts)), isBetter)
  }
}

/// The memory of one call, for `tileLanes` sub-blocks.
@unsafe struct IQ1Tile {
  /// Row i holds element i of each sub-block.
  let x: UnsafeMutablePointer<Float>
  let weights: UnsafeMutablePointer<Float>
  /// The weights of one sub-block after the other.
  let blockWeights: UnsafeMutablePointer<Float>
  let sorted: IQ1Sorted
  /// Of each sub-block; codes are those of `IQ1LaneCuts`, or -1 where it is zero.
  let codes: UnsafeMutablePointer<Float>
  let scales: UnsafeMutablePointer<Float>
  let shifts: UnsafeMutablePointer<Int32>
  /// All bits set: not all points were on the grid.
  let isOffGrid: UnsafeMutablePointer<Int32>
  /// Row k is of the eight elements k: the packed digits, those of the points, and 1/8 with the sign of the shift.
  let digits: UnsafeMutablePointer<Float>
  let points: UnsafeMutablePointer<Int32>
  let levels: UnsafeMutablePointer<Float>
  /// The element at the first cut, its number; the element at the second cut, its number.
  let thresholds: UnsafeMutablePointer<Float>

  @inline(__always)
  static func with(_ body: (IQ1Tile) -> Void) {
    // Three of 32 rows, three of 32 and two of 34 for sorting, four single ones, and four of four.
    let rows = 6 * 32 + 2 * 34 + 4 + 4 * 4
    unsafe withUnsafeTemporaryAllocation(byteCount: 4 * tileLanes * rows, alignment: 128) { memory in
      guard let base = memory.baseAddress else { return }
      unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
      func row<Value>(_ number: Int, _ type: Value.Type = Value.self) -> UnsafeMutablePointer<Value> {
        unsafe (base + 4 * tileLanes * number).assumingMemoryBound(to: type)
      }
      let sorted = unsafe IQ1Sorted(x: row(96), weights: row(128), numbers: row(160), sumX: row(192), sumW: row(226))
      unsafe body(
        IQ1Tile(
          x: row(0), weights: row(32), blockWeights: row(64), sorted: sorted, codes: row(260), scales: row(261),
          shifts: row(262), isOffGrid: row(263), digits: row(264), points: row(268), levels: row(272),
          thresholds: row(276)))
    }
  }
}
