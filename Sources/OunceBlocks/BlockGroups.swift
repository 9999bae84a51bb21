internal import CLanes
internal import OunceEncoding

/// Rows of blocks in memory.
@unsafe struct BlockRows {
  var x: UnsafePointer<Float>
  /// Blocks in all rows together.
  var count: Int
  let columns: Int
  /// One weight per column; nil: all columns count alike.
  let importance: UnsafePointer<Float>?
  var target: UnsafeMutablePointer<UInt8>
  let elementsPerBlock: Int
  let bytesPerBlock: Int
}

/// As many consecutive blocks as there are lanes.
@unsafe struct BlockGroup {
  let x: UnsafePointer<Float>
  let importance: UnsafePointer<Float>?
  let target: UnsafeMutablePointer<UInt8>
  /// The number of the group's first block among all.
  let first: Int
}

/// Floats in sixteen blocks of 256.
private let tileCount = 4096

/// The memory of one call: allocated once, used by all groups.
@unsafe struct Workspace {
  /// 256 or fewer rows of 32 lanes: elements, then codes. Sub-blocks j and j + 1 lie side by side.
  let tile: UnsafeMutablePointer<Lanes>
  let importance: UnsafeMutablePointer<Lanes>
  let weights: UnsafeMutablePointer<Lanes>
  let scratch: UnsafeMutablePointer<Lanes>
  let fit: UnsafeMutablePointer<Lanes>
  /// The rows of a search under way.
  let work: UnsafeMutablePointer<Lanes>
  /// A copy of the last, incomplete group, and of importance that wraps around.
  let stagedX: UnsafeMutablePointer<Float>
  let stagedImportance: UnsafeMutablePointer<Float>
  let stagedTarget: UnsafeMutablePointer<UInt8>

  @inline(__always)
  static func with(_ body: (Workspace) -> Void) {
    // Five tiles (the last one for the bytes), 32 and 34 rows, and the fits.
    let count = 5 * tileCount + 1024 + 1088 + 2048
    unsafe withUnsafeTemporaryAllocation(byteCount: count * 4, alignment: 64) { memory in
      guard let base = memory.baseAddress else { return }
      unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
      let floats = unsafe base.assumingMemoryBound(to: Float.self)
      func lanes(_ offset: Int) -> UnsafeMutablePointer<Lanes> {
        unsafe UnsafeMutableRawPointer(floats + offset).assumingMemoryBound(to: Lanes.self)
      }
      let rest = 5 * tileCount
      unsafe body(
        Workspace(
          tile: lanes(0), importance: lanes(tileCount), weights: lanes(rest), scratch: lanes(rest + 1024),
          fit: lanes(rest + 2112), work: lanes(rest + 2112 + 1536), stagedX: floats + 2 * tileCount,
          stagedImportance: floats + 3 * tileCount,
          stagedTarget: UnsafeMutableRawPointer(floats + 4 * tileCount).assumingMemoryBound(to: UInt8.self)))
    }
  }
}

/// Cuts rows into groups of `size` blocks, which may begin in one row and end in another. The last group is filled up
/// with copies of its last block, computed and dropped.
@inline(__always)
func forEachGroup(of rows: BlockRows, size: Int, _ workspace: Workspace, _ body: (BlockGroup) -> Void) {
  let width = unsafe rows.elementsPerBlock
  let bytes = unsafe rows.bytesPerBlock
  let blocksPerRow = unsafe rows.columns / width
  var first = 0
  while unsafe first < rows.count {
    let present = unsafe min(size, rows.count - first)
    let block = first % blocksPerRow
    var x = unsafe rows.x + first * width
    var importance = unsafe rows.importance.map { unsafe $0 + block * width }
    let target = unsafe rows.target + first * bytes
    if present < size {
      for k in 0..<size {
        unsafe (workspace.stagedX + k * width).update(from: x + min(k, present - 1) * width, count: width)
      }
      unsafe x = UnsafePointer(workspace.stagedX)
    }
    if let weights = unsafe rows.importance, block + size > blocksPerRow {
      for k in 0..<size {
        let column = (block + min(k, present - 1)) % blocksPerRow * width
        unsafe (workspace.stagedImportance + k * width).update(from: weights + column, count: width)
      }
      unsafe importance = UnsafePointer(workspace.stagedImportance)
    }
    if present < size {
      let staged = unsafe BlockGroup(x: x, importance: importance, target: workspace.stagedTarget, first: first)
      unsafe body(staged)
      unsafe target.update(from: workspace.stagedTarget, count: present * bytes)
    } else {
      unsafe body(BlockGroup(x: x, importance: importance, target: target, first: first))
    }
    first += size
  }
}

extension BlockTruth {
  /// The rows of a call to `encode`.
  @inline(__always)
  func withRows(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan,
    _ body: (BlockRows) -> Void
  ) {
    precondition(columns % elementsPerBlock == 0 && elements.count % max(columns, 1) == 0)
    precondition(blocks.byteCount == elements.count / elementsPerBlock * bytesPerBlock)
    if let importance { precondition(importance.count == columns) }
    unsafe elements.withUnsafeBufferPointer { source in
      unsafe blocks.withUnsafeMutableBytes { bytes in
        guard let x = source.baseAddress, let target = bytes.baseAddress else { return }
        func run(_ weights: UnsafePointer<Float>?) {
          unsafe body(
            BlockRows(
              x: x, count: source.count / elementsPerBlock, columns: columns, importance: weights,
              target: target.assumingMemoryBound(to: UInt8.self), elementsPerBlock: elementsPerBlock,
              bytesPerBlock: bytesPerBlock))
        }
        if let importance {
          unsafe importance.withUnsafeBufferPointer { unsafe run($0.baseAddress) }
        } else {
          run(nil)
        }
      }
    }
  }

  /// Encodes with the scalar truth the blocks of a group whose lane is marked.
  func repair(
    _ marked: IntLanes, _ group: BlockGroup, lane firstLane: Int, meanSquare: Lanes
  ) {
    for k in 0..<16 where marked[k] != 0 {
      let block = firstLane + k
      unsafe encodeBlock(
        group.x + block * elementsPerBlock, importance: group.importance.map { unsafe $0 + block * elementsPerBlock },
        meanSquare: meanSquare[k], into: group.target + block * bytesPerBlock)
    }
  }
}
