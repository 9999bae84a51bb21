import OunceCore
import Testing

/// Views that move elements inside rows, on matrices larger than their tiles, pages and blocks.
struct LayoutViewTests {
  private func read(_ data: any TensorData, _ range: Range<Int>, rowByteCount: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xEE, count: range.count * rowByteCount)
    try bytes.withMutableRawSpan { (span) throws(OunceError) in try data.read(rows: range, into: &span) }
    return bytes
  }

  private func content(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

  @Test(arguments: [1, 2, 3, 4, 8])
  func `a transposed matrix is the same from a file, from memory and element by element`(width: Int) throws {
    let (matrices, rows, columns) = (2, 70, 5000)
    let bytes = content(matrices * rows * columns * width)
    let file = FileRegion(
      file: InputFile(path: "m", bytes: [0, 0, 0] + bytes), offset: 3, rowByteCount: columns * width)
    let memory = Memory(bytes: bytes, rowByteCount: columns * width)
    for wanted in [0..<1, 40..<47, 4990..<5010, 0..<columns, columns + 1..<columns + 3] {
      var expected: [UInt8] = []
      for row in wanted {
        let (matrix, column) = row.quotientAndRemainder(dividingBy: columns)
        for source in 0..<rows {
          let place = ((matrix * rows + source) * columns + column) * width
          expected += bytes[place..<place + width]
        }
      }
      for base in [file as any TensorData, memory] {
        let view = Transposed(base, rowCount: rows, columnCount: columns, elementByteCount: width)
        #expect(try read(view, wanted, rowByteCount: rows * width) == expected, "rows \(wanted)")
      }
    }
  }

  @Test(arguments: [1, 2, 4, 8])
  func `gathered columns come in the order that was asked for`(width: Int) throws {
    let bytes = content(5 * 40 * width)
    let memory = Memory(bytes: bytes, rowByteCount: 40 * width)
    let orders = [Array(0..<40), (0..<20).map { $0 * 2 + 1 }, [39, 0, 1, 2, 20, 21, 5], [7, 7, 7]]
    for order in orders {
      let view = ColumnGather(
        memory, baseRowByteCount: 40 * width, elementByteCount: width, columnCount: order.count
      ) { order[$0] }
      var expected: [UInt8] = []
      for row in 1..<4 {
        for column in order {
          let place = (row * 40 + column) * width
          expected += bytes[place..<place + width]
        }
      }
      #expect(try read(view, 1..<4, rowByteCount: order.count * width) == expected)
    }
  }
}
