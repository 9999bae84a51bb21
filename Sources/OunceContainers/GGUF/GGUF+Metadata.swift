internal import OrderedCollections
internal import OunceCore

extension GGUFReader {
  mutating func metadata(_ count: Int) throws(OunceError) -> Metadata {
    var metadata = Metadata(minimumCapacity: count)
    for _ in 0..<count {
      let start = bytes.offset
      let key = try string(atMost: Limits.metadataKeyByteCount, "a metadata key")
      guard !key.isEmpty else { throw bytes.malformed("a metadata key is empty", at: start) }
      if key == GGUFContainer.alignmentKey { alignmentOffset = bytes.offset + 4 }
      let value: MetadataValue
      do { value = try self.value() } catch { throw error.located(subject: "key \(key)") }
      if let known = metadata.index(forKey: key) {
        throw bytes.malformed(repeated(key, metadata.keys[known]), at: start)
      }
      metadata[key] = value
    }
    return metadata
  }

  private mutating func type() throws(OunceError) -> GGUFValueType {
    let start = bytes.offset
    let number = try bytes.integer(UInt32.self)
    guard let type = GGUFValueType(rawValue: number) else {
      throw bytes.malformed("expected a value type from 0 to 12, found \(number)", at: start)
    }
    return type
  }

  private mutating func value() throws(OunceError) -> MetadataValue {
    switch try type() {
    case .uint8: .uint8(try bytes.integer())
    case .int8: .int8(try bytes.integer())
    case .uint16: .uint16(try bytes.integer())
    case .int16: .int16(try bytes.integer())
    case .uint32: .uint32(try bytes.integer())
    case .int32: .int32(try bytes.integer())
    case .float32: .float32(Float(bitPattern: try bytes.integer()))
    case .bool: .bool(try bool())
    case .string: try stringValue()
    case .array: .array(try array(depth: 1))
    case .uint64: .uint64(try bytes.integer())
    case .int64: .int64(try bytes.integer())
    case .float64: .float64(Double(bitPattern: try bytes.integer()))
    }
  }

  private mutating func bool() throws(OunceError) -> Bool {
    let start = bytes.offset
    let byte = try bytes.integer(UInt8.self)
    guard byte < 2 else { throw bytes.malformed("expected 0 or 1 for a boolean, found \(byte)", at: start) }
    return byte == 1
  }

  private mutating func stringValue() throws(OunceError) -> MetadataValue {
    let count = try count(atMost: Limits.metadataStringByteCount, of: "bytes in a string", elementByteCount: 1)
    let content = try bytes.bytes(count)
    // Tokens and other texts may be any bytes; they are kept as they are.
    return String(validating: content, as: UTF8.self).map { .string($0) } ?? .bytes(content)
  }

  private mutating func array(depth: Int) throws(OunceError) -> MetadataArray {
    guard depth <= Limits.metadataNesting else {
      throw bytes.malformed("arrays are nested deeper than \(Limits.metadataNesting)")
    }
    let type = try type()
    let count = try count(
      atMost: Limits.metadataArrayCount, of: "array elements",
      elementByteCount: type.byteCount(lengthByteCount: lengthByteCount))
    switch type {
    case .uint8: return .uint8(try bytes.bytes(count))
    case .int8: return .int8(try bytes.integers(count))
    case .uint16: return .uint16(try bytes.integers(count))
    case .int16: return .int16(try bytes.integers(count))
    case .uint32: return .uint32(try bytes.integers(count))
    case .int32: return .int32(try bytes.integers(count))
    case .float32: return .float32(try bytes.integers(count, UInt32.self).map(Float.init(bitPattern:)))
    case .bool:
      var values: [Bool] = []
      values.reserveCapacity(count)
      for _ in 0..<count { values.append(try bool()) }
      return .bool(values)
    case .string:
      return .strings(
        try bytes.strings(
          count, lengthByteCount: lengthByteCount, eachAtMost: Limits.metadataStringByteCount))
    case .array:
      var values: [MetadataArray] = []
      for _ in 0..<count { values.append(try array(depth: depth + 1)) }
      return .arrays(values)
    case .uint64: return .uint64(try bytes.integers(count))
    case .int64: return .int64(try bytes.integers(count))
    case .float64: return .float64(try bytes.integers(count, UInt64.self).map(Double.init(bitPattern:)))
    }
  }
}
