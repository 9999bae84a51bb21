internal import OunceCore
internal import OunceEncoding

/// The buffers of one thread that reads chunks of pairs.
struct PairReader: ~Copyable {
  private var bytesA = Buffer(byteCount: 0)
  private var bytesB = Buffer(byteCount: 0)
  private var floatsA = Buffer(byteCount: 0)
  private var floatsB = Buffer(byteCount: 0)

  init() {}

  /// Reads and decodes a chunk of both sides.
  ///
  /// - Returns: the number of bytes read.
  mutating func read(_ cut: PairedCut, chunk: Int) throws(OunceError) -> Int {
    let elements = cut.elements(chunk)
    let a = try Self.read(cut.a, elements, &bytesA)
    let b = try Self.read(cut.b, elements, &bytesB)
    Self.decode(cut.a, elements.count, bytesA, &floatsA)
    Self.decode(cut.b, elements.count, bytesB, &floatsB)
    return a + b
  }

  /// What came of the chunk that was read last, row by row.
  func errors(_ cut: PairedCut, chunk: Int) -> ChunkErrors {
    let elements = cut.elements(chunk)
    if cut.isExact { return integerErrors(cut, elements) }
    return floatsA.withFloats(elements.count) { a in
      floatsB.withFloats(elements.count) { b in
        var errors = ChunkErrors()
        for (row, range) in Self.rows(elements, cut.columnCount) {
          errors.append(ErrorFigures(a, b, range), row: row, columnCount: cut.columnCount)
        }
        return errors
      }
    }
  }

  /// Calls `body` with the elements of both sides.
  func withElements(_ count: Int, _ body: (Span<Float>, Span<Float>) -> Void) {
    floatsA.withFloats(count) { a in floatsB.withFloats(count) { b in body(a, b) } }
  }

  private func integerErrors(_ cut: PairedCut, _ elements: Range<Int>) -> ChunkErrors {
    let a = bytesA.withBytes(0..<cut.a.byteCount(elements.count)) { $0.array(0..<$0.byteCount) }
    let b = bytesB.withBytes(0..<cut.b.byteCount(elements.count)) { $0.array(0..<$0.byteCount) }
    let (wordA, wordB) = (IntegerWord(cut.a.encoding), IntegerWord(cut.b.encoding))
    var errors = ChunkErrors()
    for (row, range) in Self.rows(elements, cut.columnCount) {
      var figures = ErrorFigures()
      for index in range {
        let (x, y) = (wordA.value(a, index), wordB.value(b, index))
        figures.add(Double(x), Double(y), isEqual: x == y)
      }
      errors.append(figures, row: row, columnCount: cut.columnCount)
    }
    return errors
  }

  /// The rows that a run of elements touches, each with its part of the run, counted from the run's begin.
  private static func rows(
    _ elements: Range<Int>, _ columnCount: Int
  ) -> some Sequence<(row: Int, range: Range<Int>)> {
    let first = elements.lowerBound / columnCount
    let last = elements.isEmpty ? first : (elements.upperBound - 1) / columnCount + 1
    return (first..<last).lazy.map { row in
      let start = max(elements.lowerBound, row * columnCount) - elements.lowerBound
      return (row, start..<min(elements.upperBound, (row + 1) * columnCount) - elements.lowerBound)
    }
  }

  private static func read(
    _ side: PairedCut.Side, _ elements: Range<Int>, _ buffer: inout Buffer
  ) throws(OunceError) -> Int {
    let byteCount = side.byteCount(elements.count)
    if buffer.byteCount < byteCount { buffer = Buffer(byteCount: byteCount) }
    do throws(OunceError) {
      try buffer.withMutableBytes(0..<byteCount) { (bytes) throws(OunceError) in
        try side.data.read(rows: elements.lowerBound / side.unit..<elements.upperBound / side.unit, into: &bytes)
      }
    } catch { throw error.located(subject: "tensor \(side.name)") }
    return byteCount
  }

  private static func decode(
    _ side: PairedCut.Side, _ elementCount: Int, _ bytes: borrowing Buffer, _ floats: inout Buffer
  ) {
    if floats.byteCount < 4 * elementCount { floats = Buffer(byteCount: 4 * elementCount) }
    bytes.withBytes(0..<side.byteCount(elementCount)) { blocks in
      floats.withMutableFloats(elementCount) { side.encoding.decode(blocks, into: &$0) }
    }
  }
}

/// What came of one chunk.
struct ChunkErrors: Sendable {
  var figures = ErrorFigures()
  var rows = RowErrors()

  /// Adds a part of a row.
  mutating func append(_ part: ErrorFigures, row: Int, columnCount: Int) {
    figures.add(part)
    rows.append(
      RowError(
        row: row, columnCount: columnCount, squaredError: part.nonFiniteCount > 0 ? .infinity : part.squaredError,
        squaredA: part.squaredA))
  }

  /// Adds the chunk behind this one.
  mutating func append(_ next: ChunkErrors) {
    figures.add(next.figures)
    rows.append(next.rows)
  }
}

/// How whole numbers lie in bytes: little endian, two's complement when signed.
struct IntegerWord {
  let byteCount: Int
  let isSigned: Bool

  init(_ encoding: any Encoding) {
    byteCount = encoding.bytesPerBlock
    isSigned = encoding.name.hasPrefix("I")
  }

  func value(_ bytes: [UInt8], _ index: Int) -> Int128 {
    var word: UInt64 = 0
    for byte in bytes[index * byteCount..<(index + 1) * byteCount].reversed() { word = word << 8 | UInt64(byte) }
    guard isSigned, byteCount <= 8 else { return Int128(word) }
    let shift = 64 - 8 * byteCount
    return Int128(Int64(bitPattern: word << UInt64(shift)) >> Int64(shift))
  }
}
