internal import CLanes

// The search of GridSearch.swift for sixteen sub-blocks at once: a lane is a sub-block. Only the search among the
// neighbours of digits that are no point goes lane by lane; there the candidates are lanes.

/// The memory of one call, for sixteen sub-blocks.
@unsafe struct GridTile {
  /// Row i holds element i of each sub-block: magnitudes, weights, and the products of both.
  let x: UnsafeMutablePointer<Lanes>
  let weights: UnsafeMutablePointer<Lanes>
  let products: UnsafeMutablePointer<Lanes>
  /// Row k holds the packed digits of point k.
  let points: UnsafeMutablePointer<IntLanes>
  let candidate: UnsafeMutablePointer<IntLanes>
  /// Whether they were on the grid.
  let isOnGrid: UnsafeMutablePointer<IntLanes>
  let candidateIsOnGrid: UnsafeMutablePointer<IntLanes>
  /// What the grid has at the digits of each candidate, as in `GridNeighbours.places`.
  let places: UnsafeMutablePointer<IntLanes>
  let candidateScale: UnsafeMutablePointer<Lanes>
  let scales: UnsafeMutablePointer<Float>
  private let elements: UnsafeMutablePointer<Float>
  private let numbers: UnsafeMutablePointer<Int32>
  private let count: Int

  /// Elements, weights and roots of one sub-block after the other.
  @inline(__always)
  func part(_ lane: Int) -> GridSubBlock {
    let x = unsafe elements + count * lane
    return unsafe GridSubBlock(
      x: x, weights: x + 512, roots: x + 1024, points: numbers + 16 * lane, signs: numbers + 16 * lane + 8)
  }

  @inline(__always)
  static func with(_ search: GridSearch, _ body: (GridTile) -> Void) {
    // Three times 32 rows of lanes, five times 8 and one; three times 512 floats, 16 scales and 16 times 16 numbers.
    let count = 3 * 512 + 5 * 128 + 16 + 3 * 512 + 16 + 256
    unsafe withUnsafeTemporaryAllocation(byteCount: 4 * count, alignment: 64) { memory in
      guard let base = memory.baseAddress else { return }
      unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
      func at<Value>(_ offset: Int, _ type: Value.Type = Value.self) -> UnsafeMutablePointer<Value> {
        unsafe (base + 4 * offset).assumingMemoryBound(to: type)
      }
      unsafe body(
        GridTile(
          x: at(0), weights: at(512), products: at(1024), points: at(1536), candidate: at(1664), isOnGrid: at(1792),
          candidateIsOnGrid: at(1920), places: at(2048), candidateScale: at(2176), scales: at(3728),
          elements: at(2192), numbers: at(3744), count: search.count))
    }
  }
}

/// What is known of sixteen sub-blocks.
struct GridFit {
  var scale: Lanes
  /// All bits set: the sub-block is zero, and nothing of it is stored.
  var isZero: IntLanes
  /// All bits set: the signs of the elements turn over.
  var isNegative: IntLanes
}

