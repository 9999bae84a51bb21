internal import CLanes
internal import OunceEncoding

// The super-blocks with scales and minima, sixteen at a time: a lane is a super-block, and a sub-block of all of them
// is 32 rows of the tile. The truth is in AffineSuperBlock.swift.

/// Sub-block j lies in half j % 2 of the 32 rows that begin at row 32 * (j / 2).
@inline(__always)
private func subBlock(_ tile: UnsafeMutablePointer<Lanes>, _ j: Int) -> UnsafeMutablePointer<Lanes> {
  unsafe tile + (j >> 1) * 64 + (j & 1)
}

/// Rows of the fits of all sub-blocks; sub-block j begins at `fit + (j / 2) * fitRows + j % 2`.
private let fitRows = 2 * AffineRow.count
/// Behind the fits: the sums of the weights, the packed scales and the packed minima, eight rows each.
private let sumsRow = 4 * fitRows

/// Encodes sixteen super-blocks. `fifth`: the byte offset of the fifth bits; nil: codes have four.
@inline(__always)
func encodeAffine(
  _ truth: some BlockTruth, _ group: BlockGroup, _ candidates: AffineCandidates, fifth: Int?, nibbles: Int,
  _ workspace: Workspace
) {
  let stride = truth.bytesPerBlock
  let searched = unsafe group.importance != nil
  for j in 0..<8 {
    unsafe loadTile(group.x + 32 * j, stride: 256, count: 32, into: subBlock(workspace.tile, j), step: 2)
  }
  if let importance = unsafe group.importance {
    for j in 0..<8 {
      unsafe loadTile(importance + 32 * j, stride: 256, count: 32, into: subBlock(workspace.importance, j), step: 2)
    }
  }
  unsafe fitSubBlocks(
    workspace, searched: searched, searched ? importanceCandidates(levels: candidates.levels) : candidates)
  let packed = unsafe packScales(workspace, searched: searched)
  unsafe storeScales(workspace, packed.d, packed.dmin, group.target, stride)
  unsafe recode(workspace, packed.d, packed.dmin, Int32(candidates.levels))

  let codes = unsafe UnsafeMutableRawPointer(workspace.tile).assumingMemoryBound(to: IntLanes.self)
  unsafe storeNibblePairs(codes, group.target + nibbles, stride)
  if let fifth { unsafe storeFifthBits(codes, group.target + fifth, stride) }
  if lanes_any(packed.wild) { unsafe truth.repair(packed.wild, group, lane: 0, meanSquare: Lanes.all(0)) }
}

/// Searches the scales and minima of all sub-blocks, two at a time.
@inline(__always)
private func fitSubBlocks(_ workspace: Workspace, searched: Bool, _ candidates: AffineCandidates) {
  let tile = unsafe workspace.tile
  let weights = unsafe workspace.weights
  let sums = unsafe workspace.fit + sumsRow
  var spread = Lanes.all(0)
  if searched {
    for j in 0..<8 {
      let x = unsafe subBlock(tile, j)
      for i in 0..<32 { unsafe spread += x[2 * i] * x[2 * i] }
    }
    spread = Lanes.all(2) * spread / 256
  }
  for pair in 0..<4 {
    for half in 0..<2 {
      let x = unsafe subBlock(tile, 2 * pair + half)
      let w = unsafe weights + half
      if searched {
        let importance = unsafe subBlock(workspace.importance, 2 * pair + half)
        var sum = Lanes.all(0)
        for i in 0..<32 {
          let weight = unsafe importance[2 * i] * lanes_root(spread + x[2 * i] * x[2 * i])
          unsafe w[2 * i] = weight
          sum += weight
        }
        unsafe sums[2 * pair + half] = sum
      } else {
        var squares = Lanes.all(0)
        for i in 0..<32 { unsafe squares += x[2 * i] * x[2 * i] }
        let root = lanes_root(squares / 32)
        for i in 0..<32 { unsafe w[2 * i] = root + lanes_magnitude(x[2 * i]) }
      }
    }
    unsafe affineFit(
      tile + 64 * pair, weights: weights, count: 32, candidates, scratch: workspace.scratch,
      into: workspace.fit + pair * fitRows, work: workspace.work)
  }
}

