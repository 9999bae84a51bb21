internal import OunceCore
internal import OunceEncoding

/// What an array's `descr` says: byte order, kind and size, as in `<f4`.
struct NPYType {
  /// nil: elements that are no numbers of this build.
  let encoding: (any Encoding)?
  let isBigEndian: Bool
  /// Why elements cannot be read, as the end of a sentence about the array.
  let refusal: String?
  /// What to do then.
  let remedy: String?

  private static let plain: [String: String] = [
    "b1": "BOOL", "i1": "I8", "i2": "I16", "i4": "I32", "i8": "I64", "u1": "U8", "u2": "U16", "u4": "U32",
    "u8": "U64", "f2": "F16", "f4": "F32", "f8": "F64", "c8": "C64", "c16": "C128",
  ]

  /// - Throws: `OunceError` when the text is no type of NumPy.
  init?(_ text: String) {
    let order = text.utf8.first
    // Without a mark, and with "=", NumPy takes the order of the machine: these are read as little endian.
    let hasOrder = order.map { "<>=|".utf8.contains($0) } ?? false
    let code = hasOrder ? String(text.dropFirst()) : text
    if let name = Self.plain[code], let encoding = Encodings.named(name) {
      self.encoding = encoding
      isBigEndian = order == UInt8(ascii: ">") && !encoding.words.isEmpty
      (refusal, remedy) = (nil, nil)
      return
    }
    guard let refused = Self.refusal(code) else { return nil }
    encoding = nil
    isBigEndian = false
    (refusal, remedy) = refused
  }

  private init(refusal: String, remedy: String) {
    encoding = nil
    isBigEndian = false
    self.refusal = refusal
    self.remedy = remedy
  }

  /// Records of several fields.
  static func structured(_ fields: [String]) -> NPYType {
    let names = fields.isEmpty ? "" : " (\(listed(fields)))"
    return NPYType(refusal: "is an array of records\(names)", remedy: "save each field as an array of its own")
  }

  private static func refusal(_ code: String) -> (String, String)? {
    let size = code.utf8.dropFirst()
    guard let kind = code.utf8.first else { return nil }
    let isSized = !size.isEmpty && size.count < 12 && size.allSatisfy { (0x30...0x39).contains($0) }
    let asNumbers = "save it with `.astype(numpy.float32)`"
    switch kind {
    case UInt8(ascii: "O") where size.isEmpty || isSized:
      return ("is an array of Python objects, a pickle", "save each object as an array of numbers of its own")
    case UInt8(ascii: "S"), UInt8(ascii: "a"), UInt8(ascii: "U"), UInt8(ascii: "T"):
      return isSized || size.isEmpty ? ("is an array of strings", "save numbers only") : nil
    case UInt8(ascii: "M"), UInt8(ascii: "m"): return ("is an array of dates or times", asNumbers)
    case UInt8(ascii: "V") where code == "V1" || code == "V2", UInt8(ascii: "f") where code == "f1":
      return (
        "has elements of \(code.dropFirst()) byte\(code == "V2" ? "s" : "") without a type: NumPy does not store that "
          + "they were \(code == "V2" ? "bfloat16" : "float8 or int4")", asNumbers + ", or as safetensors"
      )
    case UInt8(ascii: "V") where isSized: return ("is an array of raw bytes without a type", asNumbers)
    case UInt8(ascii: "f") where isSized, UInt8(ascii: "c") where isSized:
      return (
        "has elements of the type \(code), which differs between machines", "save it with `.astype(numpy.float64)`"
      )
    default: return nil
    }
  }

  /// What NumPy calls an encoding, little endian; nil: nothing.
  static func code(of encoding: any Encoding) -> String? {
    guard let code = plain.first(where: { $0.value == encoding.name })?.key else { return nil }
    return (encoding.words.isEmpty ? "|" : "<") + code
  }
}
