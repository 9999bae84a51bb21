internal import OunceCore

/// The sizes that a layer has in fields of its own.
struct CoreMLSizes {
  private var numbers: [Int: [UInt64]] = [:]

  /// - Parameter lists: the fields that are lists.
  init(_ message: ProtobufReader, lists: Set<Int>) throws(OunceError) {
    var reader = message
    while let (field, value) = try reader.next() {
      switch value {
      case .integer(let number) where field <= 100: numbers[field, default: []].append(number)
      case .bytes(let range) where lists.contains(field):
        numbers[field, default: []] += try reader.packedIntegers(range, atMost: Self.limit)
      default: break
      }
      guard numbers[field]?.count ?? 0 <= Self.limit else {
        throw reader.malformed("a layer has more than \(Self.limit) sizes", at: reader.offset)
      }
    }
  }

  private static let limit = 64

  func flag(_ field: Int) -> Bool { numbers[field]?.last ?? 0 != 0 }

  /// - Parameter turned: the field with the number of groups when input channels come first.
  func shape(
    _ sizes: [CoreMLLayer.Size], turned: Int?, _ reader: ProtobufReader, at range: Range<Int>
  ) throws(OunceError) -> [Int] {
    var shape: [UInt64] = []
    for size in sizes {
      switch size {
      case .field(let field): shape.append(numbers[field]?.last ?? 0)
      case .kernel(let field): shape += numbers[field] ?? [3, 3]
      case .list(let field): shape += numbers[field] ?? []
      }
    }
    if let turned {
      let groups = max(numbers[turned]?.last ?? 1, 1)
      shape = [shape[1], shape[0] / groups] + shape.dropFirst(2)
    }
    guard shape.allSatisfy({ $0 <= 1 << 58 }) else {
      throw reader.malformed("the shape \(shape) overflows 64 bits", at: range.lowerBound)
    }
    return shape.map { Int($0) }
  }
}

/// One `WeightParams`: where its parts are.
struct CoreMLWeights {
  private(set) var bitCount = 0
  /// How codes become floats.
  private(set) var linear: Range<Int>?
  private(set) var table: Range<Int>?
  private var floats: Range<Int>?
  private var hasLooseFloats = false
  private var halves: Range<Int>?
  private var raw: Range<Int>?
  private var signed: Range<Int>?

  enum Storage {
    case none
    /// Codes of a kind that is not known.
    case unexplained
    case floats(Range<Int>)
    /// Floats that are not packed in one run.
    case numbers
    case halves(Range<Int>)
    case codes(Range<Int>, isSigned: Bool)
  }

  mutating func read(_ message: ProtobufReader) throws(OunceError) {
    var reader = message
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .bytes(let range)) where !range.isEmpty:
        if floats != nil { hasLooseFloats = true }
        floats = range
      case (1, .fixed): hasLooseFloats = true
      case (2, .bytes(let range)): halves = range.isEmpty ? nil : range
      case (30, .bytes(let range)): raw = range.isEmpty ? nil : range
      case (31, .bytes(let range)): signed = range.isEmpty ? nil : range
      case (40, .bytes(let range)):
        var quantization = message.nested(range)
        while let (field, value) = try quantization.next() {
          switch (field, value) {
          case (1, .integer(let count)): bitCount = Int(clamping: count)
          case (101, .bytes(let range)): linear = range
          case (102, .bytes(let range)): table = range
          default: break
          }
        }
      default: break
      }
    }
  }

  /// Where the values are.
  func storage(at range: Range<Int>, _ reader: ProtobufReader) throws(OunceError) -> Storage {
    let hasFloats = floats != nil || hasLooseFloats
    guard [hasFloats, halves != nil, raw != nil, signed != nil].count(where: { $0 }) < 2 else {
      throw reader.malformed("has values in two fields", at: range.lowerBound)
    }
    if hasLooseFloats { return .numbers }
    if let floats { return .floats(floats) }
    if let halves { return .halves(halves) }
    guard let codes = raw ?? signed else { return .none }
    return linear == nil && table == nil ? .unexplained : .codes(codes, isSigned: signed != nil)
  }
}
