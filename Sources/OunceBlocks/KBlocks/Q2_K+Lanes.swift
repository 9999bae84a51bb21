internal import CLanes
internal import OunceEncoding

/// Rows of the fits of all sub-blocks; sub-block j begins at `fit + (j / 2) * fitRows + j % 2`.
private let fitRows = 2 * AffineRow.count
// The importance is read into the weights, so its tile has room: the sums of the weights, the scales, the minima, and
// what they are packed to, sixteen rows each.
private let sumsRow = 0
private let scalesRow = 16
private let minimaRow = 32
private let packedRow = 48

extension Q2_K {
  /// Sixteen super-blocks at a time, in the tile of `SixteenSubBlocks.swift`.
  @inline(__always)
  func encodeGroup(_ group: BlockGroup, _ workspace: Workspace) {
    for j in 0..<16 {
      unsafe loadTile(group.x + 16 * j, stride: 256, count: 16, into: subBlock(ofSixteen: workspace.tile, j), step: 2)
    }
    unsafe fitSubBlocks(group, workspace)
    let packed = unsafe packScales(workspace, searched: group.importance != nil)
    unsafe recode(workspace, packed.d, packed.dmin)
    let codes = unsafe UnsafeMutableRawPointer(workspace.tile).assumingMemoryBound(to: IntLanes.self)
    unsafe storeTwoBits(codes, at: group.target + 16, stride: 84)
    let bytes = unsafe UnsafeMutableRawPointer(workspace.importance + packedRow).assumingMemoryBound(to: IntLanes.self)
    @inline(__always)
    func word(_ j: Int) -> IntLanes { unsafe lanes_word(bytes[j], bytes[j + 1], bytes[j + 2], bytes[j + 3]) }
    unsafe lanes_store_transposed(group.target, 84, word(0), word(4), word(8), word(12))
    unsafe lanes_store_shorts(group.target + 80, 84, packed.d)
    unsafe lanes_store_shorts(group.target + 82, 84, packed.dmin)
    if lanes_any(packed.wild) { unsafe repair(packed.wild, group, lane: 0, meanSquare: Lanes.all(0)) }
  }

  /// Searches the scales and minima of all sub-blocks, two at a time.
  @inline(__always)
  private func fitSubBlocks(_ group: BlockGroup, _ workspace: Workspace) {
    let tile = unsafe workspace.tile
    let weights = unsafe workspace.weights
    var spread = Lanes.all(0)
    if unsafe group.importance != nil {
      for j in 0..<16 {
        let x = unsafe subBlock(ofSixteen: tile, j)
        for i in 0..<16 { unsafe spread += x[2 * i] * x[2 * i] }
      }
      spread = spread / 256
    }
    for pair in 0..<8 {
      if let importance = unsafe group.importance {
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
          unsafe workspace.importance[sumsRow + 2 * pair + half] = sum
        }
      } else {
        for i in 0..<32 { unsafe weights[i] = lanes_magnitude(tile[32 * pair + i]) }
      }
      unsafe affineFit(
        tile + 32 * pair, weights: weights, count: 16,
        group.importance == nil ? Self.candidates : importanceCandidates(levels: 3), scratch: workspace.scratch,
        into: workspace.fit + pair * fitRows, work: workspace.work)
    }
  }

  /// Packs the scales and minima of the sub-blocks into a byte each; gives `d` and `dmin` as binary16.
  @inline(__always)
  private func packScales(
    _ workspace: Workspace, searched: Bool
  ) -> (d: IntLanes, dmin: IntLanes, wild: IntLanes) {
    let scales = unsafe workspace.importance + scalesRow
    let minima = unsafe workspace.importance + minimaRow
    let sums = unsafe workspace.importance + sumsRow
    let bytes = unsafe UnsafeMutableRawPointer(workspace.importance + packedRow).assumingMemoryBound(to: IntLanes.self)
    var wild = lanes_not(lanes_all_true())
    for j in 0..<16 {
      let row = unsafe workspace.fit + (j >> 1) * fitRows + (j & 1)
      unsafe scales[j] = row[2 * AffineRow.scale]
      unsafe minima[j] = lanes_negated(row[2 * AffineRow.minimum])
      wild = unsafe lanes_or(wild, lanes_unmask(row[2 * AffineRow.wild]))
    }
    if searched {
      let codes = unsafe workspace.weights
      let scale = unsafe positiveFit(scales, step: 1, weights: sums, count: 16, levels: 15, codes: codes)
      let minimum = unsafe positiveFit(minima, step: 1, weights: sums, count: 16, levels: 15, codes: codes + 16)
      for j in 0..<16 {
        unsafe bytes[j] = lanes_or(
          lanes_truncated(codes[j]), lanes_shifted_left(lanes_truncated(codes[16 + j]), 4))
      }
      wild = lanes_or(wild, lanes_or(scale.wild, minimum.wild))
      return (lanes_half_bits(scale.scale), lanes_half_bits(minimum.scale), wild)
    }
    let scale = unsafe largest(scales)
    let minimum = unsafe largest(minima)
    for j in 0..<16 {
      let low = unsafe lanes_bits(lanes_nearest_integer(scale.inverse * scales[j]), 255)
      let high = unsafe lanes_bits(lanes_shifted_left(lanes_nearest_integer(minimum.inverse * minima[j]), 4), 255)
      unsafe bytes[j] = lanes_or(low, high)
    }
    return (lanes_half_bits(scale.peak / 15), lanes_half_bits(minimum.peak / 15), wild)
  }

  /// The largest of sixteen rows, and what makes it 15; zeros where none is positive.
  @inline(__always)
  private func largest(_ values: UnsafePointer<Lanes>) -> (peak: Lanes, inverse: Lanes) {
    let zero = Lanes.all(0)
    var peak = zero
    for j in 0..<16 { peak = unsafe lanes_larger(values[j], peak) }
    return (peak, lanes_select(zero, Lanes.all(15) / peak, lanes_less(zero, peak)))
  }

  /// Replaces the elements of the tile by their codes, computed with the scales as they were stored.
  @inline(__always)
  private func recode(_ workspace: Workspace, _ d: IntLanes, _ dmin: IntLanes) {
    let bytes = unsafe UnsafeMutableRawPointer(workspace.importance + packedRow).assumingMemoryBound(to: IntLanes.self)
    let factors = (lanes_half_value(d), lanes_half_value(dmin))
    let zero = IntLanes.all(0)
    let top = IntLanes.all(3)
    for j in 0..<16 {
      let x = unsafe subBlock(ofSixteen: workspace.tile, j)
      let scale = unsafe factors.0 * lanes_from_integers(lanes_bits(bytes[j], 15))
      let minimum = unsafe factors.1 * lanes_from_integers(lanes_shifted_right(bytes[j], 4))
      let unscaled = lanes_equal(scale, Lanes.all(0))
      let some = lanes_any(unscaled)
      let fit = unsafe workspace.fit + (j >> 1) * fitRows + (j & 1)
      for i in 0..<16 {
        var code = unsafe lanes_nearest_integer((x[2 * i] + minimum) / scale)
        if some {
          // The stored scale is zero: these lanes keep the codes of the search.
          let found = unsafe fit[2 * AffineRow.inverse] * (x[2 * i] - fit[2 * AffineRow.base])
          code = lanes_choose(code, lanes_nearest_integer(found), unscaled)
        }
        unsafe x[2 * i] = lanes_mask(lanes_least(lanes_greatest(code, zero), top))
      }
    }
  }
}
