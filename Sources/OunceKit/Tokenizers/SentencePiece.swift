internal import OunceCore

/// The vocabulary of `tokenizer.model`, with the tokens that the files beside it add.
struct SentencePieceTokenizer: TokenizerRule {
  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    let vocabulary = try Self.vocabulary(checkpoint)
    vocabulary.write(model: "llama", pretokenizer: "default", to: &writer)
    try SpecialTokens(checkpoint, vocabularyCount: vocabulary.types.count).write(to: &writer)
  }

  /// The arrays, padded to the size that the configuration promises.
  static func vocabulary(_ checkpoint: Checkpoint, file: String = "tokenizer.model") throws(OunceError) -> Vocabulary {
    try table(checkpoint, file: file, looks: true).vocabulary
  }

  /// - Parameters:
  ///   - looks: whether added tokens that look special count as special.
  ///   - readsSettings: whether tokenizer_config.json adds tokens too.
  static func table(
    _ checkpoint: Checkpoint, file: String = "tokenizer.model", looks: Bool, readsSettings: Bool = true
  ) throws(OunceError) -> TokenTable {
    guard let companion = checkpoint.model.companions[file] else {
      throw OunceError(
        .notFound, "has no \(file)", file: checkpoint.model.path,
        remedy: "download all files of the model, not only its weights")
    }
    let model = try SentencePieceModel(companion)
    let size = checkpoint.configuration.first(["vocab_size_per_layer_input", "vocab_size"])?.integer ?? 0
    guard size <= Limits.vocabulary else {
      throw OunceError(
        .malformed, "\(size) tokens are more than the limit of \(Limits.vocabulary)", file: "config.json")
    }
    var table = TokenTable(count: size > 0 ? size : model.types.count)
    for id in 0..<min(model.types.count, table.count) {
      table.set(id, Array(model.pieces.bytes[model.pieces.range(id)]), model.scores[id], model.types[id])
    }
    for (text, id) in try checkpoint.model.json("added_tokens.json")?.object ?? [:] {
      if let id = id.integer { table.set(id, Array(text.utf8), -1000, TokenType.userDefined) }
    }
    if readsSettings { try addTokens(checkpoint, looks: looks, to: &table) }
    return table
  }

  private static func addTokens(
    _ checkpoint: Checkpoint, looks: Bool, to table: inout TokenTable
  ) throws(OunceError) {
    let decoder = try checkpoint.model.json("tokenizer_config.json")?["added_tokens_decoder"]?.object ?? [:]
    for (key, entry) in decoder {
      guard let id = Int(key), let text = entry["content"]?.string else { continue }
      let isControl = entry["special"]?.bool ?? false || looks && TokenType.looksSpecial(text)
      table.set(
        id, Array((isControl || !looks ? text : text.replacing("\u{2581}", with: " ")).utf8), -1000,
        isControl ? TokenType.control : TokenType.userDefined)
    }
  }
}

/// A vocabulary that is filled in any order; what stays empty is padding.
struct TokenTable: Sendable {
  private var texts: [[UInt8]]
  private var scores: [Float]
  private var types: [Int32]

  var count: Int { types.count }

  init(count: Int) {
    texts = (0..<count).map { Array("[PAD\($0)]".utf8) }
    scores = [Float](repeating: -10_000, count: count)
    types = [Int32](repeating: TokenType.unused, count: count)
  }

  /// Ids beyond the table are left out, as the reference does.
  mutating func set(_ id: Int, _ text: [UInt8], _ score: Float, _ type: Int32) {
    guard types.indices.contains(id) else { return }
    texts[id] = text
    scores[id] = score
    types[id] = type
  }

  var vocabulary: Vocabulary {
    var result = Vocabulary()
    for (text, type) in zip(texts, types) { result.append(text, type) }
    result.scores = scores
    return result
  }
}
