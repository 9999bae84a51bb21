import OunceCore

/// What a model holds as text: the form of the `.listing` files, which Scripts/fixtures/containers.py writes without
/// this library.
enum Listing {
  static func text(_ model: Model) throws -> String {
    var lines = model.metadata.map { key, value in
      let (type, text) = describe(value)
      return "key \(quoted(key)) \(type) \(text)"
    }
    for tensor in model.tensors {
      let content = try tensor.content()
      lines.append(
        "tensor \(quoted(tensor.info.name)) \(tensor.info.encoding.name) \(tensor.info.shape) \(content.count) "
          + hash(content))
    }
    for remark in model.remarks where remark.kind != .note {
      lines.append("\(remark.kind) \(quoted(remark.subject))")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// FNV-1a of 64 bits.
  static func hash(_ bytes: [UInt8]) -> String {
    var value: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return hexadecimal(value, digits: 16)
  }

  private static func hexadecimal(_ value: UInt64, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: digits - text.count) + text
  }

  private static func float(_ value: Float) -> String { "0x" + hexadecimal(UInt64(value.bitPattern), digits: 8) }
  private static func double(_ value: Double) -> String { "0x" + hexadecimal(value.bitPattern, digits: 16) }

  /// As Python's `json.dumps` writes a string: all but ASCII as escapes.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for unit in text.utf16 {
      switch unit {
      case 0x22: result += "\\\""
      case 0x5C: result += "\\\\"
      case 0x0A: result += "\\n"
      case 0x0D: result += "\\r"
      case 0x09: result += "\\t"
      case 0x08: result += "\\b"
      case 0x0C: result += "\\f"
      case 0x20..<0x7F: result += String(UnicodeScalar(UInt8(unit)))
      default: result += "\\u" + hexadecimal(UInt64(unit), digits: 4)
      }
    }
    return result + "\""
  }

  private static func describe(_ value: MetadataValue) -> (type: String, text: String) {
    switch value {
    case .uint8(let value): ("uint8", "\(value)")
    case .int8(let value): ("int8", "\(value)")
    case .uint16(let value): ("uint16", "\(value)")
    case .int16(let value): ("int16", "\(value)")
    case .uint32(let value): ("uint32", "\(value)")
    case .int32(let value): ("int32", "\(value)")
    case .float32(let value): ("float32", float(value))
    case .bool(let value): ("bool", "\(value)")
    case .string(let value): ("string", quoted(value))
    case .bytes(let value): ("bytes", value.map { hexadecimal(UInt64($0), digits: 2) }.joined())
    case .array(let value): ("array[\(describe(value).type)]", describe(value).text)
    case .uint64(let value): ("uint64", "\(value)")
    case .int64(let value): ("int64", "\(value)")
    case .float64(let value): ("float64", double(value))
    }
  }

  private static func describe(_ array: MetadataArray) -> (type: String, text: String) {
    func list(_ texts: [String]) -> String { "[" + texts.joined(separator: ", ") + "]" }
    return switch array {
    case .uint8(let values): ("uint8", "\(values)")
    case .int8(let values): ("int8", "\(values)")
    case .uint16(let values): ("uint16", "\(values)")
    case .int16(let values): ("int16", "\(values)")
    case .uint32(let values): ("uint32", "\(values)")
    case .int32(let values): ("int32", "\(values)")
    case .float32(let values): ("float32", list(values.map(float)))
    case .bool(let values): ("bool", "\(values)")
    case .strings(let values): ("string", list(values.map(quoted)))
    case .arrays(let values): ("array", list(values.map { describe($0).text }))
    case .uint64(let values): ("uint64", "\(values)")
    case .int64(let values): ("int64", "\(values)")
    case .float64(let values): ("float64", list(values.map(double)))
    }
  }
}
