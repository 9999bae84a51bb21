internal import CLanes
internal import OunceEncoding

extension Q3_K {
  /// Sixteen super-blocks at a time, in the tile of `SixteenSubBlocks.swift`.
  @inline(__always)
  func encodeGroup(_ group: BlockGroup, _ workspace: Workspace) {
    for j in 0..<16 {
      unsafe loadTile(group.x + 16 * j, stride: 256, count: 16, into: subBlock(ofSixteen: workspace.tile, j), step: 2)
    }
    // The codes of the search take the place of the importance, which is read first; scales come behind it.
    let found = unsafe workspace.importance
    let scales = unsafe workspace.fit
    let packed = unsafe UnsafeMutableRawPointer(workspace.weights).assumingMemoryBound(to: IntLanes.self)
    let d: IntLanes
    if unsafe group.importance == nil {
      unsafe refine(workspace, codes: found, into: scales)
      d = unsafe packByPeak(scales, packed)
    } else {
      unsafe searchByImportance(group, workspace)
      d = unsafe packBySearch(workspace, packed)
    }
    unsafe recode(workspace, lanes_half_value(d), packed)
    unsafe storeCodes(group, workspace)
    unsafe storeScales(group, packed)
    unsafe lanes_store_shorts(group.target + 108, 110, d)
  }

  /// Fits all sub-blocks without weights.
  @inline(__always)
  private func refine(
    _ workspace: Workspace, codes: UnsafeMutablePointer<Lanes>, into scales: UnsafeMutablePointer<Lanes>
  ) {
    @inline(__always)
    func floats(_ rows: UnsafeMutablePointer<Lanes>) -> UnsafeMutablePointer<Float> {
      unsafe UnsafeMutableRawPointer(rows).assumingMemoryBound(to: Float.self)
    }
    let runs = unsafe RefinedRuns(
      x: floats(workspace.tile), codes: floats(codes), scales: floats(scales), sumXL: floats(workspace.work),
      sumL2: floats(workspace.work + 16),
      active: UnsafeMutableRawPointer(workspace.scratch).assumingMemoryBound(to: Register.self))
    unsafe runs.fit(half: 4)
  }

  /// Behind the sixteen rows of scales in `fit`: the sums of the weights, then a fit.
  private var sumsRow: Int { 16 }
  private var fitRow: Int { 32 }

  /// Fits all sub-blocks with weights. `importance` receives their codes, `fit` their scales and the sums.
  @inline(__always)
  private func searchByImportance(_ group: BlockGroup, _ workspace: Workspace) {
    guard let importance = unsafe group.importance else { return }
    let tile = unsafe workspace.tile
    let weights = unsafe workspace.weights
    var spread = Lanes.all(0)
    for j in 0..<16 {
      let x = unsafe subBlock(ofSixteen: tile, j)
      for i in 0..<16 { unsafe spread += x[2 * i] * x[2 * i] }
    }
    spread = Lanes.all(2) * spread / 256
    for pair in 0..<8 {
      for half in 0..<2 {
        let x = unsafe subBlock(ofSixteen: tile, 2 * pair + half)
        let w = unsafe weights + half
        unsafe loadTile(importance + 32 * pair + 16 * half, stride: 256, count: 16, into: w, step: 2)
        var sum = Lanes.all(0)
        for i in 0..<16 {
          let weight = unsafe w[2 * i] * lanes_root(spread + x[2 * i] * x[2 * i])
          unsafe w[2 * i] = weight
          sum += weight
        }
        unsafe workspace.fit[sumsRow + 2 * pair + half] = sum
      }
      let fit = unsafe workspace.fit + fitRow
      unsafe symmetricFit(
        tile + 32 * pair, weights: weights, count: 16, half: 4, scratch: workspace.scratch, into: fit)
      for half in 0..<2 {
        unsafe workspace.fit[2 * pair + half] = fit[2 * SymmetricRow.scale + half]
        let inverse = unsafe fit[2 * SymmetricRow.inverse + half]
        let nothing = lanes_equal(inverse, Lanes.all(0))
        let x = unsafe subBlock(ofSixteen: tile, 2 * pair + half)
        let codes = unsafe subBlock(ofSixteen: workspace.importance, 2 * pair + half)
        for i in 0..<16 {
          let code = unsafe lanes_smaller(lanes_larger(lanes_nearest(inverse * x[2 * i]), Lanes.all(-4)), Lanes.all(3))
          unsafe codes[2 * i] = lanes_select(code, Lanes.all(-4), nothing)
        }
      }
    }
  }

  /// Packs the scales by the one of largest magnitude; gives `d` as binary16.
  @inline(__always)
  private func packByPeak(_ scales: UnsafePointer<Lanes>, _ packed: UnsafeMutablePointer<IntLanes>) -> IntLanes {
    let zero = Lanes.all(0)
    var peak = zero
    for j in 0..<16 {
      let scale = unsafe scales[j]
      peak = lanes_select(peak, scale, lanes_less(lanes_magnitude(peak), lanes_magnitude(scale)))
    }
    let nothing = lanes_equal(peak, zero)
    let inverse = Lanes.all(-32) / peak
    for j in 0..<16 {
      let code = unsafe lanes_greatest(
        lanes_least(lanes_nearest_integer(inverse * scales[j]), IntLanes.all(31)), IntLanes.all(-32))
      unsafe packed[j] = lanes_choose(lanes_sum(code, IntLanes.all(32)), IntLanes.all(0), nothing)
    }
    return lanes_half_bits(lanes_select(Lanes.all(1) / inverse, zero, nothing))
  }

