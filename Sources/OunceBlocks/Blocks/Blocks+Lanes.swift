internal import CLanes
internal import OunceEncoding

// The blocks of 32 in lanes: the truth is in BlockScales.swift.

/// Encodes rows of blocks whose scale comes from the extremes.
@inline(__always)
func encodeByExtremes(_ rows: BlockRows, _ fields: BlockFields, _ workspace: Workspace) {
  let stride = unsafe rows.bytesPerBlock
  let tile = unsafe workspace.tile
  unsafe forEachGroup(of: rows, size: 16, workspace) { group in
    unsafe loadTile(group.x, stride: 32, count: 32, into: tile, step: 1)
    let zero = Lanes.all(0)
    let scale: Lanes
    var minimum = zero
    if let offset = fields.minimum {
      minimum = Lanes.all(.greatestFiniteMagnitude)
      var maximum = -minimum
      for i in 0..<32 {
        unsafe minimum = lanes_smaller(tile[i], minimum)
        unsafe maximum = lanes_larger(tile[i], maximum)
      }
      scale = (maximum - minimum) / fields.levels
      unsafe lanes_store_shorts(group.target + offset, stride, lanes_half_bits(minimum))
    } else {
      var peak = zero
      for i in 0..<32 {
        let value = unsafe tile[i]
        peak = lanes_select(peak, value, lanes_less(lanes_magnitude(peak), lanes_magnitude(value)))
      }
      scale = peak / ((fields.levels + 1) / -2)
    }
    unsafe lanes_store_shorts(group.target, stride, lanes_half_bits(scale))
    let inverse = lanes_select(Lanes.all(1) / scale, zero, lanes_equal(scale, zero))
    // An infinite scale or inverse makes products that fit no integer: the reference's codes are then 0.
    let infinity = Lanes.all(.infinity)
    let usable = lanes_and(
      lanes_less(lanes_magnitude(inverse), infinity), lanes_less(lanes_magnitude(scale), infinity))
    let offset = fields.minimum == nil ? (fields.levels + 2) / 2 : 0.5
    let top = IntLanes.all(Int32(fields.levels))
    unsafe storeCodes(at: group.target, stride: stride, nibbles: fields.nibbles, fifth: fields.fifth) { j in
      let value = unsafe fields.minimum == nil ? tile[j] : tile[j] - minimum
      return lanes_and(lanes_least(lanes_truncated(value * inverse + offset), top), usable)
    }
  }
}

/// Encodes rows of blocks whose scale is searched with importance, `tileLanes` blocks at a time.
@inline(__always)
func encodeByImportance(_ truth: some BlockTruth, _ rows: BlockRows, _ fields: BlockFields, _ workspace: Workspace) {
  let columns = unsafe rows.columns
  let blocksPerRow = columns / 32
  let rowCount = unsafe rows.count / blocksPerRow
  // As many rows as lanes make whole groups.
  for row in stride(from: 0, to: rowCount, by: tileLanes) {
    let present = min(tileLanes, rowCount - row)
    var batch = unsafe rows
    unsafe batch.x += row * columns
    unsafe batch.target += row * blocksPerRow * batch.bytesPerBlock
    unsafe batch.count = present * blocksPerRow
    let low = unsafe rowSquares(batch.x, stride: columns, rows: min(16, present), count: columns, workspace)
    let high =
      unsafe present > 16
      ? rowSquares(batch.x + 16 * columns, stride: columns, rows: present - 16, count: columns, workspace) : low
    let meanSquares = (low / Float(columns), high / Float(columns))
    unsafe forEachGroup(of: batch, size: tileLanes, workspace) { group in
      for half in 0..<2 {
        var meanSquare = Lanes()
        for k in 0..<16 {
          let row = unsafe min((group.first + 16 * half + k) / blocksPerRow, present - 1)
          meanSquare[k] = row < 16 ? meanSquares.0[row] : meanSquares.1[row - 16]
        }
        unsafe loadWeighted(group, half, meanSquare, workspace)
        unsafe (workspace.scratch + half).pointee = meanSquare
      }
      let squares = unsafe (workspace.scratch[0], workspace.scratch[1])
      unsafe searchAndStore(truth, group, fields, squares, workspace)
    }
  }
}

/// The tile of sixteen blocks and of their weights.
@inline(__always)
private func loadWeighted(_ group: BlockGroup, _ half: Int, _ meanSquare: Lanes, _ workspace: Workspace) {
  guard let importance = unsafe group.importance else { return }
  unsafe loadTile(group.x + 512 * half, stride: 32, count: 32, into: workspace.tile + half, step: 2)
  unsafe loadTile(importance + 512 * half, stride: 32, count: 32, into: workspace.weights + half, step: 2)
  for i in 0..<32 {
    let value = unsafe workspace.tile[2 * i + half]
    unsafe workspace.weights[2 * i + half] *= lanes_root(meanSquare + value * value)
  }
}

@inline(__always)
private func searchAndStore(
  _ truth: some BlockTruth, _ group: BlockGroup, _ fields: BlockFields, _ meanSquares: (Lanes, Lanes),
  _ workspace: Workspace
) {
  let stride = truth.bytesPerBlock
  let tile = unsafe workspace.tile
  let fit = unsafe workspace.fit
  if fields.minimum == nil {
    unsafe symmetricFit(
      tile, weights: workspace.weights, count: 32, half: (fields.levels + 1) / 2, scratch: workspace.scratch,
      into: fit)
  } else {
    unsafe affineFit(
      tile, weights: workspace.weights, count: 32, importanceCandidates(levels: fields.levels),
      scratch: workspace.scratch, into: fit, work: workspace.work)
  }
  for half in 0..<2 {
    let target = unsafe group.target + 16 * half * stride
    if let offset = fields.minimum {
      let inverse = unsafe fit[2 * AffineRow.inverse + half]
      let base = unsafe fit[2 * AffineRow.base + half]
      let minimum = unsafe fit[2 * AffineRow.minimum + half]
      let top = Lanes.all(fields.levels)
      unsafe lanes_store_shorts(target, stride, lanes_half_bits(fit[2 * AffineRow.scale + half]))
      unsafe lanes_store_shorts(target + offset, stride, lanes_half_bits(minimum))
      unsafe storeCodes(at: target, stride: stride, nibbles: fields.nibbles, fifth: fields.fifth) { j in
        let code = unsafe lanes_nearest(inverse * (tile[2 * j + half] - base))
        return lanes_truncated(lanes_smaller(lanes_larger(code, Lanes.all(0)), top))
      }
      let wild = unsafe lanes_unmask(fit[2 * AffineRow.wild + half])
      if lanes_any(wild) {
        unsafe truth.repair(wild, group, lane: 16 * half, meanSquare: half == 0 ? meanSquares.0 : meanSquares.1)
      }
    } else {
      let middle = (fields.levels + 1) / 2
      let inverse = unsafe fit[2 * SymmetricRow.inverse + half]
      let nothing = lanes_equal(inverse, Lanes.all(0))
      unsafe lanes_store_shorts(target, stride, lanes_half_bits(fit[2 * SymmetricRow.scale + half]))
      unsafe storeCodes(at: target, stride: stride, nibbles: fields.nibbles, fifth: fields.fifth) { j in
        let code = unsafe lanes_nearest(inverse * tile[2 * j + half])
        let clamped = lanes_smaller(
          lanes_larger(code, Lanes.all(-middle)), Lanes.all(middle - 1))
        return lanes_choose(lanes_truncated(clamped + middle), IntLanes.all(0), nothing)
      }
    }
  }
}
