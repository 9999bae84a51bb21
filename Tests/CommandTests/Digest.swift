import Crypto
import Foundation
import OunceKit
import Testing

/// Compares a GGUF file with a digest that was recorded from the reference.
enum Digest {
  static func compare(_ path: String, _ expected: JSON, except ignored: Set<String> = []) throws {
    let model = try Open.model(at: path)
    let metadata = try #require(expected["metadata"]?.object)
    #expect(Set(model.metadata.keys) == Set(metadata.keys))
    for (key, value) in metadata where !ignored.contains(key) {
      guard let found = model.metadata[key] else { continue }
      #expect(try describe(found) == summary(value), "\(key)")
    }
    let tensors = try #require(expected["tensors"]?.array)
    #expect(model.tensors.count == tensors.count)
    let found = Dictionary(uniqueKeysWithValues: model.tensors.map { ($0.info.name, $0) })
    for tensor in tensors {
      let name = try #require(tensor["name"]?.string)
      guard let own = found[name] else {
        Issue.record("\(name) is missing")
        continue
      }
      #expect(own.info.encoding.name == tensor["type"]?.string, "\(name)")
      #expect(own.info.shape.reversed() == tensor["shape_ggml_order"]?.array?.compactMap(\.integer), "\(name)")
      #expect(try sha256(own) == tensor["sha256"]?.string, "\(name)")
    }
  }

  static func sha256(_ tensor: Tensor) throws -> String {
    var bytes = [UInt8](repeating: 0, count: tensor.info.byteCount)
    try bytes.withMutableRawSpan { (span) throws(OunceError) in
      try tensor.data.read(rows: 0..<tensor.info.rowCount, into: &span)
    }
    return hex(SHA256.hash(data: bytes))
  }

  private static func hex(_ digest: some Sequence<UInt8>) -> String {
    digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  /// A recorded value as one line of text.
  private static func summary(_ value: JSON) throws -> String {
    let type = try #require(value["type"]?.string)
    if type.hasPrefix("array") { return "\(type) \(value["sha256_of_json"]?.string ?? "")" }
    return "\(type) \(value["value"].map { number($0) } ?? "")"
  }

  private static func number(_ value: JSON) -> String {
    if let integer = value.integer { return "\(integer)" }
    if let double = value.double { return "\(double)" }
    return JSONWriter.write(value)
  }

  /// A value as the recording script would have summed it up.
  private static func describe(_ value: MetadataValue) throws -> String {
    switch value {
    case .string(let text): "string \(JSONWriter.write(.string(text)))"
    case .uint32(let number): "uint32 \(number)"
    case .int32(let number): "int32 \(number)"
    case .uint64(let number): "uint64 \(number)"
    case .bool(let value): "bool \(value)"
    case .float32(let number):
      "float32 " + (Double(number) == Double(number).rounded() ? "\(Int(number))" : "\(Double(number))")
    case .array(.strings(let strings)): "array<string> \(hash(strings.map { ascii($0) }))"
    case .array(.int32(let numbers)): "array<int32> \(hash(numbers.map { "\($0)" }))"
    case .array(.float32(let numbers)): "array<float32> \(hash(numbers.map { python($0) }))"
    default: "\(value)"
    }
  }

  private static func python(_ number: Float) -> String { "\(Double(number))" }

  /// The SHA-256 of the compact JSON array of `elements`.
  private static func hash(_ elements: [String]) -> String {
    hex(SHA256.hash(data: Array(("[" + elements.joined(separator: ",") + "]").utf8)))
  }

  /// A string as Python's `json.dumps` writes it: all but ASCII escaped.
  private static func ascii(_ text: String) -> String {
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
      case 0x20..<0x7F: result.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
      default:
        let digits = String(unit, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
    return result + "\""
  }
}
