internal import CLanes
internal import OunceEncoding

/// An encoding of sub-blocks as points of a grid: what it stores where. The search is `GridSearch`.
protocol GridEncoding: BlockTruth {
  var search: GridSearch { get }
  /// Whether a block is all zeros when its scale is; else the points of the search stay.
  var clearsZeroBlocks: Bool { get }

  /// Stores points and signs of sub-block `b`, which is not zero.
  ///
  /// - Parameters:
  ///   - storedCount: how many sub-blocks of this block were stored before.
  func store(
    _ part: GridSubBlock, _ b: Int, storedCount: Int, _ search: GridSearch, into target: UnsafeMutablePointer<UInt8>)
  /// Stores the scale of sub-block `b`, four bits.
  func storeScale(_ code: UInt8, _ b: Int, into target: UnsafeMutablePointer<UInt8>)
}

extension GridSearch {
  /// The number of point `k` of a sub-block.
  @inline(__always)
  func number(_ part: GridSubBlock, _ k: Int) -> Int32 { unsafe neighbours.places[Int(part.points[k])] }
}

extension GridEncoding {
  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    let search = search
    let blockCount = search.count / 16
    unsafe withRows(elements, columns: columns, importance: importance, into: &blocks) { rows in
      unsafe Workspace.with { workspace in
        unsafe GridTile.with(search) { tile in
          unsafe forEachGroup(of: rows, size: blockCount, workspace) { group in
            unsafe encode(group, blockCount, search, tile)
          }
        }
      }
    }
  }

  /// Encodes the super-blocks whose sub-blocks are sixteen.
  private func encode(_ group: BlockGroup, _ blockCount: Int, _ search: GridSearch, _ tile: GridTile) {
    let parts = 16 / blockCount
    for block in 0..<blockCount {
      let x = unsafe group.x + 256 * block
      let importance = unsafe group.importance.map { unsafe $0 + 256 * block }
      let squares = unsafe GridSearch.squares(x)
      for b in 0..<parts {
        let first = search.count * b
        unsafe search.load(x + first, importance.map { unsafe $0 + first }, squares, tile.part(block * parts + b))
      }
    }
    let fit = unsafe search.fit(tile)
    for block in 0..<blockCount {
      let target = unsafe group.target + bytesPerBlock * block
      unsafe target.update(repeating: 0, count: bytesPerBlock)
      var storedCount = 0
      for b in 0..<parts {
        let lane = block * parts + b
        unsafe tile.scales[lane] = fit.isZero[lane] != 0 ? 0 : fit.scale[lane]
        guard fit.isZero[lane] == 0 else { continue }
        let part = unsafe tile.part(lane)
        for k in 0..<search.groupCount { unsafe part.points[k] = tile.points[k][lane] }
        if fit.isNegative[lane] != 0 { unsafe search.flipSigns(part) }
        unsafe store(part, b, storedCount: storedCount, search, into: target)
        storedCount += 1
      }
      unsafe storeScales(tile.scales + block * parts, search, into: target)
    }
  }
}
