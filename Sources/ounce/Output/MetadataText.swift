import OunceKit

extension MetadataValue {
  /// The type as GGUF calls it: "uint32", "array<string>".
  var typeName: String {
    switch self {
    case .uint8: "uint8"
    case .int8: "int8"
    case .uint16: "uint16"
    case .int16: "int16"
    case .uint32: "uint32"
    case .int32: "int32"
    case .float32: "float32"
    case .bool: "bool"
    case .string, .bytes: "string"
    case .array(let array): "array<\(array.elementTypeName)>"
    case .uint64: "uint64"
    case .int64: "int64"
    case .float64: "float64"
    }
  }

  var json: JSON {
    switch self {
    case .uint8(let value): .integer(Int(value))
    case .int8(let value): .integer(Int(value))
    case .uint16(let value): .integer(Int(value))
    case .int16(let value): .integer(Int(value))
    case .uint32(let value): .integer(Int(value))
    case .int32(let value): .integer(Int(value))
    case .float32(let value): .double(Double("\(value)") ?? Double(value))
    case .bool(let value): .bool(value)
    case .string(let value): .string(value)
    case .bytes(let value): .string(String(decoding: value, as: UTF8.self))
    case .array(let array): .array(array.json(atMost: nil))
    case .uint64(let value): Int(exactly: value).map(JSON.integer) ?? .string("\(value)")
    case .int64(let value): .integer(Int(value))
    case .float64(let value): .double(value)
    }
  }

  /// One line of at most `width` characters; whole when `width` is nil.
  func text(_ width: Int?) -> String {
    var text: String
    switch self {
    case .string(let value): text = value
    case .array(let array):
      let shown = width == nil ? array.count : min(array.count, 8)
      text = array.json(atMost: shown).map { JSONWriter.write($0) }.joined(separator: ", ")
      if shown < array.count { text += ", … (\(array.count))" }
      text = "[\(text)]"
    case .bool(let value): text = "\(value)"
    default:
      text = JSONWriter.write(json)
    }
    guard let width, text.count > width else { return text }
    return String(text.prefix(width - 1)) + "…"
  }
}

extension MetadataArray {
  var elementTypeName: String {
    switch self {
    case .uint8: "uint8"
    case .int8: "int8"
    case .uint16: "uint16"
    case .int16: "int16"
    case .uint32: "uint32"
    case .int32: "int32"
    case .float32: "float32"
    case .bool: "bool"
    case .strings: "string"
    case .arrays(let arrays): "array<\(arrays.first?.elementTypeName ?? "")>"
    case .uint64: "uint64"
    case .int64: "int64"
    case .float64: "float64"
    }
  }

  /// The first `limit` elements; all when it is nil.
  func json(atMost limit: Int?) -> [JSON] {
    func some<Values: Collection>(_ values: Values, _ convert: (Values.Element) -> JSON) -> [JSON] {
      values.prefix(limit ?? values.count).map(convert)
    }
    return switch self {
    case .uint8(let values): some(values) { .integer(Int($0)) }
    case .int8(let values): some(values) { .integer(Int($0)) }
    case .uint16(let values): some(values) { .integer(Int($0)) }
    case .int16(let values): some(values) { .integer(Int($0)) }
    case .uint32(let values): some(values) { .integer(Int($0)) }
    case .int32(let values): some(values) { .integer(Int($0)) }
    case .float32(let values): some(values) { MetadataValue.float32($0).json }
    case .bool(let values): some(values) { .bool($0) }
    case .strings(let values): some(values) { .string($0) }
    case .arrays(let values): some(values) { .array($0.json(atMost: limit)) }
    case .uint64(let values): some(values) { MetadataValue.uint64($0).json }
    case .int64(let values): some(values) { .integer(Int($0)) }
    case .float64(let values): some(values) { .double($0) }
    }
  }
}
