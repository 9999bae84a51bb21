internal import CLanes
internal import OunceEncoding

// The search of IQ1Search.swift for `tileLanes` sub-blocks at once: a lane is a sub-block, also while sorting. Only the
// search among the neighbours of digits that are no point goes lane by lane; there the candidates are lanes.

extension IQ1Encoding {
  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    let blockCount = tileLanes * Self.width / 256
    unsafe withRows(elements, columns: columns, importance: importance, into: &blocks) { rows in
      unsafe Workspace.with { workspace in
        unsafe IQ1Tile.with { tile in
          unsafe forEachGroup(of: rows, size: blockCount, workspace) { group in
            unsafe encode(group, blockCount, tile)
          }
        }
      }
    }
  }

  /// Encodes the super-blocks whose sub-blocks are the lanes of a tile.
  private func encode(_ group: BlockGroup, _ blockCount: Int, _ tile: IQ1Tile) {
    func block(_ number: Int) -> IQ1Block {
      let lane = number * (256 / Self.width)
      return unsafe IQ1Block(
        x: group.x + 256 * number, weights: tile.blockWeights + 256 * number, scales: tile.scales + lane,
        shifts: tile.shifts + lane, points: tile.points + lane, stride: tileLanes)
    }
    for number in 0..<blockCount {
      unsafe block(number).weigh(group.importance.map { unsafe $0 + 256 * number })
    }
    unsafe transpose(group.x, into: tile.x)
    unsafe transpose(tile.blockWeights, into: tile.weights)
    for part in 0..<tileLanes / Register.scalarCount { unsafe cut(tile, part) }
    for lane in 0..<tileLanes { unsafe snap(group.x + Self.width * lane, tile, lane) }
    for half in 0..<2 { unsafe refit(tile, half) }
    for number in 0..<blockCount {
      let target = unsafe group.target + bytesPerBlock * number
      unsafe target.update(repeating: 0, count: bytesPerBlock)
      unsafe store(block(number), into: target)
    }
  }

  private func transpose(_ source: UnsafePointer<Float>, into rows: UnsafeMutablePointer<Float>) {
    for half in 0..<2 {
      unsafe loadTile(
        source + 16 * half * Self.width, stride: Self.width, count: Self.width, into: rows.lanes + half, step: 2)
    }
  }

  /// Finds cuts for one register of lanes, and the digits they give the elements.
  private func cut(_ tile: IQ1Tile, _ part: Int) {
    let step = tileLanes / Register.scalarCount
    let x = unsafe tile.x.registers + part
    let weights = unsafe tile.weights.registers + part
    let sorted = unsafe tile.sorted
    var largest = Register.all(0)
    for i in 0..<Self.width {
      unsafe sorted.x[i] = x[i &* step]
      unsafe sorted.weights[i] = weights[i &* step]
      unsafe sorted.numbers[i] = .all(Float(i))
      largest = unsafe register_larger(largest, register_magnitude(x[i &* step]))
    }
    unsafe sorted.sort(Self.width)
    var cuts = IQ1LaneCuts()
    unsafe Self.cuts(sorted, &cuts)
    let isZero = register_less(largest, .all(Self.smallest))
    unsafe tile.codes.registers[part] = register_select(cuts.code, .all(-1), isZero)
    unsafe tile.scales.registers[part] = cuts.scale
    for lane in 0..<Register.scalarCount { unsafe lookUp(tile, part, lane) }
    let thresholds = unsafe tile.thresholds.registers + part
    let (first, firstNumber) = unsafe (thresholds[0], thresholds[step])
    let (second, secondNumber) = unsafe (thresholds[2 &* step], thresholds[3 &* step])
    let isNegative = register_less(cuts.scale, .all(0))
    let low = register_select(.all(0), .all(2), isNegative)
    let high = register_select(.all(2), .all(0), isNegative)
    for k in 0..<Self.width / 8 {
      var digits = Register.all(0)
      for i in 0..<8 {
        let value = unsafe x[(8 * k + i) &* step]
        let number = Register.all(Float(8 * k + i))
        let isLow = register_or(
          register_less(value, first), register_and(register_equal(value, first), register_less(number, firstNumber)))
        let isNotHigh = register_or(
          register_less(value, second),
          register_and(register_equal(value, second), register_less(number, secondNumber)))
        let digit = register_select(register_select(high, .all(1), isNotHigh), low, isLow)
        digits += digit * Float(1 << (2 * i))
      }
      unsafe tile.digits.registers[k &* step &+ part] = digits
    }
  }

  /// Looks up the elements at the cuts of a lane; there is none at a cut after the last element.
  @inline(__always)
  private func lookUp(_ tile: IQ1Tile, _ part: Int, _ lane: Int) {
    let target = unsafe tile.thresholds + part * Register.scalarCount + lane
    let code = unsafe max(0, Int(tile.codes[part * Register.scalarCount + lane]))
    for (n, place) in [code / 256, code / 4 % 64].enumerated() {
      let row = unsafe UnsafeRawPointer(tile.sorted.x + place).assumingMemoryBound(to: Float.self)
      let numbers = unsafe UnsafeRawPointer(tile.sorted.numbers + place).assumingMemoryBound(to: Float.self)
      unsafe target[2 * n * tileLanes] = place < Self.width ? row[lane] : .infinity
      unsafe target[(2 * n + 1) * tileLanes] = place < Self.width ? numbers[lane] : 0
    }
  }

  /// Moves the digits of a lane to the grid.
  private func snap(_ x: UnsafePointer<Float>, _ tile: IQ1Tile, _ lane: Int) {
    let code = unsafe Int32(tile.codes[lane])
    unsafe tile.isOffGrid[lane] = 0
    guard code >= 0 else {
      unsafe tile.scales[lane] = 0
      unsafe tile.shifts[lane] = 0
      for k in 0..<Self.width / 8 { unsafe tile.points[k * tileLanes + lane] = 0 }
      return
    }
    let shifts = unsafe tile.scales[lane] < 0 ? code & 3 ^ Self.allShifts : code & 3
    let scale = unsafe tile.scales[lane].magnitude
    unsafe tile.shifts[lane] = shifts
    unsafe tile.scales[lane] = scale
    unsafe IQ1.neighbours.places.withUnsafeBufferPointer { places in
      unsafe IQ1.neighbours.keys.withUnsafeBufferPointer { keys in
        guard let keys = keys.baseAddress else { return }
        for k in 0..<Self.width / 8 {
          let shift = Self.shift(shifts, k)
          var key = unsafe Int32(tile.digits[k * tileLanes + lane])
          let place = unsafe places[Int(key)]
          if place < 0 {
            let (start, chunks) = GridNeighbours.run(place)
            let weights = unsafe tile.blockWeights + Self.width * lane + 8 * k
            let nearest = unsafe grid_closest_of_shifted_eights(x + 8 * k, weights, scale, shift, keys + start, chunks)
            key = unsafe Int32(keys[start + Int(nearest)])
            unsafe tile.isOffGrid[lane] = -1
          }
          unsafe tile.points[k * tileLanes + lane] = key
          unsafe tile.levels[k * tileLanes + lane] = shift
        }
      }
    }
  }

  /// Fits the scales of sixteen lanes to points that are not those of the cuts.
  private func refit(_ tile: IQ1Tile, _ half: Int) {
    let (x, weights) = unsafe (tile.x.lanes + half, tile.weights.lanes + half)
    var qx = Lanes.all(0)
    var q2 = Lanes.all(0)
    for k in 0..<Self.width / 8 {
      var key = unsafe UnsafeRawPointer(tile.points).assumingMemoryBound(to: IntLanes.self)[2 * k + half]
      let shift = unsafe tile.levels.lanes[2 * k + half]
      for i in 8 * k..<8 * k + 8 {
        let q = (lanes_odd_of_two_bits(key) - 3) * 0.5 + shift
        key = lanes_shifted_right(key, 2)
        let weighted = unsafe weights[2 * i] * q
        unsafe qx += weighted * x[2 * i]
        q2 += weighted * q
      }
    }
    let isOffGrid = unsafe UnsafeRawPointer(tile.isOffGrid).assumingMemoryBound(to: IntLanes.self)[half]
    let isGood = lanes_and(lanes_less(Lanes.all(0), qx), lanes_less(Lanes.all(0), q2))
    let scales = unsafe tile.scales.lanes + half
    unsafe scales.pointee = lanes_select(scales.pointee, qx / q2, lanes_and(isOffGrid, isGood))
  }
}

extension UnsafeMutablePointer<Float> {
  /// Rows of sixteen lanes.
  fileprivate var lanes: UnsafeMutablePointer<Lanes> {
    unsafe UnsafeMutableRawPointer(self).assumingMemoryBound(to: Lanes.self)
  }

  /// Rows of the lanes of a register.
  fileprivate var registers: UnsafeMutablePointer<Register> {
    unsafe UnsafeMutableRawPointer(self).assumingMemoryBound(to: Register.self)
  }
}
