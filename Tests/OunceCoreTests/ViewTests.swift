import OunceCore
import OunceEncoding
import Testing

/// Views promise the same bytes whatever rows are asked for at a time.
struct ViewTests {
  private static let rows: [UInt8] = Array(0..<48)
  private static let base = Memory(bytes: rows, rowByteCount: 4)

  private func read(_ data: any TensorData, _ range: Range<Int>, rowByteCount: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xEE, count: range.count * rowByteCount)
    try bytes.withMutableRawSpan { (span) throws(OunceError) in try data.read(rows: range, into: &span) }
    return bytes
  }

  private func check(_ data: any TensorData, rowCount: Int, rowByteCount: Int, _ expected: [UInt8]) throws {
    for start in 0..<rowCount {
      for end in start + 1...rowCount {
        let bytes = try read(data, start..<end, rowByteCount: rowByteCount)
        #expect(bytes == Array(expected[start * rowByteCount..<end * rowByteCount]), "rows \(start)..<\(end)")
      }
    }
  }

  @Test func `gathered rows come in the order that was asked for`() throws {
    let order = [3, 2, 0, 1, 7, 8, 9, 11, 10, 4, 5, 6]
    let expected = order.flatMap { Self.rows[$0 * 4..<$0 * 4 + 4] }
    try check(RowGather(Self.base, rowByteCount: 4) { order[$0] }, rowCount: 12, rowByteCount: 4, expected)
  }

  @Test func `joined rows follow each other across parts, empty ones included`() throws {
    let first = Memory(bytes: Array(100..<112), rowByteCount: 4)
    let join = RowJoin([(first, 3), (first, 0), (Self.base, 12)], rowByteCount: 4)
    try check(join, rowCount: 15, rowByteCount: 4, Array(100..<112) + Self.rows)
  }

  @Test(arguments: [1, 2, 3, 6, 8, 12, 16, 48]) func `reshaped rows are the same bytes`(_ size: Int) throws {
    let view = Reshaped(Self.base, baseRowByteCount: 4, rowByteCount: size)
    try check(view, rowCount: 48 / size, rowByteCount: size, Self.rows)
  }

  @Test func `swapping reverses the words of an encoding and nothing else`() throws {
    let encoding = try #require(Encodings.named("Q4_K"))
    let block = (0..<encoding.bytesPerBlock).map { UInt8(truncatingIfNeeded: $0) }
    let view = ByteSwapped(Memory(bytes: block, rowByteCount: block.count), encoding: encoding)
    let swapped = try read(view, 0..<1, rowByteCount: block.count)
    #expect(swapped.prefix(4) == [1, 0, 3, 2])
    #expect(Array(swapped.dropFirst(4)) == Array(block.dropFirst(4)))
  }
}