  /// Packs the scales by a search of their own, weighted by the sums of the weights; gives `d` as binary16.
  @inline(__always)
  private func packBySearch(_ workspace: Workspace, _ packed: UnsafeMutablePointer<IntLanes>) -> IntLanes {
    let scales = unsafe workspace.fit
    let fit = unsafe workspace.fit + fitRow
    // The search works on twice as many lanes as there are super-blocks: the second half is a copy.
    let doubled = unsafe workspace.scratch + 32
    for j in 0..<16 {
      for half in 0..<2 {
        unsafe doubled[2 * j + half] = scales[j]
        unsafe workspace.weights[2 * j + half] = workspace.fit[sumsRow + j]
      }
    }
    unsafe symmetricFit(
      doubled, weights: workspace.weights, count: 16, half: 32, scratch: workspace.scratch, into: fit)
    let inverse = unsafe fit[2 * SymmetricRow.inverse]
    let nothing = lanes_equal(inverse, Lanes.all(0))
    for j in 0..<16 {
      let code = unsafe lanes_smaller(lanes_larger(lanes_nearest(inverse * scales[j]), Lanes.all(-32)), Lanes.all(31))
      unsafe packed[j] = lanes_choose(lanes_truncated(code + 32), IntLanes.all(0), nothing)
    }
    return unsafe lanes_half_bits(fit[2 * SymmetricRow.scale])
  }

  /// Replaces the elements of the tile by their codes, computed with the scales as they were stored.
  @inline(__always)
  private func recode(_ workspace: Workspace, _ d: Lanes, _ packed: UnsafePointer<IntLanes>) {
    for j in 0..<16 {
      let x = unsafe subBlock(ofSixteen: workspace.tile, j)
      let found = unsafe subBlock(ofSixteen: workspace.importance, j)
      let scale = unsafe d * (lanes_from_integers(packed[j]) - 32)
      let unscaled = lanes_equal(scale, Lanes.all(0))
      let some = lanes_any(unscaled)
      for i in 0..<16 {
        let nearest = unsafe lanes_nearest_integer(x[2 * i] / scale)
        var code = lanes_sum(lanes_least(lanes_greatest(nearest, IntLanes.all(-4)), IntLanes.all(3)), IntLanes.all(4))
        // The stored scale is zero: these lanes keep the codes of the search.
        if some { code = unsafe lanes_choose(code, lanes_truncated(found[2 * i] + 4), unscaled) }
        unsafe x[2 * i] = lanes_mask(code)
      }
    }
  }

  @inline(__always)
  private func storeCodes(_ group: BlockGroup, _ workspace: Workspace) {
    let codes = unsafe UnsafeMutableRawPointer(workspace.tile).assumingMemoryBound(to: IntLanes.self)
    @inline(__always)
    func third(_ i: Int) -> IntLanes {
      var word = IntLanes.all(0)
      for k in 0..<8 {
        let bits = unsafe lanes_bits(lanes_shifted_right(fourCodes(codes, 32 * k + i), 2), 0x0101_0101)
        word = lanes_or(word, lanes_shifted_left(bits, Int32(k)))
      }
      return word
    }
    for i in stride(from: 0, to: 32, by: 16) {
      unsafe lanes_store_transposed(group.target + i, 110, third(i), third(i + 4), third(i + 8), third(i + 12))
    }
    unsafe storeTwoBits(codes, at: group.target + 32, stride: 110)
  }

  /// The twelve bytes of scales, two at a time.
  @inline(__always)
  private func storeScales(_ group: BlockGroup, _ packed: UnsafePointer<IntLanes>) {
    @inline(__always)
    func low(_ j: Int) -> IntLanes {
      unsafe lanes_or(lanes_bits(packed[j], 15), lanes_shifted_left(lanes_bits(packed[j + 8], 15), 4))
    }
    @inline(__always)
    func high(_ j: Int) -> IntLanes {
      var byte = IntLanes.all(0)
      for n in 0..<4 {
        byte = unsafe lanes_or(byte, lanes_shifted_left(lanes_shifted_right(packed[j + 4 * n], 4), Int32(2 * n)))
      }
      return byte
    }
    for j in stride(from: 0, to: 8, by: 2) {
      unsafe lanes_store_shorts(group.target + 96 + j, 110, lanes_or(low(j), lanes_shifted_left(low(j + 1), 8)))
    }
    for j in stride(from: 0, to: 4, by: 2) {
      unsafe lanes_store_shorts(group.target + 104 + j, 110, lanes_or(high(j), lanes_shifted_left(high(j + 1), 8)))
    }
  }
}