extension GridSearch {
  /// Finds scales and points for the sub-blocks of a tile.
  func fit(_ tile: GridTile) -> GridFit {
    unsafe transpose(tile)
    var largest = unsafe tile.x[0]
    for i in 1..<count { largest = unsafe lanes_larger(largest, tile.x[i]) }
    var isZero = lanes_less(largest, Lanes.all(smallest))
    var scale = largest / Float(2 * neighbours.top + 1)
    if startsFromCodes {
      let fit = unsafe positiveFit(
        tile.x, step: 1, weights: tile.weights, count: count, levels: Float(neighbours.top + 2), mayBeNegative: true,
        codes: tile.products)
      scale = fit.scale
      for lane in 0..<16 where fit.wild[lane] != 0 { scale[lane] = unsafe scaleOfCodes(tile.part(lane)) }
      largest = scale * Float(neighbours.top + 1)
      isZero = lanes_or(isZero, lanes_less_or_equal(largest, Lanes.all(0)))
    }
    for i in 0..<count { unsafe tile.products[i] = tile.weights[i] * tile.x[i] }
    for group in 0..<groupCount {
      unsafe tile.points[group] = IntLanes.all(neighbours.origin)
      unsafe tile.isOnGrid[group] = IntLanes.all(refit == .offGrid ? -1 : 0)
    }
    var best = Lanes.all(0)
    for k in -steps...steps {
      let inverse = Lanes.all(self.inverse(k)) / largest
      let candidateScale = Lanes.all(1) / inverse
      unsafe choose(tile, inverse, candidateScale, skipping: isZero)
      let sums = unsafe sums(tile, tile.candidate)
      let isBetter = lanes_and(
        lanes_less(Lanes.all(0), sums.q2), lanes_less(best * sums.q2, sums.qx * sums.qx))
      guard lanes_any(isBetter) else { continue }
      let newScale = sums.qx / sums.q2
      scale = lanes_select(scale, newScale, isBetter)
      best = lanes_select(best, newScale * sums.qx, isBetter)
      for group in 0..<groupCount {
        unsafe tile.points[group] = lanes_choose(tile.points[group], tile.candidate[group], isBetter)
        unsafe tile.isOnGrid[group] = lanes_choose(tile.isOnGrid[group], tile.candidateIsOnGrid[group], isBetter)
      }
    }
    scale = unsafe refitted(tile, scale, isZero)
    let isNegative = lanes_less(scale, Lanes.all(0))
    scale = lanes_select(scale, lanes_negated(scale), isNegative)
    return GridFit(scale: scale, isZero: isZero, isNegative: isNegative)
  }

  private func transpose(_ tile: GridTile) {
    let first = unsafe tile.part(0)
    unsafe loadTile(first.x, stride: count, count: count, into: tile.x, step: 1)
    unsafe loadTile(first.weights, stride: count, count: count, into: tile.weights, step: 1)
  }

  /// Chooses points once more with the best scales; gives the scales they have.
  private func refitted(_ tile: GridTile, _ scale: Lanes, _ isZero: IntLanes) -> Lanes {
    var allOnGrid = lanes_all_true()
    for group in 0..<groupCount { allOnGrid = unsafe lanes_and(allOnGrid, tile.isOnGrid[group]) }
    var isRefitted = lanes_and(lanes_less(Lanes.all(0), scale), lanes_not(isZero))
    if refit != .always { isRefitted = lanes_and(isRefitted, lanes_not(allOnGrid)) }
    guard lanes_any(isRefitted) else { return scale }
    let inverse = Lanes.all(1) / scale
    unsafe choose(tile, inverse, scale, skipping: lanes_not(isRefitted), onlyOffGrid: refit == .offGrid)
    for group in 0..<groupCount {
      var isChosen = isRefitted
      if refit == .offGrid { isChosen = unsafe lanes_and(isChosen, lanes_not(tile.isOnGrid[group])) }
      unsafe tile.points[group] = lanes_choose(tile.points[group], tile.candidate[group], isChosen)
    }
    let sums = unsafe sums(tile, tile.points)
    let isGood = lanes_and(isRefitted, lanes_less(Lanes.all(0), sums.q2))
    return lanes_select(scale, sums.qx / sums.q2, isGood)
  }

  /// Chooses the points of each sub-block; where lanes are skipped, any points.
  ///
  /// - Parameter onlyOffGrid: whether points that are on the grid are skipped too.
  private func choose(
    _ tile: GridTile, _ inverse: Lanes, _ scale: Lanes, skipping isSkipped: IntLanes, onlyOffGrid: Bool = false
  ) {
    unsafe tile.candidateScale.pointee = scale
    unsafe neighbours.places.withUnsafeBufferPointer { places in
      for group in 0..<groupCount { unsafe lookUp(tile, group, inverse, places) }
    }
    unsafe neighbours.keys.withUnsafeBufferPointer { keys in
      guard let keys = keys.baseAddress else { return }
      for group in 0..<groupCount {
        let place = unsafe tile.places[group]
        let isOffGrid = lanes_shifted_right(place, 31)
        unsafe tile.candidateIsOnGrid[group] = lanes_not(isOffGrid)
        var isSearched = lanes_and(isOffGrid, lanes_not(isSkipped))
        if onlyOffGrid { isSearched = unsafe lanes_and(isSearched, lanes_not(tile.isOnGrid[group])) }
        // Lanes whose lists have equal lengths one after the other, because branches that a CPU cannot foresee cost as
        // much as a search.
        let chunks = lanes_from_integers(lanes_bits(lanes_not(place), 63))
        let isSingle = lanes_equal(chunks, Lanes.all(1))
        let isDouble = lanes_equal(chunks, Lanes.all(2))
        unsafe search(tile, group, lanes_and(isSearched, isSingle), keys, chunks: 1)
        unsafe search(tile, group, lanes_and(isSearched, isDouble), keys, chunks: 2)
        unsafe search(tile, group, lanes_and(isSearched, lanes_not(lanes_or(isSingle, isDouble))), keys, chunks: nil)
      }
    }
  }