/// Quantizes the scales and minima of the sub-blocks to six bits, behind the sums in `fit`.
@inline(__always)
private func packScales(
  _ workspace: Workspace, searched: Bool
) -> (d: IntLanes, dmin: IntLanes, wild: IntLanes) {
  let fit = unsafe workspace.fit
  let sums = unsafe fit + sumsRow
  let values = unsafe workspace.weights
  var wild = lanes_not(lanes_all_true())
  for j in 0..<8 {
    let row = unsafe fit + (j >> 1) * fitRows + (j & 1)
    unsafe values[j] = row[2 * AffineRow.scale]
    unsafe values[8 + j] = lanes_negated(row[2 * AffineRow.minimum])
    wild = unsafe lanes_or(wild, lanes_unmask(row[2 * AffineRow.wild]))
  }
  var halves = (IntLanes.all(0), IntLanes.all(0))
  if searched {
    let scales = unsafe positiveFit(values, step: 1, weights: sums, codes: sums + 8)
    let minima = unsafe positiveFit(values + 8, step: 1, weights: sums, codes: sums + 16)
    wild = lanes_or(wild, lanes_or(scales.wild, minima.wild))
    halves = (lanes_half_bits(scales.scale), lanes_half_bits(minima.scale))
    for j in 8..<24 { unsafe sums[j] = lanes_mask(lanes_truncated(sums[j])) }
  } else {
    halves = unsafe (
      lanes_half_bits(packByMaximum(values, sums + 8)), lanes_half_bits(packByMaximum(values + 8, sums + 16))
    )
  }
  return (halves.0, halves.1, wild)
}

@inline(__always)
private func packByMaximum(_ values: UnsafePointer<Lanes>, _ packed: UnsafeMutablePointer<Lanes>) -> Lanes {
  let zero = Lanes.all(0)
  var largest = zero
  for j in 0..<8 { largest = unsafe lanes_larger(values[j], largest) }
  let inverse = lanes_select(zero, Lanes.all(63) / largest, lanes_less(zero, largest))
  for j in 0..<8 {
    let code = unsafe lanes_bits(lanes_nearest_integer(inverse * values[j]), 255)
    unsafe packed[j] = lanes_mask(lanes_least(code, IntLanes.all(63)))
  }
  return largest / 63
}

/// Stores `d`, `dmin` and the twelve bytes of `SixBitScales.swift`.
@inline(__always)
private func storeScales(
  _ workspace: Workspace, _ d: IntLanes, _ dmin: IntLanes, _ target: UnsafeMutablePointer<UInt8>, _ stride: Int
) {
  let packed = unsafe UnsafeMutableRawPointer(workspace.fit + sumsRow + 8).assumingMemoryBound(to: IntLanes.self)
  @inline(__always)
  func low(_ j: Int) -> IntLanes {
    unsafe lanes_or(packed[j], lanes_shifted_left(lanes_shifted_right(packed[j + 4], 4), 6))
  }
  @inline(__always)
  func mixed(_ j: Int) -> IntLanes {
    unsafe lanes_or(lanes_bits(packed[j], 15), lanes_shifted_left(lanes_bits(packed[j + 8], 15), 4))
  }
  unsafe lanes_store_transposed(
    target, stride, lanes_or(d, lanes_shifted_left(dmin, 16)), lanes_word(low(0), low(1), low(2), low(3)),
    lanes_word(low(8), low(9), low(10), low(11)), lanes_word(mixed(4), mixed(5), mixed(6), mixed(7)))
}

