internal import OrderedCollections
internal import OunceCore

/// A metadata key that is not the same in both models.
public struct MetadataDifference: Sendable, Equatable {
  public let key: String
  /// The value in short; nil: there is none.
  public let a: String?
  public let b: String?
  /// Of two arrays of one type: how many elements differ, and the index of the first. A longer array differs in the
  /// rest.
  public let elements: (count: Int, first: Int)?

  public static func == (left: Self, right: Self) -> Bool {
    (left.key, left.a, left.b) == (right.key, right.a, right.b) && left.elements?.count == right.elements?.count
      && left.elements?.first == right.elements?.first
  }

  /// All differences: in the order of `a`, then of what only `b` has.
  static func list(_ a: Metadata, _ b: Metadata) -> [MetadataDifference] {
    func index(_ metadata: Metadata) -> [ExactString: MetadataValue] {
      Dictionary(metadata.map { (ExactString($0.key), $0.value) }, uniquingKeysWith: { first, _ in first })
    }
    let (inA, inB) = (index(a), index(b))
    var differences: [MetadataDifference] = []
    for (key, value) in a {
      guard let other = inB[ExactString(key)] else {
        differences.append(MetadataDifference(key: key, a: value.summary, b: nil, elements: nil))
        continue
      }
      guard !value.isExactly(other) else { continue }
      differences.append(
        MetadataDifference(key: key, a: value.summary, b: other.summary, elements: value.differingElements(other)))
    }
    for (key, value) in b where inA[ExactString(key)] == nil {
      differences.append(MetadataDifference(key: key, a: nil, b: value.summary, elements: nil))
    }
    return differences
  }
}

extension MetadataValue {
  /// Whether type and value are the same; strings by their bytes, floats by their bits.
  fileprivate func isExactly(_ other: MetadataValue) -> Bool {
    switch (self, other) {
    case (.string(let a), .string(let b)): ExactString(a) == ExactString(b)
    case (.float32(let a), .float32(let b)): a.bitPattern == b.bitPattern
    case (.float64(let a), .float64(let b)): a.bitPattern == b.bitPattern
    case (.array(let a), .array(let b)): a.isExactly(b)
    default: self == other
    }
  }

  fileprivate func differingElements(_ other: MetadataValue) -> (count: Int, first: Int)? {
    guard case (.array(let a), .array(let b)) = (self, other) else { return nil }
    return a.differingElements(b)
  }

  /// Type and value, the value cut short.
  fileprivate var summary: String {
    switch self {
    case .uint8(let value): "uint8 \(value)"
    case .int8(let value): "int8 \(value)"
    case .uint16(let value): "uint16 \(value)"
    case .int16(let value): "int16 \(value)"
    case .uint32(let value): "uint32 \(value)"
    case .int32(let value): "int32 \(value)"
    case .float32(let value): "float32 \(value)"
    case .bool(let value): "bool \(value)"
    case .string(let value): "string \(value.utf8.count > 80 ? "of \(value.utf8.count) bytes, " : "")\(value.shortened)"
    case .bytes(let value): "string of \(value.count) bytes, not UTF-8"
    case .array(let array): array.summary
    case .uint64(let value): "uint64 \(value)"
    case .int64(let value): "int64 \(value)"
    case .float64(let value): "float64 \(value)"
    }
  }
}

extension MetadataArray {
  fileprivate func isExactly(_ other: MetadataArray) -> Bool {
    differingElements(other).map { $0.count == 0 } ?? (self == other)
  }

  /// How many elements differ; nil for arrays of different types, and of arrays.
  fileprivate func differingElements(_ other: MetadataArray) -> (count: Int, first: Int)? {
    func differing<Value>(_ a: [Value], _ b: [Value], _ isSame: (Value, Value) -> Bool) -> (count: Int, first: Int) {
      differing(min(a.count, b.count), max(a.count, b.count)) { isSame(a[$0], b[$0]) }
    }
    func differing(_ shared: Int, _ all: Int, _ isSame: (Int) -> Bool) -> (count: Int, first: Int) {
      var (count, first) = (all - shared, shared)
      for index in (0..<shared).reversed() where !isSame(index) {
        count += 1
        first = index
      }
      return (count, first)
    }
    return switch (self, other) {
    case (.uint8(let a), .uint8(let b)): differing(a, b, ==)
    case (.int8(let a), .int8(let b)): differing(a, b, ==)
    case (.uint16(let a), .uint16(let b)): differing(a, b, ==)
    case (.int16(let a), .int16(let b)): differing(a, b, ==)
    case (.uint32(let a), .uint32(let b)): differing(a, b, ==)
    case (.int32(let a), .int32(let b)): differing(a, b, ==)
    case (.float32(let a), .float32(let b)): differing(a, b) { $0.bitPattern == $1.bitPattern }
    case (.bool(let a), .bool(let b)): differing(a, b, ==)
    case (.uint64(let a), .uint64(let b)): differing(a, b, ==)
    case (.int64(let a), .int64(let b)): differing(a, b, ==)
    case (.float64(let a), .float64(let b)): differing(a, b) { $0.bitPattern == $1.bitPattern }
    case (.strings(let a), .strings(let b)):
      a == b
        ? (0, a.count)
        : differing(min(a.count, b.count), max(a.count, b.count)) {
          a.bytes[a.range($0)] == b.bytes[b.range($0)]
        }
    default: nil
    }
  }

  fileprivate var summary: String {
    func some<Values: Collection>(_ type: String, _ values: Values) -> String {
      let shown = values.prefix(4).map { "\($0)".shortened }.joined(separator: ", ")
      return "\(type)[\(values.count)] \(shown)\(values.count > 4 ? ", …" : "")"
    }
    return switch self {
    case .uint8(let values): some("uint8", values)
    case .int8(let values): some("int8", values)
    case .uint16(let values): some("uint16", values)
    case .int16(let values): some("int16", values)
    case .uint32(let values): some("uint32", values)
    case .int32(let values): some("int32", values)
    case .float32(let values): some("float32", values)
    case .bool(let values): some("bool", values)
    case .strings(let values): some("string", values)
    case .arrays(let arrays): "array[\(arrays.count)]"
    case .uint64(let values): some("uint64", values)
    case .int64(let values): some("int64", values)
    case .float64(let values): some("float64", values)
    }
  }
}

extension String {
  /// At most 80 characters of it.
  fileprivate var shortened: String {
    guard utf8.count > 80 else { return self }
    let head = prefix(80)
    return head.endIndex == endIndex ? self : head + "…"
  }
}
