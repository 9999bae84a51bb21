internal import CLanes

// The search of IQ4Search.swift for `tileLanes` runs of 32 elements at once, a run per lane.

extension IQ4 {
  /// Fits the tile of a workspace; row 0 of `fit` receives the scales. Row i of the tile is element i of each run.
  @inline(__always)
  static func fit(_ workspace: Workspace) {
    for part in 0..<tileLanes / Register.scalarCount {
      unsafe fitPart(
        UnsafeRawPointer(workspace.tile).assumingMemoryBound(to: Register.self) + part,
        UnsafeRawPointer(workspace.weights).assumingMemoryBound(to: Register.self) + part,
        UnsafeMutableRawPointer(workspace.scratch).assumingMemoryBound(to: Register.self),
        UnsafeMutableRawPointer(workspace.fit).assumingMemoryBound(to: Register.self) + part)
    }
  }

  /// One register of lanes: every lane runs `fitTruth`.
  private static func fitPart(
    _ x: UnsafePointer<Register>, _ w: UnsafePointer<Register>, _ scratch: UnsafeMutablePointer<Register>,
    _ fit: UnsafeMutablePointer<Register>
  ) {
    let step = tileLanes / Register.scalarCount
    let zero = Register(repeating: 0)
    var peak = zero
    for i in 0..<32 {
      let value = unsafe x[i &* step]
      peak = register_select(peak, value, register_less(register_magnitude(peak), register_magnitude(value)))
    }
    var scale = zero
    var best = zero
    for k in -steps - 1...steps {
      let isFirst = k < -steps
      let inverse = isFirst ? 1 / (-peak / -127) : Register(repeating: Float(k) - 127) / peak
      var sumQX = zero
      var sumQ2 = zero
      for i in 0..<32 {
        let value = unsafe x[i &* step]
        let q = register_iq4_nearest(inverse * value)
        let weighted = unsafe w[i &* step] * q
        sumQX += weighted * value
        sumQ2 += weighted * q
      }
      let newScale = sumQX / sumQ2
      let positive = register_less(zero, sumQ2)
      if isFirst {
        scale = register_select(zero, newScale, positive)
        best = scale * sumQX
      } else {
        let better = register_and(positive, register_less(best * sumQ2, sumQX * sumQX))
        scale = register_select(scale, newScale, better)
        best = register_select(best, newScale * sumQX, better)
      }
    }
    let nothing = register_less(register_magnitude(peak), Register(repeating: negligible))
    unsafe fit[0] = register_select(scale, zero, nothing)
  }

  /// Loads sixteen runs of 32 elements, one after the other in memory, and their weights.
  ///
  /// - Parameter spread: of the block each run belongs to; nil: a run is a block.
  @inline(__always)
  static func load(
    _ x: UnsafePointer<Float>, _ importance: UnsafePointer<Float>?, spread: Lanes?, half: Int, _ workspace: Workspace
  ) {
    unsafe loadTile(x, stride: 32, count: 32, into: workspace.tile + half, step: 2)
    guard let importance = unsafe importance else {
      for i in 0..<32 {
        let value = unsafe workspace.tile[2 * i + half]
        unsafe workspace.weights[2 * i + half] = value * value
      }
      return
    }
    var squares = Lanes(repeating: 0)
    if spread == nil {
      for i in 0..<32 { unsafe squares += workspace.tile[2 * i + half] * workspace.tile[2 * i + half] }
    }
    let spread = spread ?? squares * (2 / 32)
    unsafe loadTile(importance, stride: 32, count: 32, into: workspace.weights + half, step: 2)
    for i in 0..<32 {
      let value = unsafe workspace.tile[2 * i + half]
      unsafe workspace.weights[2 * i + half] *= lanes_root(spread + value * value)
    }
  }

  /// Stores the codes of sixteen runs of the tile, `stride` bytes apart.
  @inline(__always)
  static func storeTile(
    _ workspace: Workspace, half: Int, inverse: Lanes, at target: UnsafeMutablePointer<UInt8>, stride: Int
  ) {
    unsafe storeCodes(at: target, stride: stride, nibbles: 0, fifth: nil) { j in
      unsafe lanes_iq4_index(inverse * workspace.tile[2 * j + half])
    }
  }

  /// The elements of 32 codes in sixteen bytes.
  @inline(__always)
  static func decode(_ source: UnsafePointer<UInt8>, scale: Float, into target: UnsafeMutablePointer<Float>) {
    let bytes = unsafe lanes_load_bytes(source)
    let low = lanes_widened_signed(lanes_iq4_bytes(lanes_low_nibbles(bytes)))
    let high = lanes_widened_signed(lanes_iq4_bytes(lanes_high_nibbles(bytes)))
    unsafe lanes_store(target, lanes_from_integers(low) * Lanes(repeating: scale))
    unsafe lanes_store(target + 16, lanes_from_integers(high) * Lanes(repeating: scale))
  }
}
