public import OunceCore

/// A metadata value that a user sets (`--override-kv` of llama-quantize).
public struct MetadataOverride: Sendable, Equatable {
  public enum Value: Sendable, Equatable {
    case integer(Int)
    case number(Double)
    case bool(Bool)
    case text(String)
  }

  public let key: String
  public let value: Value

  public init(key: String, value: Value) {
    self.key = key
    self.value = value
  }

  /// Reads `KEY=TYPE:VALUE`, where the type is `int`, `float`, `bool` or `str`.
  ///
  /// - Parameter option: the option that took the text, for errors.
  /// - Throws: `OunceError` when the text has another form, or the value is none of its type.
  public init(_ text: String, option: String = "--override-kv") throws(OunceError) {
    func reject(_ problem: String) -> OunceError {
      OunceError(
        .request, "\(option) \(text): \(problem)",
        remedy: "write KEY=TYPE:VALUE, such as tokenizer.ggml.add_bos_token=bool:false")
    }
    guard let sign = text.firstIndex(of: "="), sign != text.startIndex else { throw reject("there is no key") }
    key = String(text[..<sign])
    guard key.utf8.count <= Limits.metadataKeyByteCount else { throw reject("the key is too long") }
    let rest = text[text.index(after: sign)...]
    guard let colon = rest.firstIndex(of: ":") else { throw reject("there is no type") }
    let content = String(rest[rest.index(after: colon)...])
    switch rest[..<colon] {
    case "int":
      guard let number = Int(content) else { throw reject("\(content) is no whole number") }
      value = .integer(number)
    case "float":
      guard let number = Double(content), number.isFinite else { throw reject("\(content) is no number") }
      value = .number(number)
    case "bool":
      guard let flag = Bool(content) else { throw reject("\(content) is neither true nor false") }
      value = .bool(flag)
    case "str": value = .text(content)
    default: throw reject("there is no type \(rest[..<colon])")
    }
  }

  /// The value as it is stored: whole numbers as 32 bits without sign, floats in single precision.
  ///
  /// - Parameter matchesReference: negative and large numbers lose their sign and their upper bits, as in
  ///   llama-quantize; else they get the width that they need.
  func stored(matchesReference: Bool) -> MetadataValue {
    switch value {
    case .integer(let number):
      if matchesReference { return .uint32(UInt32(truncatingIfNeeded: number.magnitude)) }
      if let short = UInt32(exactly: number) { return .uint32(short) }
      return Int32(exactly: number).map(MetadataValue.int32) ?? .int64(Int64(number))
    case .number(let number): return .float32(Float(number))
    case .bool(let flag): return .bool(flag)
    case .text(let text): return .string(text)
    }
  }
}

extension Metadata {
  /// Sets values as the reference does: what is set stands last.
  mutating func setLast(_ overrides: [MetadataOverride], matchesReference: Bool) {
    for entry in overrides { setLast(entry.stored(matchesReference: matchesReference), forKey: entry.key) }
  }
}