/// Replaces the elements of the tile by their codes, computed with the scales as they were stored.
@inline(__always)
private func recode(_ workspace: Workspace, _ d: IntLanes, _ dmin: IntLanes, _ levels: Int32) {
  let packed = unsafe UnsafeMutableRawPointer(workspace.fit + sumsRow + 8).assumingMemoryBound(to: IntLanes.self)
  let scales = (lanes_half_value(d), lanes_half_value(dmin))
  let zero = IntLanes.all(0)
  let top = IntLanes.all(levels)
  for j in 0..<8 {
    let x = unsafe subBlock(workspace.tile, j)
    let scale = unsafe scales.0 * lanes_from_integers(packed[j])
    let minimum = unsafe scales.1 * lanes_from_integers(packed[8 + j])
    let unscaled = lanes_equal(scale, Lanes.all(0))
    if lanes_any(unscaled) {
      // The stored scale is zero: these lanes keep the codes of the search.
      let fit = unsafe workspace.fit + (j >> 1) * fitRows + (j & 1)
      let inverse = unsafe fit[2 * AffineRow.inverse]
      let base = unsafe fit[2 * AffineRow.base]
      for i in 0..<32 {
        let found = unsafe lanes_nearest_integer(inverse * (x[2 * i] - base))
        let code = unsafe lanes_choose(lanes_nearest_integer((x[2 * i] + minimum) / scale), found, unscaled)
        unsafe x[2 * i] = lanes_mask(lanes_least(lanes_greatest(code, zero), top))
      }
    } else {
      for i in 0..<32 {
        let code = unsafe lanes_nearest_integer((x[2 * i] + minimum) / scale)
        unsafe x[2 * i] = lanes_mask(lanes_least(lanes_greatest(code, zero), top))
      }
    }
  }
}

/// Row i of sub-block j of a tile of codes.
@inline(__always)
private func code(_ codes: UnsafePointer<IntLanes>, _ j: Int, _ i: Int) -> IntLanes {
  unsafe codes[(j >> 1) * 64 + 2 * i + (j & 1)]
}

/// Byte 32 g + i: the low four bits of code i of sub-block 2 g and, above, of sub-block 2 g + 1.
@inline(__always)
private func storeNibblePairs(_ codes: UnsafePointer<IntLanes>, _ target: UnsafeMutablePointer<UInt8>, _ stride: Int) {
  @inline(__always)
  func word(_ g: Int, _ i: Int) -> IntLanes {
    @inline(__always)
    func four(_ j: Int) -> IntLanes {
      unsafe lanes_word(code(codes, j, i), code(codes, j, i + 1), code(codes, j, i + 2), code(codes, j, i + 3))
    }
    return lanes_or(
      lanes_bits(four(2 * g), 0x0f0f_0f0f), lanes_shifted_left(lanes_bits(four(2 * g + 1), 0x0f0f_0f0f), 4))
  }
  for g in 0..<4 {
    for i in Swift.stride(from: 0, to: 32, by: 16) {
      unsafe lanes_store_transposed(
        target + 32 * g + i, stride, word(g, i), word(g, i + 4), word(g, i + 8), word(g, i + 12))
    }
  }
}

/// Byte i, bit j: the fifth bit of code i of sub-block j.
@inline(__always)
private func storeFifthBits(_ codes: UnsafePointer<IntLanes>, _ target: UnsafeMutablePointer<UInt8>, _ stride: Int) {
  @inline(__always)
  func word(_ i: Int) -> IntLanes {
    var word = IntLanes.all(0)
    for j in 0..<8 {
      let four = unsafe lanes_word(
        code(codes, j, i), code(codes, j, i + 1), code(codes, j, i + 2), code(codes, j, i + 3))
      word = lanes_or(word, lanes_shifted_left(lanes_bits(lanes_shifted_right(four, 4), 0x0101_0101), Int32(j)))
    }
    return word
  }
  for i in Swift.stride(from: 0, to: 32, by: 16) {
    unsafe lanes_store_transposed(target + i, stride, word(i), word(i + 4), word(i + 8), word(i + 12))
  }
}
