import Crypto
import OunceKit

/// What the reference converter made of a checkpoint: metadata and the hash of every tensor.
struct Digest {
  let metadata: JSONObject
  let tensors: [JSON]

  init(_ json: JSON) {
    metadata = json["metadata"]?.object ?? [:]
    tensors = json["tensors"]?.array ?? []
  }

  /// Every difference between a translation and this digest, one line each.
  func differences(from translation: Translation, outputType: String) throws -> [String] {
    let fileType = metadata["general.file_type"]?["value"]?.integer.map { UInt32($0) }
    return compare(translation.convertedMetadata(fileType: fileType))
      + (try compare(translation, outputType))
  }

  private func compare(_ found: Metadata) -> [String] {
    var result: [String] = []
    // Split files count themselves; the writer adds these.
    let wanted = metadata.keys.filter { !$0.hasPrefix("split.") }
    for key in wanted where found[key] == nil { result.append("\(key): missing") }
    for (key, value) in found {
      guard let expected = metadata[key] else {
        result.append("\(key): not expected")
        continue
      }
      let got = DigestValue(value)
      if got.type != expected["type"]?.string {
        result.append("\(key): type \(got.type), expected \(expected["type"]?.string ?? "?")")
      } else if let hash = expected["sha256_of_json"]?.string {
        if hash != SHA256.hex(of: Array(got.text.utf8)) {
          result.append("\(key): \(firstDifference(value, expected["value"]))")
        }
      } else if let json = expected["value"], DigestValue.text(of: json) != got.text {
        result.append("\(key): \(got.text.prefix(200)), expected \(DigestValue.text(of: json).prefix(200))")
      }
    }
    if result.isEmpty, Array(found.keys) != wanted { result.append("the order of keys differs: \(Array(found.keys))") }
    return result
  }

  private func firstDifference(_ found: MetadataValue, _ expected: JSON?) -> String {
    guard let expected = expected?.array, let array = found.array else { return "elements differ" }
    let texts = DigestValue.elements(array)
    for (index, element) in expected.enumerated() {
      let text = DigestValue.text(of: element)
      if index >= texts.count || texts[index] != text {
        return "element \(index) is \(index < texts.count ? texts[index] : "missing"), expected \(text)"
      }
    }
    return "\(texts.count) elements, expected \(expected.count)"
  }

  private func compare(_ translation: Translation, _ outputType: String) throws -> [String] {
    let found = translation.model.tensors
    var result: [String] = []
    var expected: [String: JSON] = [:]
    for tensor in tensors { expected[tensor["name"]?.string ?? ""] = tensor }
    let names = Set(found.map(\.info.name))
    for name in expected.keys.sorted() where !names.contains(name) { result.append("\(name): missing") }
    for tensor in found {
      guard let wanted = expected[tensor.info.name] else {
        result.append("\(tensor.info.name): not expected")
        continue
      }
      let isFloat = tensor.info.encoding.kind == .float
      let encoding = isFloat ? translation.converterEncoding(of: tensor.info, outputType) : tensor.info.encoding.name
      let shape = Array((wanted["shape_ggml_order"]?.array ?? []).compactMap(\.integer).reversed())
      if encoding != wanted["type"]?.string || tensor.info.shape != shape {
        result.append(
          "\(tensor.info.name): \(encoding) \(tensor.info.shape), expected \(wanted["type"]?.string ?? "?") \(shape)")
      } else if let hash = wanted["sha256"]?.string, let target = Encodings.named(encoding),
        SHA256.hex(of: try tensor.bytes(as: target)) != hash
      {
        result.append("\(tensor.info.name): bytes differ")
      }
    }
    if result.isEmpty, found.map(\.info.name) != tensors.map({ $0["name"]?.string ?? "" }) {
      result.append("the order of tensors differs: \(found.map(\.info.name))")
    }
    return result
  }
}

/// A metadata value as digests write it.
struct DigestValue {
  let type: String
  /// Compact JSON in ASCII, as Python writes it.
  let text: String

