public import OrderedCollections

/// Key-value pairs that keep their order and their exact types.
public typealias Metadata = OrderedDictionary<String, MetadataValue>

extension OrderedDictionary<String, MetadataValue> {
  /// Sets a value behind all others, wherever it stood before.
  public mutating func setLast(_ value: MetadataValue, forKey key: String) {
    removeValue(forKey: key)
    self[key] = value
  }
}

/// A metadata value with its exact width, as GGUF distinguishes them.
public enum MetadataValue: Sendable, Equatable {
  case uint8(UInt8)
  case int8(Int8)
  case uint16(UInt16)
  case int16(Int16)
  case uint32(UInt32)
  case int32(Int32)
  case float32(Float)
  case bool(Bool)
  case string(String)
  /// A string that is not UTF-8, kept byte for byte.
  case bytes([UInt8])
  case array(MetadataArray)
  case uint64(UInt64)
  case int64(Int64)
  case float64(Double)
}

/// An array of values of one type.
public enum MetadataArray: Sendable, Equatable {
  case uint8([UInt8])
  case int8([Int8])
  case uint16([UInt16])
  case int16([Int16])
  case uint32([UInt32])
  case int32([Int32])
  case float32([Float])
  case bool([Bool])
  case strings(PackedStrings)
  case arrays([MetadataArray])
  case uint64([UInt64])
  case int64([Int64])
  case float64([Double])

  public var count: Int {
    switch self {
    case .uint8(let values): values.count
    case .int8(let values): values.count
    case .uint16(let values): values.count
    case .int16(let values): values.count
    case .uint32(let values): values.count
    case .int32(let values): values.count
    case .float32(let values): values.count
    case .bool(let values): values.count
    case .strings(let values): values.count
    case .arrays(let values): values.count
    case .uint64(let values): values.count
    case .int64(let values): values.count
    case .float64(let values): values.count
    }
  }
}

extension MetadataArray {
  /// The elements whose index passes.
  public func filtered(_ isKept: (Int) -> Bool) -> MetadataArray {
    func kept<Value>(_ values: [Value]) -> [Value] { values.indices.filter(isKept).map { values[$0] } }
    return switch self {
    case .uint8(let values): .uint8(kept(values))
    case .int8(let values): .int8(kept(values))
    case .uint16(let values): .uint16(kept(values))
    case .int16(let values): .int16(kept(values))
    case .uint32(let values): .uint32(kept(values))
    case .int32(let values): .int32(kept(values))
    case .float32(let values): .float32(kept(values))
    case .bool(let values): .bool(kept(values))
    case .strings(let values): .strings(PackedStrings(values.indices.filter(isKept).map { values[$0] }))
    case .arrays(let values): .arrays(kept(values))
    case .uint64(let values): .uint64(kept(values))
    case .int64(let values): .int64(kept(values))
    case .float64(let values): .float64(kept(values))
    }
  }
}

extension MetadataValue {
  /// An array of strings.
  public static func strings(_ values: some Sequence<String>) -> MetadataValue {
    .array(.strings(PackedStrings(values)))
  }

  public var string: String? { if case .string(let value) = self { value } else { nil } }
  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var array: MetadataArray? { if case .array(let value) = self { value } else { nil } }

  /// A whole number of any width.
  public var integer: Int? {
    switch self {
    case .uint8(let value): Int(value)
    case .int8(let value): Int(value)
    case .uint16(let value): Int(value)
    case .int16(let value): Int(value)
    case .uint32(let value): Int(value)
    case .int32(let value): Int(value)
    case .uint64(let value): Int(exactly: value)
    case .int64(let value): Int(value)
    default: nil
    }
  }
}

/// Strings end to end in one block of memory, so that a vocabulary of a million tokens is two allocations.
public struct PackedStrings: Sendable, Equatable, RandomAccessCollection {
  /// The UTF-8 bytes of all strings (of whatever bytes a file held).
  public private(set) var bytes: [UInt8] = []
  /// `ends[i]` is where string `i` ends in `bytes`.
  public private(set) var ends: [Int] = []

  public init() {}

  public init(_ strings: some Sequence<String>) {
    for string in strings { append(string) }
  }

  /// Takes bytes that are already packed. The caller guarantees that `ends` ascend and stay inside `bytes`.
  public init(bytes: [UInt8], ends: [Int]) {
    self.bytes = bytes
    self.ends = ends
  }

  public mutating func append(_ string: String) {
    bytes.append(contentsOf: string.utf8)
    ends.append(bytes.count)
  }

  public mutating func append(bytes string: some Sequence<UInt8>) {
    bytes.append(contentsOf: string)
    ends.append(bytes.count)
  }

  public mutating func reserveCapacity(_ count: Int, byteCount: Int) {
    ends.reserveCapacity(count)
    bytes.reserveCapacity(byteCount)
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { ends.count }

  /// The place of string `index` in `bytes`.
  public func range(_ index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1])..<ends[index] }

  /// String `index`; bytes that are not UTF-8 are repaired.
  public subscript(index: Int) -> String { String(decoding: bytes[range(index)], as: UTF8.self) }
}
