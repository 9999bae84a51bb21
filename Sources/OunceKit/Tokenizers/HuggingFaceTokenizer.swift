internal import OunceCore

/// `tokenizer.json` with what the files beside it add: the vocabulary that a loaded tokenizer would show.
struct HuggingFaceTokenizer: Sendable {
  let json: JSON
  let settings: JSON?
  /// Token text and id, in the order of the file.
  let vocabulary: JSONObject
  /// By id; the first definition of a text wins.
  private(set) var added: [Int: AddedToken] = [:]
  private var idsOfAdded: [ExactString: Int] = [:]
  private(set) var highestID = -1

  init(_ checkpoint: Checkpoint) throws(OunceError) {
    let whole = try checkpoint.model.json("tokenizer.json")
    let json: JSON?
    if let whole { json = whole } else { json = try VocabularyFiles.tokenizer(of: checkpoint.model) }
    guard let json else {
      throw OunceError(
        .notFound, "has no tokenizer.json", file: checkpoint.model.path,
        remedy: "download all files of the model, not only its weights")
    }
    try self.init(json: json, settings: try checkpoint.model.json("tokenizer_config.json"))
  }

  init(json: JSON, settings: JSON?) throws(OunceError) {
    self.json = json
    self.settings = settings
    vocabulary = json["model"]?["vocab"]?.object ?? [:]
    guard !vocabulary.isEmpty else {
      throw OunceError(.malformed, "has no vocabulary under \"model\"", file: "tokenizer.json")
    }
    for (text, id) in vocabulary {
      highestID = max(highestID, try Self.checked(id, text))
    }
    for entry in json["added_tokens"]?.array ?? [] {
      guard let content = entry["content"]?.string, let id = entry["id"] else { continue }
      // A text that is a token already keeps its id.
      add(
        content, id: try Self.checked(vocabulary[content] ?? id, content), isSpecial: entry["special"]?.bool ?? false,
        isNormalized: entry["normalized"]?.bool ?? false)
    }
    try addSettings()
  }

  /// The texts that tokenizer_config.json names as special, by whatever role.
  var specialTexts: Set<String> {
    var texts = Set<String>()
    for name in Self.roles + ["additional_special_tokens"] {
      for entry in settings?[name]?.array ?? settings?[name].map({ [$0] }) ?? [] {
        if let text = entry.string ?? entry["content"]?.string { texts.insert(text) }
      }
    }
    return texts
  }

  private static let roles = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  func id(of text: String) -> Int? { idsOfAdded[ExactString(text)] ?? vocabulary[text]?.integer }

  private static func checked(_ id: JSON, _ text: String) throws(OunceError) -> Int {
    guard let id = id.integer, (0..<Limits.vocabulary).contains(id) else {
      throw OunceError(
        .malformed, "the token \"\(text)\" has no id between 0 and \(Limits.vocabulary - 1)",
        file: "tokenizer.json")
    }
    return id
  }

  private mutating func add(_ content: String, id: Int?, isSpecial: Bool, isNormalized: Bool) {
    guard !content.isEmpty, idsOfAdded[ExactString(content)] == nil else { return }
    let id = id ?? vocabulary[content]?.integer ?? highestID + 1
    added[id] = AddedToken(id: id, content: content, isSpecial: isSpecial, isNormalized: isNormalized)
    idsOfAdded[ExactString(content)] = id
    highestID = max(highestID, id)
  }

  /// Tokens that tokenizer_config.json names and tokenizer.json lacks are added when a tokenizer is loaded.
  private mutating func addSettings() throws(OunceError) {
    guard let settings else { return }
    let decoder = settings["added_tokens_decoder"]?.object ?? [:]
    for (key, entry) in decoder.sorted(by: { (Int($0.key) ?? 0) < (Int($1.key) ?? 0) }) {
      guard let content = entry["content"]?.string, Int(key) != nil else { continue }
      add(
        content, id: vocabulary[content]?.integer, isSpecial: entry["special"]?.bool ?? false,
        isNormalized: entry["normalized"]?.bool ?? false)
    }
    for name in Self.roles {
      guard let content = settings[name]?.string ?? settings[name]?["content"]?.string else { continue }
      add(content, id: vocabulary[content]?.integer, isSpecial: true, isNormalized: false)
    }
  }
}

extension HuggingFaceTokenizer {
  /// The arrays of the vocabulary, padded to `size`.
  func vocabulary(size: Int?) throws(OunceError) -> Vocabulary {
    let size = size ?? highestID + 1
    guard highestID < size, size <= Limits.vocabulary else {
      throw OunceError(
        .malformed, "token \(highestID) lies beyond the \(size) tokens that config.json promises",
        file: "tokenizer.json", remedy: "config.json and tokenizer.json do not belong together")
    }
    var texts = [String?](repeating: nil, count: size)
    for (text, id) in vocabulary {
      if let id = id.integer { texts[id] = text }
    }
    for token in added.values { texts[token.id] = token.content }
    var result = Vocabulary()
    result.tokens.reserveCapacity(size, byteCount: size * 8)
    result.types.reserveCapacity(size)
    for id in 0..<size {
      if let token = added[id] {
        let text = token.isNormalized ? token.content : decoded(token.content)
        let isControl = token.isSpecial || TokenType.looksSpecial(text)
        result.append(
          (isControl ? text : text.replacing("\u{2581}", with: " ")).utf8,
          isControl ? TokenType.control : TokenType.userDefined)
      } else if let text = texts[id] {
        result.append(text.utf8, TokenType.normal)
      } else {
        result.append("[PAD\(id)]".utf8, TokenType.unused)
      }
    }
    return result
  }

  /// An added token after a round through the decoder, which is what the text it stands for is.
  private func decoded(_ text: String) -> String {
    switch json["decoder"]?["type"]?.string {
    case "ByteLevel":
      let bytes = text.unicodeScalars.map { ByteAlphabet.byte(of: $0) }
      guard bytes.allSatisfy({ $0 != nil }) else { return text }
      return String(decoding: bytes.compactMap { $0 }, as: UTF8.self)
    case "Sequence":
      return text.replacing("\u{2581}", with: " ")
    default: return text
    }
  }
}
