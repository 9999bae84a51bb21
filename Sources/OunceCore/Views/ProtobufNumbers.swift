/// The numbers of one repeated field of a protocol buffer, as an array of little-endian words.
///
/// A field may be packed, not packed, or some of both, and varints have no places of their own: `init` walks them once
/// to count them and remembers where every 4096th begins; rows are decoded when they are read. Nothing is held, so that
/// a file of one-byte varints does not grow eightfold in memory.
public struct ProtobufNumbers: TensorData {
  /// How a number lies in the file.
  public enum Wire: Sendable {
    case varint, fixed32, fixed64

    fileprivate var width: Int? {
      switch self {
      case .varint: nil
      case .fixed32: 4
      case .fixed64: 8
      }
    }
  }

  /// How many numbers there are.
  public let count: Int

  private let file: InputFile
  private let end: Int
  private let field: Int
  private let wire: Wire
  private let marks: [Mark]
  private var wordByteCount = 8
  private var wordsPerRow = 1
  private var isTruth = false

  /// Where a reader stands: in a run of packed numbers, or between two fields.
  private struct Mark {
    let message: Int
    let run: Range<Int>
  }

  private static let markDistance = 4096

  /// Counts the numbers of `field`.
  ///
  /// - Throws: `OunceError` when the field holds something else.
  public init(_ message: ProtobufReader, field: Int, wire: Wire) throws(OunceError) {
    self.field = field
    self.wire = wire
    file = message.file
    end = message.endOffset
    var cursor = Cursor(message: message, field: field, wire: wire)
    var marks: [Mark] = []
    var count = 0
    while true {
      let mark = count % Self.markDistance == 0 ? cursor.mark : nil
      guard try cursor.next() != nil else { break }
      if let mark { marks.append(mark) }
      count += 1
    }
    self.marks = marks
    self.count = count
  }

  /// The numbers as rows of words.
  ///
  /// - Parameters:
  ///   - wordByteCount: the low bytes that are kept of each number.
  ///   - rowByteCount: a multiple of it.
  ///   - isTruth: whether each number other than 0 is 1.
  public func rows(wordByteCount: Int, rowByteCount: Int, isTruth: Bool = false) -> ProtobufNumbers {
    var view = self
    view.wordByteCount = wordByteCount
    view.wordsPerRow = rowByteCount / wordByteCount
    view.isTruth = isTruth
    return view
  }

  public func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    guard bytes.byteCount > 0 else { return }
    var cursor = try cursor(at: rows.lowerBound * wordsPerRow)
    var batch: [UInt8] = []
    batch.reserveCapacity(min(bytes.byteCount, 64 << 10))
    var place = 0
    while place + batch.count < bytes.byteCount {
      guard var number = try cursor.next() else {
        throw OunceError(
          .malformed, "holds fewer numbers than before", file: file.path, offset: cursor.offset,
          remedy: "find out what else writes the file")
      }
      if isTruth, number != 0 { number = 1 }
      for index in 0..<wordByteCount { batch.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * index))) }
      if batch.count > 65_528 || place + batch.count == bytes.byteCount {
        batch.withRawSpan { bytes.copy($0, to: place) }
        place += batch.count
        batch.removeAll(keepingCapacity: true)
      }
    }
  }

  /// A reader before number `index`, which exists.
  private func cursor(at index: Int) throws(OunceError) -> Cursor {
    let mark = marks[index / Self.markDistance]
    let message = ProtobufReader(file, mark.message..<end)
    var cursor = Cursor(message: message, field: field, wire: wire)
    if !mark.run.isEmpty { cursor.run = message.nested(mark.run) }
    for _ in 0..<index % Self.markDistance { _ = try cursor.next() }
    return cursor
  }

  private struct Cursor {
    var message: ProtobufReader
    var run: ProtobufReader?
    let field: Int
    let wire: Wire

    init(message: ProtobufReader, field: Int, wire: Wire) {
      (self.message, self.field, self.wire) = (message, field, wire)
    }

    var offset: Int { run?.offset ?? message.offset }

    var mark: Mark {
      Mark(message: message.offset, run: run.map { $0.offset..<$0.endOffset } ?? 0..<0)
    }

    mutating func next() throws(OunceError) -> UInt64? {
      while true {
        if run != nil {
          if let number = try run?.packedNumber(width: wire.width) { return number }
          run = nil
        }
        let start = message.offset
        guard let (number, value) = try message.next() else { return nil }
        guard number == field else { continue }
        switch (value, wire) {
        case (.integer(let number), .varint): return number
        case (.fixed(let number), .fixed32) where message.wireType == 5: return number
        case (.fixed(let number), .fixed64) where message.wireType == 1: return number
        case (.bytes(let range), _): run = message.nested(range)
        default: throw message.malformed("field \(field) holds numbers of another kind", at: start)
        }
      }
    }
  }
}
