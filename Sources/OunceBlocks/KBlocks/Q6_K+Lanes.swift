internal import CLanes
internal import OunceEncoding

extension Q6_K {
  /// Sixteen super-blocks at a time: a lane is a super-block, and a sub-block of all of them is 16 rows of the tile.
  /// Sub-block j lies in half j % 2 of the 16 rows that begin at row 16 * (j / 2).
  @inline(__always)
  func encodeGroup(_ group: BlockGroup, _ workspace: Workspace) {
    let tile = unsafe workspace.tile
    let weights = unsafe workspace.weights
    for j in 0..<16 {
      unsafe loadTile(group.x + 16 * j, stride: 256, count: 16, into: tile + (j >> 1) * 32 + (j & 1), step: 2)
    }
    for pair in 0..<8 {
      if let importance = unsafe group.importance {
        for half in 0..<2 {
          unsafe loadTile(
            importance + 16 * (2 * pair + half), stride: 256, count: 16, into: weights + half, step: 2)
        }
      } else {
        for i in 0..<32 { unsafe weights[i] = tile[32 * pair + i] * tile[32 * pair + i] }
      }
      unsafe symmetricFit(
        tile + 32 * pair, weights: weights, count: 16, half: 32, scratch: workspace.scratch,
        into: workspace.fit + 2 * SymmetricRow.count * pair)
    }
    let (d, empty) = unsafe recode(group, workspace)
    unsafe storeCodes(group, workspace)
    unsafe lanes_store_shorts(group.target + 208, 210, d)
    if lanes_any(empty) {
      for k in 0..<16 where empty[k] != 0 { unsafe (group.target + 210 * k).update(repeating: 0, count: 210) }
    }
  }

  /// Quantizes and stores the scales and replaces the elements of the tile by their codes.
  ///
  /// - Returns: `d` as binary16, and the super-blocks whose bytes are all zero.
  @inline(__always)
  private func recode(_ group: BlockGroup, _ workspace: Workspace) -> (d: IntLanes, empty: IntLanes) {
    let fit = unsafe workspace.fit
    @inline(__always)
    func row(_ j: Int) -> UnsafeMutablePointer<Lanes> {
      unsafe fit + 2 * SymmetricRow.count * (j >> 1) + (j & 1)
    }
    var peak = Lanes.all(0)
    for j in 0..<16 {
      let scale = unsafe row(j)[2 * SymmetricRow.scale]
      peak = lanes_select(peak, scale, lanes_less(lanes_magnitude(peak), lanes_magnitude(scale)))
    }
    let inverse = Lanes.all(-128) / peak
    let d = lanes_half_bits(Lanes.all(1) / inverse)
    let stored = lanes_half_value(d)
    let packed = unsafe UnsafeMutableRawPointer(workspace.weights).assumingMemoryBound(to: IntLanes.self)
    for j in 0..<16 {
      let code = unsafe lanes_least(lanes_nearest_integer(inverse * row(j)[2 * SymmetricRow.scale]), IntLanes.all(127))
      // The reference keeps the scale in a signed byte.
      let byte = lanes_shifted_right(lanes_shifted_left(code, 24), 24)
      unsafe packed[j] = lanes_bits(byte, 255)
      let scale = stored * lanes_from_integers(byte)
      let x = unsafe workspace.tile + 32 * (j >> 1) + (j & 1)
      let unscaled = lanes_equal(scale, Lanes.all(0))
      if lanes_any(unscaled) {
        // The stored scale is zero: these lanes keep the codes of the search.
        let found = unsafe row(j)[2 * SymmetricRow.inverse]
        let nothing = lanes_equal(found, Lanes.all(0))
        for i in 0..<16 {
          let kept = unsafe lanes_choose(
            clamped(lanes_nearest_integer(found * x[2 * i])), IntLanes.all(0), nothing)
          unsafe x[2 * i] = lanes_mask(
            lanes_choose(clamped(lanes_nearest_integer(x[2 * i] / scale)), kept, unscaled))
        }
      } else {
        for i in 0..<16 { unsafe x[2 * i] = lanes_mask(clamped(lanes_nearest_integer(x[2 * i] / scale))) }
      }
    }
    @inline(__always)
    func word(_ j: Int) -> IntLanes { unsafe lanes_word(packed[j], packed[j + 1], packed[j + 2], packed[j + 3]) }
    unsafe lanes_store_transposed(group.target + 192, 210, word(0), word(4), word(8), word(12))
    return (d, lanes_less(lanes_magnitude(peak), Lanes.all(negligible)))
  }

  /// A code from 0 through 63.
  @inline(__always)
  private func clamped(_ code: IntLanes) -> IntLanes {
    lanes_sum(lanes_least(lanes_greatest(code, IntLanes.all(-32)), IntLanes.all(31)), IntLanes.all(32))
  }

  @inline(__always)
  private func storeCodes(_ group: BlockGroup, _ workspace: Workspace) {
    let codes = unsafe UnsafeMutableRawPointer(workspace.tile).assumingMemoryBound(to: IntLanes.self)
    /// Codes e to e + 3 of the super-blocks, a byte each.
    @inline(__always)
    func four(_ e: Int) -> IntLanes {
      let row = unsafe codes + (e >> 5) * 32 + ((e >> 4) & 1) + 2 * (e & 15)
      return unsafe lanes_word(row[0], row[2], row[4], row[6])
    }
    @inline(__always)
    func low(_ e: Int) -> IntLanes {
      lanes_or(lanes_bits(four(e), 0x0f0f_0f0f), lanes_shifted_left(lanes_bits(four(e + 64), 0x0f0f_0f0f), 4))
    }
    @inline(__always)
    func high(_ e: Int) -> IntLanes {
      let mask: Int32 = 0x0303_0303
      let first = lanes_bits(lanes_shifted_right(four(e), 4), mask)
      let second = lanes_shifted_left(lanes_bits(lanes_shifted_right(four(e + 32), 4), mask), 2)
      let third = lanes_bits(four(e + 64), 0x3030_3030)
      let fourth = lanes_shifted_left(lanes_bits(lanes_shifted_right(four(e + 96), 4), mask), 6)
      return lanes_or(lanes_or(first, second), lanes_or(third, fourth))
    }
    for h in 0..<2 {
      for i in stride(from: 0, to: 64, by: 16) {
        let e = 128 * h + i
        unsafe lanes_store_transposed(group.target + 64 * h + i, 210, low(e), low(e + 4), low(e + 8), low(e + 12))
      }
      for i in stride(from: 0, to: 32, by: 16) {
        let e = 128 * h + i
        unsafe lanes_store_transposed(
          group.target + 128 + 32 * h + i, 210, high(e), high(e + 4), high(e + 8), high(e + 12))
      }
    }
  }
}
