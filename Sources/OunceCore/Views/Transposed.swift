/// Matrices with rows and columns exchanged, one after the other. Elements are whole bytes.
///
/// Rows of the result are columns of the base. A read of some of them takes from each row of the base just these
/// columns where the base is a file, and whole rows where it is another view; either way in blocks of about a megabyte,
/// which are turned tile by tile.
public struct Transposed: TensorData {
  private let base: any TensorData
  /// The base's rows and columns of one matrix.
  private let rowCount: Int
  private let columnCount: Int
  private let elementByteCount: Int

  public init(_ base: any TensorData, rowCount: Int, columnCount: Int, elementByteCount: Int) {
    self.base = base
    self.rowCount = rowCount
    self.columnCount = columnCount
    self.elementByteCount = elementByteCount
  }

  public func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    var row = rows.lowerBound
    while row < rows.upperBound {
      let matrix = row / columnCount
      let end = min(rows.upperBound, (matrix + 1) * columnCount)
      try read(
        columns: row - matrix * columnCount..<end - matrix * columnCount, of: matrix, row - rows.lowerBound, &bytes)
      row = end
    }
  }

  /// What a file reads at once anyway: to skip less than this saves nothing.
  private static let pageByteCount = 4096
  private static let blockByteCount = 1 << 20

  /// Some columns of one matrix of the base, from row `first` of `bytes` on.
  private func read(
    columns: Range<Int>, of matrix: Int, _ first: Int, _ bytes: inout MutableRawSpan
  ) throws(OunceError) {
    let rowByteCount = columnCount * elementByteCount
    let runByteCount = columns.count * elementByteCount
    let file = rowByteCount - runByteCount >= Self.pageByteCount ? base as? FileRegion : nil
    let strideByteCount = file == nil ? rowByteCount : runByteCount
    let offset = file == nil ? columns.lowerBound * elementByteCount : 0
    let step = max(1, Self.blockByteCount / max(strideByteCount, 1))
    var block = Buffer(byteCount: min(step, rowCount) * strideByteCount)
    for start in stride(from: 0, to: rowCount, by: step) {
      let count = min(step, rowCount - start)
      let from = matrix * rowCount + start
      try block.withMutableBytes(0..<count * strideByteCount) { (span) throws(OunceError) in
        guard let file else { return try base.read(rows: from..<from + count, into: &span) }
        for row in 0..<count {
          let place = file.offset + (from + row) * rowByteCount + columns.lowerBound * elementByteCount
          try span.withSlice(row * runByteCount..<(row + 1) * runByteCount) { (slice) throws(OunceError) in
            try file.file.read(at: place, into: &slice)
          }
        }
      }
      block.withBytes(0..<count * strideByteCount) { source in
        let turn = Turn(
          rows: count, columns: columns.count, sourceStride: strideByteCount, sourceOffset: offset,
          targetStride: rowCount * elementByteCount,
          targetOffset: (first * rowCount + start) * elementByteCount)
        switch elementByteCount {
        case 1: turn.run(UInt8.self, source, &bytes)
        case 2: turn.run(UInt16.self, source, &bytes)
        case 4: turn.run(UInt32.self, source, &bytes)
        case 8: turn.run(UInt64.self, source, &bytes)
        default: turn.run(bytesOf: elementByteCount, source, &bytes)
        }
      }
    }
  }
}

/// One block whose rows become columns. Strides and offsets are in bytes.
private struct Turn {
  let rows: Int
  let columns: Int
  let sourceStride: Int
  let sourceOffset: Int
  let targetStride: Int
  let targetOffset: Int

  /// Rows and columns of a tile: its lines stay in the nearest cache.
  private static let tile = 32

  func run<Element: BitwiseCopyable>(_: Element.Type, _ source: RawSpan, _ bytes: inout MutableRawSpan) {
    let width = MemoryLayout<Element>.size
    unsafe bytes.withUnsafeMutableBytes { target in
      unsafe source.withUnsafeBytes { source in
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        for rowStart in stride(from: 0, to: rows, by: Self.tile) {
          let rowEnd = min(rowStart + Self.tile, rows)
          for columnStart in stride(from: 0, to: columns, by: Self.tile) {
            for column in columnStart..<min(columnStart + Self.tile, columns) {
              var place = sourceOffset + column * width + rowStart * sourceStride
              var goal = targetOffset + column * targetStride + rowStart * width
              for _ in rowStart..<rowEnd {
                unsafe to.storeBytes(
                  of: from.loadUnaligned(fromByteOffset: place, as: Element.self), toByteOffset: goal,
                  as: Element.self)
                place += sourceStride
                goal += width
              }
            }
          }
        }
      }
    }
  }

  /// Elements of an unusual width, one after the other.
  func run(bytesOf width: Int, _ source: RawSpan, _ bytes: inout MutableRawSpan) {
    for column in 0..<columns {
      for row in 0..<rows {
        let place = sourceOffset + column * width + row * sourceStride
        bytes.copy(
          source.extracting(place..<place + width), to: targetOffset + column * targetStride + row * width)
      }
    }
  }
}