  /// The digits of point `group` of each sub-block, and where they are in the grid.
  @inline(__always)
  private func lookUp(_ tile: GridTile, _ group: Int, _ inverse: Lanes, _ places: UnsafeBufferPointer<Int32>) {
    let width = neighbours.digitCount
    let top = IntLanes.all(Int32(neighbours.top))
    var key = IntLanes.all(0)
    for i in 0..<width {
      let digit = unsafe lanes_nearest_integer((inverse * tile.x[group &* width &+ i] - 1) * 0.5)
      let clamped = lanes_least(lanes_greatest(digit, IntLanes.all(0)), top)
      key = lanes_or(key, lanes_shifted_left(clamped, Int32(truncatingIfNeeded: neighbours.digitBits &* i)))
    }
    unsafe tile.candidate[group] = key
    let keys = unsafe UnsafeRawPointer(tile.candidate + group).assumingMemoryBound(to: Int32.self)
    let found = unsafe UnsafeMutableRawPointer(tile.places + group).assumingMemoryBound(to: Int32.self)
    for lane in 0..<16 { unsafe found[lane] = places[Int(keys[lane])] }
  }

  /// Chooses point `group` of some sub-blocks among their neighbours.
  ///
  /// - Parameter chunks: how many runs of neighbours all of them have; nil: it differs.
  @inline(__always)
  private func search(
    _ tile: GridTile, _ group: Int, _ isSearched: IntLanes, _ keys: UnsafePointer<UInt16>, chunks: Int32?
  ) {
    let width = neighbours.digitCount
    let first = unsafe tile.part(0)
    let (x, roots) = unsafe (first.x + group * width, first.roots + group * width)
    let scales = unsafe UnsafeRawPointer(tile.candidateScale).assumingMemoryBound(to: Float.self)
    let places = unsafe UnsafeRawPointer(tile.places + group).assumingMemoryBound(to: Int32.self)
    let chosen = unsafe UnsafeMutableRawPointer(tile.candidate + group).assumingMemoryBound(to: Int32.self)
    var lanes = grid_lanes_where(isSearched)
    while lanes != 0 {
      let lane = lanes.trailingZeroBitCount
      lanes &= lanes &- 1
      let (start, ownChunks) = unsafe GridNeighbours.run(places[lane])
      let offset = count &* lane
      let nearest =
        width == 4
        ? unsafe grid_closest_of_fours(x + offset, roots + offset, scales[lane], keys + start, chunks ?? ownChunks)
        : unsafe grid_closest_of_eights(x + offset, roots + offset, scales[lane], keys + start, chunks ?? ownChunks)
      unsafe chosen[lane] = Int32(keys[start + Int(nearest)])
    }
  }

  private func sums(_ tile: GridTile, _ points: UnsafeMutablePointer<IntLanes>) -> (qx: Lanes, q2: Lanes) {
    var qx = Lanes.all(0)
    var q2 = Lanes.all(0)
    let width = neighbours.digitCount
    for group in 0..<groupCount {
      var key = unsafe points[group]
      for i in group * width..<(group + 1) * width {
        let q = width == 4 ? lanes_odd_of_three_bits(key) : lanes_odd_of_two_bits(key)
        key = lanes_shifted_right(key, Int32(neighbours.digitBits))
        unsafe qx += tile.products[i] * q
        unsafe q2 += tile.weights[i] * q * q
      }
    }
    return (qx, q2)
  }
}
