internal import OunceEncoding

/// An encoding whose blocks are encoded on their own, by the scalar search.
protocol BlockwiseEncoding: BlockTruth {}

extension BlockwiseEncoding {
  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    unsafe withRows(elements, columns: columns, importance: importance, into: &blocks) { rows in
      let blocksPerRow = unsafe max(1, rows.columns / 256)
      for block in unsafe 0..<rows.count {
        let weights = unsafe rows.importance.map { unsafe $0 + block % blocksPerRow * 256 }
        unsafe encodeBlock(
          rows.x + 256 * block, importance: weights, meanSquare: 0, into: rows.target + bytesPerBlock * block)
      }
    }
  }
}
