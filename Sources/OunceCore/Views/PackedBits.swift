/// Whole numbers of fewer than eight bits that lie bit by bit behind each other, as one byte each.
///
/// Numbers may begin and end inside of bytes (of six bits, four lie in three bytes), and rows do not begin at bytes.
public struct PackedBits: TensorData {
  /// Which bits of a byte come first.
  public enum Order: Sendable {
    case leastSignificantFirst, mostSignificantFirst
  }

  private let base: any TensorData
  private let bitCount: Int
  private let isSigned: Bool
  private let order: Order
  private let columnCount: Int

  /// - Parameters:
  ///   - base: the packed bytes, each a row.
  ///   - bitCount: of one number, from 1 to 8.
  ///   - isSigned: whether numbers are in two's complement.
  ///   - columnCount: numbers of one row.
  public init(
    _ base: any TensorData, bitCount: Int, isSigned: Bool = false, order: Order = .leastSignificantFirst,
    columnCount: Int
  ) {
    self.base = base
    self.bitCount = bitCount
    self.isSigned = isSigned
    self.order = order
    self.columnCount = columnCount
  }

  /// The bytes that `count` numbers take. The caller guarantees that `count` is below 2^59.
  public static func byteCount(of count: Int, bitCount: Int) -> Int { (count * bitCount + 7) / 8 }

  /// Numbers that are unpacked at once: a multiple of 8, so that each batch begins at a byte where rows do.
  private static let batchCount = 64 << 10

  public func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    let first = rows.lowerBound * columnCount
    let count = rows.count * columnCount
    for start in stride(from: 0, to: count, by: Self.batchCount) {
      let numbers = try unpacked(first + start..<first + min(start + Self.batchCount, count))
      numbers.withRawSpan { bytes.copy($0, to: start) }
    }
  }

  private func unpacked(_ range: Range<Int>) throws(OunceError) -> [UInt8] {
    let place = range.lowerBound * bitCount / 8..<Self.byteCount(of: range.upperBound, bitCount: bitCount)
    // One byte more, so that the last number has a byte behind it.
    var packed = [UInt8](repeating: 0, count: place.count + 1)
    try packed.withMutableRawSpan { (span) throws(OunceError) in
      try span.withSlice(0..<place.count) { (slice) throws(OunceError) in try base.read(rows: place, into: &slice) }
    }
    let mask = UInt16(1 << bitCount - 1)
    var numbers: [UInt8] = []
    numbers.reserveCapacity(range.count)
    for index in range {
      let bit = index * bitCount - place.lowerBound * 8
      let (low, high) = (UInt16(packed[bit / 8]), UInt16(packed[bit / 8 + 1]))
      let word =
        switch order {
        case .leastSignificantFirst: (low | high << 8) >> UInt16(bit % 8)
        case .mostSignificantFirst: (low << 8 | high) >> UInt16(16 - bit % 8 - bitCount)
        }
      let number = UInt8(word & mask)
      let isNegative = isSigned && number >> UInt8(bitCount - 1) == 1
      numbers.append(isNegative ? number | ~UInt8(mask) : number)
    }
    return numbers
  }
}