  init(_ value: MetadataValue) {
    switch value {
    case .array(let array):
      type = "array<\(Self.elementType(array))>"
      text = "[\(Self.elements(array).joined(separator: ","))]"
    case .uint32(let number): (type, text) = ("uint32", "\(number)")
    case .int32(let number): (type, text) = ("int32", "\(number)")
    case .uint64(let number): (type, text) = ("uint64", "\(number)")
    case .float32(let number): (type, text) = ("float32", Self.text(Double(number)))
    case .bool(let flag): (type, text) = ("bool", "\(flag)")
    case .string(let string): (type, text) = ("string", Self.quoted(string))
    default: (type, text) = ("other", "\(value)")
    }
  }

  static func elements(_ array: MetadataArray) -> [String] {
    switch array {
    case .strings(let strings): strings.map(quoted)
    case .int32(let numbers): numbers.map { "\($0)" }
    case .uint32(let numbers): numbers.map { "\($0)" }
    case .int64(let numbers): numbers.map { "\($0)" }
    case .uint64(let numbers): numbers.map { "\($0)" }
    case .uint8(let numbers): numbers.map { "\($0)" }
    case .int8(let numbers): numbers.map { "\($0)" }
    case .float32(let numbers): numbers.map { text(Double($0)) }
    case .bool(let flags): flags.map { "\($0)" }
    default: []
    }
  }

  private static func elementType(_ array: MetadataArray) -> String {
    switch array {
    case .strings: "string"
    case .int32: "int32"
    case .uint32: "uint32"
    case .int64: "int64"
    case .uint64: "uint64"
    case .uint8: "uint8"
    case .int8: "int8"
    case .float32: "float32"
    case .bool: "bool"
    default: "other"
    }
  }

  static func text(of json: JSON) -> String {
    switch json {
    case .string(let string): quoted(string)
    case .double(let number): text(number)
    case .integer(let number): "\(number)"
    case .bool(let flag): "\(flag)"
    case .array(let values): "[\(values.map(text(of:)).joined(separator: ","))]"
    default: "null"
    }
  }

  private static func text(_ number: Double) -> String {
    number.isFinite ? "\(number)" : number > 0 ? "Infinity" : "-Infinity"
  }

  private static func quoted(_ string: String) -> String {
    var text = "\""
    for unit in string.utf16 {
      switch unit {
      case 0x22: text += "\\\""
      case 0x5C: text += "\\\\"
      case 0x0A: text += "\\n"
      case 0x0D: text += "\\r"
      case 0x09: text += "\\t"
      case 0x08: text += "\\b"
      case 0x0C: text += "\\f"
      case 0x20...0x7E: text.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
      case 0x7F: text.unicodeScalars.append("\u{7F}")
      default:
        let digits = String(unit, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
    return text + "\""
  }
}

extension SHA256 {
  static func hex(of bytes: [UInt8]) -> String {
    SHA256.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

extension Tensor {
  /// All elements in another encoding.
  func bytes(as target: any Encoding) throws -> [UInt8] {
    var source = Buffer(byteCount: info.byteCount)
    // Rows are read in parts of odd sizes, which views must bear.
    let step = max(1, info.rowCount / 3)
    for start in stride(from: 0, to: info.rowCount, by: step) {
      let rows = start..<min(start + step, info.rowCount)
      let range = rows.lowerBound * info.rowByteCount..<rows.upperBound * info.rowByteCount
      try source.withMutableBytes(range) { (bytes) throws(OunceError) in try data.read(rows: rows, into: &bytes) }
    }
    if target.name == info.encoding.name || info.encoding.kind != .float {
      return source.withBytes(0..<info.byteCount) { bytes in
        bytes.byteOffsets.map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
      }
    }
    guard let writable = target as? any WritableEncoding else { return [] }
    var floats = Buffer(byteCount: info.elementCount * 4)
    floats.withMutableFloats(info.elementCount) { elements in
      source.withBytes(0..<info.byteCount) { info.encoding.decode($0, into: &elements) }
    }
    var result = [UInt8](
      repeating: 0, count: info.elementCount / target.elementsPerBlock * target.bytesPerBlock)
    result.withMutableRawSpan { bytes in
      floats.withFloats(info.elementCount) {
        writable.encode($0, columns: info.columnCount, importance: nil, into: &bytes)
      }
    }
    return result
  }
}
