internal import OunceCore

/// The vocabulary of a GGUF file, and which of its tokens tokenizer.json adds to the model's own.
struct ExportVocabulary: Sendable {
  /// By id.
  let texts: [String]
  let types: [Int32]
  let scores: [Float]
  /// How many ids the model's own vocabulary has: behind them all tokens are added ones, or padding.
  let modelCount: Int
  private let ids: [ExactString: Int]

  init(_ source: ExportSource) throws(OunceError) {
    guard case .array(.strings(let tokens))? = source["tokenizer.ggml.tokens"], !tokens.isEmpty,
      tokens.count <= Limits.vocabulary
    else {
      throw OunceError(
        .unsupported, "holds no vocabulary", file: source.model.path, subject: "key tokenizer.ggml.tokens",
        remedy: "--to safetensors writes the tensors alone")
    }
    texts = Array(tokens)
    if case .array(.int32(let types))? = source["tokenizer.ggml.token_type"], types.count == tokens.count {
      self.types = types
    } else {
      types = [Int32](repeating: TokenType.normal, count: tokens.count)
    }
    if case .array(.float32(let scores))? = source["tokenizer.ggml.scores"], scores.count == tokens.count {
      self.scores = scores
    } else {
      scores = [Float](repeating: 0, count: tokens.count)
    }
    ids = Dictionary(texts.enumerated().map { (ExactString($1), $0) }, uniquingKeysWith: { first, _ in first })
    var end = texts.count
    while end > 0, types[end - 1] == TokenType.unused { end -= 1 }
    let used = end
    while end > 0, Self.isAdded(types[end - 1]) { end -= 1 }
    // Ids of added tokens are counted on from the model's: with gaps before them, they must be in the model too.
    modelCount = types[..<end].contains(TokenType.unused) ? used : end
  }

  func id(of text: String) -> Int? { ids[ExactString(text)] }

  static func isAdded(_ type: Int32) -> Bool {
    type == TokenType.control || type == TokenType.userDefined || type == TokenType.unknown
  }

  /// The members of `added_tokens`.
  var added: [JSON] {
    texts.indices.filter { Self.isAdded(types[$0]) && id(of: texts[$0]) == $0 && !texts[$0].isEmpty }.map { id in
      // What stands for spaces is found where spaces have become so.
      let isNormalized = types[id] == TokenType.userDefined && texts[id].contains("\u{2581}")
      return .object([
        "id": .integer(id), "content": .string(texts[id]), "single_word": .bool(false), "lstrip": .bool(false),
        "rstrip": .bool(false), "normalized": .bool(isNormalized), "special": .bool(types[id] != TokenType.userDefined),
      ])
    }
  }

  /// Text and id of the model's own tokens, in the order of their ids.
  func model(_ spelled: (Int) -> String) -> JSON {
    var members = JSONObject()
    for id in 0..<modelCount {
      let text = spelled(id)
      if members[text] == nil { members[text] = .integer(id) }
    }
    return .object(members)
  }
}
