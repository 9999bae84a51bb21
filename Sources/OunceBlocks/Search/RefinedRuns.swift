internal import CLanes

// The refined search of a whole tile. Four of five runs of trained weights keep the codes they begin with: every run
// gets its first fit, and only those that a sweep may change go on, together in one register of lanes. A lane whose run
// is finished takes the next.

/// The 256 runs of sixteen super-blocks. Run n is lane n % 32 of the sixteen rows from 16 * (n / 32) on.
@unsafe struct RefinedRuns {
  let x: UnsafePointer<Float>
  /// As many rows; -half where all elements of a run are negligible.
  let codes: UnsafeMutablePointer<Float>
  /// Eight rows each.
  let scales: UnsafeMutablePointer<Float>
  let sumXL: UnsafeMutablePointer<Float>
  let sumL2: UnsafeMutablePointer<Float>
  /// Sixteen rows of elements, sixteen of codes and two of sums: the runs under way.
  let active: UnsafeMutablePointer<Register>

  /// Fits all runs, with codes from -half to half - 1.
  @inline(__always)
  func fit(half: Float) {
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { open in
      guard let first = open.baseAddress else { return }
      var count = 0
      for run in stride(from: 0, to: 256, by: Register.scalarCount) {
        var bits = unsafe fitFirst(run, half)
        while bits != 0 {
          unsafe (first + count).initialize(to: UInt8(truncatingIfNeeded: run + bits.trailingZeroBitCount))
          count += 1
          bits &= bits &- 1
        }
      }
      unsafe refine(first, count, half)
    }
  }

  /// The first fit of a register of runs; the bits of those that a sweep may change.
  private func fitFirst(_ run: Int, _ half: Float) -> UInt32 {
    let fit = unsafe refinedFirstFit(
      UnsafeRawPointer(x + place(run)).assumingMemoryBound(to: Register.self),
      step: tileLanes / Register.scalarCount, half, codes: registers(codes + place(run)), products: active)
    unsafe registers(scales + run)[0] = fit.scale
    unsafe registers(sumXL + run)[0] = fit.sumXL
    unsafe registers(sumL2 + run)[0] = fit.sumL2
    return register_mask_word(fit.open)
  }

  /// Sweeps over the runs of a list until nothing changes, at most `refinementSweeps` times over each.
  private func refine(_ list: UnsafePointer<UInt8>, _ count: Int, _ half: Float) {
    let lanes = Register.scalarCount
    var runs = SIMD32<UInt8>(repeating: 0)
    var sweepsLeft = SIMD32<UInt8>(repeating: 0)
    var next = min(count, lanes)
    var busy: UInt32 = next == 32 ? .max : 1 << UInt32(next) - 1
    for lane in 0..<next {
      unsafe load(Int(list[lane]), lane)
      runs[lane] = unsafe list[lane]
      sweepsLeft[lane] = UInt8(refinementSweeps)
    }
    let sums = unsafe active + 32
    while busy != 0 {
      let open = unsafe register_mask_word(
        refinementSweep(active, half, codes: active + 16, &sums[0], &sums[1]))
      var bits = busy
      while bits != 0 {
        let lane = bits.trailingZeroBitCount
        let bit = bits & (0 &- bits)
        bits ^= bit
        sweepsLeft[lane] -= 1
        if open & bit != 0, sweepsLeft[lane] > 0 { continue }
        unsafe store(Int(runs[lane]), lane)
        if next < count {
          unsafe load(Int(list[next]), lane)
          runs[lane] = unsafe list[next]
          sweepsLeft[lane] = UInt8(refinementSweeps)
          next += 1
        } else {
          busy ^= bit
        }
      }
    }
  }

  @inline(__always)
  private func load(_ run: Int, _ lane: Int) {
    let target = unsafe floats(active) + lane
    let place = unsafe place(run)
    let lanes = Register.scalarCount
    unsafe lanes_copy_column(x + place, tileLanes, target, lanes)
    unsafe lanes_copy_column(codes + place, tileLanes, target + 16 * lanes, lanes)
    unsafe target[32 * lanes] = sumXL[run]
    unsafe target[33 * lanes] = sumL2[run]
  }

  @inline(__always)
  private func store(_ run: Int, _ lane: Int) {
    let source = unsafe floats(active) + lane
    let place = unsafe place(run)
    let lanes = Register.scalarCount
    unsafe lanes_copy_column(source + 16 * lanes, lanes, codes + place, tileLanes)
    let sumXL = unsafe source[32 * lanes]
    let sumL2 = unsafe source[33 * lanes]
    unsafe scales[run] = sumL2 > 0 ? sumXL / sumL2 : 0
  }

  /// Where the first element of a run is.
  @inline(__always)
  private func place(_ run: Int) -> Int { run / tileLanes * (16 * tileLanes) + run % tileLanes }

  @inline(__always)
  private func registers(_ floats: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Register> {
    unsafe UnsafeMutableRawPointer(floats).assumingMemoryBound(to: Register.self)
  }

  @inline(__always)
  private func floats(_ registers: UnsafeMutablePointer<Register>) -> UnsafeMutablePointer<Float> {
    unsafe UnsafeMutableRawPointer(registers).assumingMemoryBound(to: Float.self)
  }
}
