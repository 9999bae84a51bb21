internal import CLanes

/// Makes a tile of sixteen rows of memory, `stride` floats apart: lane k of row i is float i of memory row k.
///
/// - Parameter step: from one row of the tile to the next, in units of sixteen lanes.
@inline(__always)
func loadTile(
  _ source: UnsafePointer<Float>, stride: Int, count: Int, into tile: UnsafeMutablePointer<Lanes>, step: Int
) {
  for i in Swift.stride(from: 0, to: count, by: 4) {
    unsafe lanes_load_transposed(source + i, stride * 4, tile + i * step, step)
  }
}

/// The sums of the squares of sixteen rows of memory, each in the order of its elements. `count` is a multiple of 16.
func rowSquares(
  _ source: UnsafePointer<Float>, stride: Int, rows: Int, count: Int, _ workspace: Workspace
) -> Lanes {
  var sums = Lanes.all(0)
  for column in Swift.stride(from: 0, to: count, by: 16) {
    // A cache line of each row is copied before it is cut up: rows are often a power of two apart and share a cache
    // set.
    for row in 0..<16 {
      unsafe lanes_store(
        workspace.stagedX + 16 * row, lanes_load(source + min(row, rows - 1) * stride + column))
    }
    unsafe loadTile(workspace.stagedX, stride: 16, count: 16, into: workspace.tile, step: 1)
    for i in 0..<16 { unsafe sums += workspace.tile[i] * workspace.tile[i] }
  }
  return sums
}
