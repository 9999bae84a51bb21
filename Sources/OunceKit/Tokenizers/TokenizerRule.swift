internal import OunceCore

/// How a family's tokenizer becomes `tokenizer.*` keys.
protocol TokenizerRule: Sendable {
  /// - Parameter vocabularySize: the number of tokens that the configuration promises; nil: as many as there are.
  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError)
}

/// What a token is, as GGUF numbers it.
enum TokenType {
  static let normal: Int32 = 1
  static let unknown: Int32 = 2
  static let control: Int32 = 3
  static let userDefined: Int32 = 4
  static let unused: Int32 = 5
  static let byte: Int32 = 6

  /// Whether a token that is not marked as special is one by its looks: some published tokenizers forget the mark.
  static func looksSpecial(_ text: String) -> Bool {
    ["<pad>", "<mask>", "<2mass>", "[@BOS@]"].contains(text)
      || text.hasPrefix("<|") && text.hasSuffix("|>")
      || text.hasPrefix("<\u{FF5C}") && text.hasSuffix("\u{FF5C}>")
      || text.hasPrefix("<unused") && text.hasSuffix(">")
  }
}

/// The arrays of a vocabulary, indexed by id.
struct Vocabulary: Sendable {
  var tokens = PackedStrings()
  var types: [Int32] = []
  var scores: [Float]?

  mutating func append(_ text: some Sequence<UInt8>, _ type: Int32) {
    tokens.append(bytes: text)
    types.append(type)
  }

  func write(model: String, pretokenizer: String?, to writer: inout MetadataWriter) {
    writer.set("tokenizer.ggml.model", .string(model))
    if let pretokenizer { writer.set("tokenizer.ggml.pre", .string(pretokenizer)) }
    writer.set("tokenizer.ggml.tokens", .array(.strings(tokens)))
    if let scores { writer.set("tokenizer.ggml.scores", .array(.float32(scores))) }
    writer.set("tokenizer.ggml.token_type", .array(.int32(types)))
  }
}

/// An added token of `tokenizer.json` or of `added_tokens_decoder`.
struct AddedToken: Sendable {
  var id: Int
  var content: String
  var isSpecial: Bool
  var isNormalized: Bool
}
