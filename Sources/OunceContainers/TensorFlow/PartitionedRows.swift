internal import OunceCore

/// Rows of a tensor that was cut into parts along one of its dimensions.
///
/// In the order of its bytes a tensor is a number of blocks (the product of the dimensions before that one), in each of
/// which the parts follow one another; a part holds its piece of every block.
struct PartitionedRows: TensorData {
  struct Part {
    let file: InputFile
    let offset: Int
    /// Along the dimension.
    let length: Int
  }

  private let parts: [Part]
  /// `ends[i]` is where part `i` ends in a block, in bytes.
  private let ends: [Int]
  private let elementByteCount: Int
  private let rowByteCount: Int

  /// - Parameter elementByteCount: bytes of one step along the dimension.
  init(_ parts: [Part], elementByteCount: Int, rowByteCount: Int) {
    self.parts = parts
    self.elementByteCount = elementByteCount
    self.rowByteCount = rowByteCount
    var end = 0
    ends = parts.map { part in
      end += part.length * elementByteCount
      return end
    }
  }

  /// Blocks up to this size are read many at a time.
  private static let smallBlockByteCount = 64 << 10
  /// Bytes of blocks that are read at a time.
  private static let stepByteCount = 1 << 20

  func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    guard let blockByteCount = ends.last, blockByteCount > 0 else { return }
    let start = rows.lowerBound * rowByteCount
    let end = rows.upperBound * rowByteCount
    var place = start
    while place < end {
      let (block, inside) = place.quotientAndRemainder(dividingBy: blockByteCount)
      let wholeBlocks = (end - place) / blockByteCount
      if inside == 0, wholeBlocks > 1, blockByteCount <= Self.smallBlockByteCount {
        let count = min(wholeBlocks, Self.stepByteCount / blockByteCount)
        try bytes.withSlice(place - start..<place - start + count * blockByteCount) { (slice) throws(OunceError) in
          try read(blocks: block..<block + count, of: blockByteCount, into: &slice)
        }
        place += count * blockByteCount
      } else {
        let part = firstPart(after: inside)
        let partStart = part == 0 ? 0 : ends[part - 1]
        let count = min(ends[part] - inside, end - place)
        let offset = parts[part].offset + block * (ends[part] - partStart) + inside - partStart
        try bytes.withSlice(place - start..<place - start + count) { (slice) throws(OunceError) in
          try parts[part].file.read(at: offset, into: &slice)
        }
        place += count
      }
    }
  }

  /// Reads whole blocks: of each part in one go, then piece by piece to where it belongs.
  private func read(
    blocks: Range<Int>, of blockByteCount: Int, into bytes: inout MutableRawSpan
  ) throws(OunceError) {
    var start = 0
    for (part, end) in zip(parts, ends) {
      let pieceByteCount = end - start
      let first = part.offset + blocks.lowerBound * pieceByteCount
      let pieces = try part.file.bytes(first..<first + blocks.count * pieceByteCount)
      pieces.withRawSpan { pieces in
        for block in 0..<blocks.count {
          let piece = pieces.extracting(block * pieceByteCount..<(block + 1) * pieceByteCount)
          bytes.copy(piece, to: block * blockByteCount + start)
        }
      }
      start = end
    }
  }

  /// The part that holds byte `inside` of a block.
  private func firstPart(after inside: Int) -> Int {
    var (low, high) = (0, ends.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if ends[middle] <= inside { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
