internal import OunceCore
internal import OunceEncoding

/// The type of elements, and the order of their bytes.
struct ZarrType {
  let encoding: any Encoding
  let isBigEndian: Bool

  init(encoding: any Encoding, isBigEndian: Bool) {
    self.encoding = encoding
    self.isBigEndian = isBigEndian
  }

  private static let names = [
    "bool": "BOOL", "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64", "uint8": "U8", "uint16": "U16",
    "uint32": "U32", "uint64": "U64", "float16": "F16", "float32": "F32", "float64": "F64", "bfloat16": "BF16",
    "complex64": "C64", "complex128": "C128", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
    "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2fnuz": "F8_E5M2FNUZ", "float8_e8m0fnu": "F8_E8M0",
  ]
  private static let kinds = ["b": "BOOL", "i": "I", "u": "U", "f": "F", "c": "C"]

  /// A data type of version 3, which names no order; nil: there is no such encoding.
  init?(third name: String) {
    guard let encoding = Self.names[name].flatMap({ Encodings.named($0) }) else { return nil }
    self.init(encoding: encoding, isBigEndian: false)
  }

  /// A dtype of version 2: NumPy's (`<f4`, `|u1`), or a name, as TensorStore writes what NumPy lacks.
  init?(second dtype: String) {
    if Self.names[dtype] != nil {
      self.init(third: dtype)
      return
    }
    guard let order = dtype.first, "<>|=".contains(order), let kind = Self.kinds[String(dtype.dropFirst().prefix(1))],
      let size = Int(dtype.dropFirst(2)), size > 0, size <= 16
    else { return nil }
    let name = kind == "BOOL" ? (size == 1 ? kind : "") : "\(kind)\(size * 8)"
    guard let encoding = Encodings.named(name), encoding.bytesPerBlock == size else { return nil }
    self.init(encoding: encoding, isBigEndian: order == ">" && size > 1)
  }

  /// The bytes of a fill value; nil when this build cannot say them.
  func fill(_ value: JSON?) -> [UInt8]? {
    let zero = [UInt8](repeating: 0, count: encoding.bytesPerBlock)
    guard let value, !value.isNull else { return zero }
    switch value {
    case .bool(let flag): return encoding.name == "BOOL" ? [flag ? 1 : 0] : nil
    case .integer(let number) where encoding.kind == .integer: return bytes(UInt64(bitPattern: Int64(number)))
    case .integer, .double: return value.double.flatMap { fill($0) }
    case .string(let text):
      let named = ["NaN": Double.nan, "Infinity": .infinity, "-Infinity": -.infinity]
      if let number = named[text] { return fill(number) }
      guard text.hasPrefix("0x"), let bits = UInt64(text.dropFirst(2), radix: 16) else { return nil }
      return bytes(bits)
    case .array(let parts): return parts.allSatisfy { $0.double == 0 } ? zero : nil
    case .null, .object: return nil
    }
  }

  private func fill(_ number: Double) -> [UInt8]? {
    if number == 0, number.sign == .plus { return [UInt8](repeating: 0, count: encoding.bytesPerBlock) }
    if encoding.name == "F64" { return bytes(number.bitPattern) }
    if encoding.name == "F32" { return bytes(UInt64(Float(number).bitPattern)) }
    guard number.isFinite, encoding.kind == .float, encoding.elementsPerBlock == 1,
      let writable = encoding as? any WritableEncoding
    else { return nil }
    var result = [UInt8](repeating: 0, count: encoding.bytesPerBlock)
    let floats = [Float(number)]
    result.withMutableRawSpan { writable.encode(floats.span, columns: 1, importance: nil, into: &$0) }
    return result
  }

  /// Little endian, as tensors are seen.
  private func bytes(_ bits: UInt64) -> [UInt8] {
    (0..<encoding.bytesPerBlock).map { $0 < 8 ? UInt8(truncatingIfNeeded: bits >> UInt64(8 * $0)) : 0 }
  }
}
