internal import OunceCore

/// A unigram model of SentencePiece, under the ids that transformers gives its tokens.
struct UnigramTokenizer: TokenizerRule {
  /// Where the token for gaps belongs, which the model file lacks; nil: nowhere.
  var maskID: Int?

  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    guard let file = checkpoint.model.companions["sentencepiece.bpe.model"] else {
      try writeFromJSON(checkpoint, to: &writer)
      return
    }
    let model = try SentencePieceModel(file)
    let size = max(checkpoint.configuration.integer("vocab_size") ?? 0, model.types.count)
    guard size <= Limits.vocabulary else {
      throw OunceError(
        .malformed, "\(size) tokens are more than the limit of \(Limits.vocabulary)", file: "config.json")
    }
    // transformers puts four tokens of its own in the place of the first three pieces, and drops the last place.
    var table = TokenTable(count: size)
    let own = [
      ("<s>", TokenType.control), ("<pad>", TokenType.control), ("</s>", TokenType.control),
      ("<unk>", TokenType.unknown),
    ]
    for (id, token) in own.enumerated() { table.set(id, Array(token.0.utf8), 0, token.1) }
    for id in stride(from: 3, to: size - 1, by: 1) {
      if id < model.types.count {
        table.set(id + 1, Array(model.pieces.bytes[model.pieces.range(id)]), model.scores[id], model.types[id])
      } else {
        table.set(id + 1, Array("[PAD\(id)]".utf8), -10_000, TokenType.unused)
      }
    }
    if let maskID { table.set(maskID, Array("<mask>".utf8), 0, TokenType.control) }
    try write(
      table.vocabulary, checkpoint, addsPrefix: model.addsDummyPrefix, removesSpace: model.removesExtraSpace,
      model.characterMap, to: &writer)
  }

  private func writeFromJSON(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    guard let json = try checkpoint.model.json("tokenizer.json"), let pieces = json["model"]?["vocab"]?.array else {
      throw OunceError(
        .notFound, "has neither sentencepiece.bpe.model nor a unigram tokenizer.json", file: checkpoint.model.path,
        remedy: "download all files of the model, not only its weights")
    }
    let settings = try checkpoint.model.json("tokenizer_config.json")
    let tokenizer = AddedTokens(json)
    let size = max(checkpoint.configuration.integer("vocab_size") ?? 0, pieces.count)
    guard size <= Limits.vocabulary else {
      throw OunceError(.malformed, "\(size) tokens are too many", file: "tokenizer.json")
    }
    var table = TokenTable(count: size)
    let unknown =
      settings?["unk_token"]?.string.flatMap { tokenizer.ids[ExactString($0)] }
      ?? json["model"]?["unk_id"]?.integer ?? 3
    for (id, piece) in pieces.enumerated() {
      guard let text = piece.array?.first?.string, let score = piece.array?.last?.double else { continue }
      let type =
        id == unknown
        ? TokenType.unknown
        : tokenizer.special.contains(id)
          ? TokenType.control : tokenizer.all.contains(id) ? TokenType.userDefined : TokenType.normal
      table.set(id, Array(text.utf8), Float(score), type)
    }
    let map = json["normalizer"]?["precompiled_charsmap"]?.string.flatMap(Base64.decode) ?? []
    try write(
      table.vocabulary, checkpoint, addsPrefix: settings?["add_prefix_space"]?.bool ?? true,
      removesSpace: settings?["clean_up_tokenization_spaces"]?.bool ?? false, map, to: &writer)
  }

  private func write(
    _ vocabulary: Vocabulary, _ checkpoint: Checkpoint, addsPrefix: Bool, removesSpace: Bool, _ map: [UInt8],
    to writer: inout MetadataWriter
  ) throws(OunceError) {
    vocabulary.write(model: "t5", pretokenizer: "default", to: &writer)
    writer.set("tokenizer.ggml.add_space_prefix", .bool(addsPrefix))
    let types = checkpoint.configuration["type_vocab_size"] ?? .integer(1)
    try writer.set("tokenizer.ggml.token_type_count", count: types, of: "type_vocab_size")
    writer.set("tokenizer.ggml.remove_extra_whitespaces", .bool(removesSpace))
    if !map.isEmpty { writer.set("tokenizer.ggml.precompiled_charsmap", .array(.uint8(map))) }
    try SpecialTokens(checkpoint, vocabularyCount: vocabulary.types.count).write(to: &writer)
  }
}

/// The added tokens of tokenizer.json by id.
struct AddedTokens {
  private(set) var ids: [ExactString: Int] = [:]
  private(set) var all = Set<Int>()
  private(set) var special = Set<Int>()

  init(_ json: JSON) {
    for token in json["added_tokens"]?.array ?? [] {
      guard let id = token["id"]?.integer, let text = token["content"]?.string else { continue }
      ids[ExactString(text)] = id
      all.insert(id)
      if token["special"]?.bool ?? false { special.insert(id) }
    }
  }
}

/// Bytes as text of 64 characters (RFC 4648).
enum Base64 {
  /// The bytes of `text`; nil when it holds other characters.
  static func decode(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var count = 0
    for character in text.utf8 {
      let value: UInt8
      switch character {
      case 65...90: value = character - 65
      case 97...122: value = character - 71
      case 48...57: value = character + 4
      case UInt8(ascii: "+"): value = 62
      case UInt8(ascii: "/"): value = 63
      case UInt8(ascii: "="), 10, 13: continue
      default: return nil
      }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return bytes
  }
}
