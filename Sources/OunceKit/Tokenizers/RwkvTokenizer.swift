internal import OunceCore

/// RWKV's world vocabulary: a text file with one token a line, `id literal byteCount`, where the literal is a string or
/// a byte string as Python writes it. GGUF holds the bytes with escapes.
struct RwkvTokenizer: TokenizerRule {
  static let fileName = "rwkv_vocab_v20230424.txt"
  /// The name by which llama.cpp knows the form of a conversation.
  static let templateName = "rwkv-world"

  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    guard let file = checkpoint.model.companions[Self.fileName] else {
      throw OunceError(
        .notFound, "has no \(Self.fileName)", file: checkpoint.model.path,
        remedy: "download all files of the model, not only its weights")
    }
    let size = checkpoint.configuration.integer("vocab_size") ?? 65_536
    guard (1...Limits.vocabulary).contains(size) else {
      throw OunceError(.malformed, "\(size) tokens are not plausible", file: "config.json")
    }
    var vocabulary = Vocabulary()
    vocabulary.append("<s>".utf8, TokenType.control)
    let content = try file.wholeContent(atMost: Limits.jsonByteCount)
    for line in content.split(separator: UInt8(ascii: "\n")) {
      vocabulary.append(PythonLiteral.escaped(try Self.token(line)), TokenType.normal)
    }
    guard vocabulary.types.count <= size else {
      throw OunceError(
        .malformed, "holds \(vocabulary.types.count) tokens, but config.json promises \(size)", file: Self.fileName)
    }
    for id in vocabulary.types.count..<size { vocabulary.append("[PAD\(id)]".utf8, TokenType.unused) }
    vocabulary.write(model: "rwkv", pretokenizer: nil, to: &writer)
    var special = try SpecialTokens(checkpoint)
    if special.template == nil { special.template = .one(Self.templateName) }
    // An empty line ends a turn; token 0 both begins and ends a text.
    special.set("eot", 261)
    special.override("bos", 0)
    special.override("eos", 0)
    try special.write(to: &writer)
  }

  private static func token(_ line: ArraySlice<UInt8>) throws(OunceError) -> [UInt8] {
    let space = UInt8(ascii: " ")
    guard let first = line.firstIndex(of: space), let last = line.lastIndex(of: space), first < last,
      let token = PythonLiteral.bytes(line[(first + 1)..<last]),
      Int(String(decoding: line[(last + 1)...], as: UTF8.self).filter { $0 != "\r" }) == token.count
    else {
      throw OunceError(
        .malformed, "expected \"id literal length\", found \"\(String(decoding: line.prefix(80), as: UTF8.self))\"",
        file: fileName)
    }
    return token
  }
}

/// Texts and byte strings as Python writes them.
enum PythonLiteral {
  /// The bytes of a literal such as `'a'`, `"it's"` or `b'\xe2'`; nil when it is none.
  static func bytes(_ literal: ArraySlice<UInt8>) -> [UInt8]? {
    var rest = literal
    let isBytes = rest.first == UInt8(ascii: "b")
    if isBytes { rest.removeFirst() }
    guard let quote = rest.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\""), rest.count >= 2,
      rest.last == quote
    else { return nil }
    rest = rest.dropFirst().dropLast()
    var result: [UInt8] = []
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        result.append(byte)
        continue
      }
      guard let kind = rest.popFirst() else { return nil }
      switch Character(Unicode.Scalar(kind)) {
      case "n": result.append(10)
      case "r": result.append(13)
      case "t": result.append(9)
      case "\\", "'", "\"": result.append(kind)
      case "x": if !append(&rest, digits: 2, isBytes, to: &result) { return nil }
      case "u" where !isBytes: if !append(&rest, digits: 4, false, to: &result) { return nil }
      case "U" where !isBytes: if !append(&rest, digits: 8, false, to: &result) { return nil }
      default: return nil
      }
    }
    return result
  }

  private static func append(
    _ rest: inout ArraySlice<UInt8>, digits: Int, _ isByte: Bool, to result: inout [UInt8]
  ) -> Bool {
    guard let value = UInt32(String(decoding: rest.prefix(digits), as: UTF8.self), radix: 16), rest.count >= digits
    else { return false }
    rest.removeFirst(digits)
    if isByte {
      result.append(UInt8(truncatingIfNeeded: value))
    } else {
      guard let scalar = Unicode.Scalar(value) else { return false }
      result.append(contentsOf: String(Character(scalar)).utf8)
    }
    return true
  }

  /// Bytes as Python shows them between the quotes of a byte string.
  static func escaped(_ bytes: [UInt8]) -> [UInt8] {
    let quote = UInt8(ascii: "'")
    // Python quotes with the other mark where that saves an escape.
    let escapesQuote = bytes.contains(quote) && bytes.contains(UInt8(ascii: "\""))
    var result: [UInt8] = []
    for byte in bytes {
      switch byte {
      case 9: result += Array(#"\t"#.utf8)
      case 10: result += Array(#"\n"#.utf8)
      case 13: result += Array(#"\r"#.utf8)
      case UInt8(ascii: "\\"): result += Array(#"\\"#.utf8)
      case quote where escapesQuote: result += Array(#"\'"#.utf8)
      case 0x20...0x7E: result.append(byte)
      default:
        let digits = String(byte, radix: 16)
        result += Array((#"\x"# + (digits.count < 2 ? "0" : "") + digits).utf8)
      }
    }
    return result
  }
}
