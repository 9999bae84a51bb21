internal import OrderedCollections
internal import OunceCore

/// Which tokens begin and end texts, whether they are added by themselves, and the chat template: gathered from
/// tokenizer.json, tokenizer_config.json and config.json, the first that knows deciding.
struct SpecialTokens: Sendable {
  enum Merges: Sendable { case wanted, unwanted }

  private(set) var merges: PackedStrings?
  private(set) var ids = OrderedDictionary<String, Int>()
  private(set) var adds = OrderedDictionary<String, Bool>()
  private(set) var lowercases: Bool?
  private(set) var stripsAccents: Bool?
  var template: ChatTemplate?
  private var kinds = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"]
  private let vocabularyCount: Int?

  /// - Parameter vocabularyCount: ids at or beyond are left out; nil: all are taken.
  init(
    _ checkpoint: Checkpoint, tokenizer: JSON? = nil, merges: Merges = .unwanted, vocabularyCount: Int? = nil,
    kinds: [String]? = nil
  ) throws(OunceError) {
    self.vocabularyCount = vocabularyCount
    if let kinds { self.kinds = kinds }
    var tokenizer = tokenizer
    if tokenizer == nil { tokenizer = try checkpoint.model.json("tokenizer.json") }
    let settings = try checkpoint.model.json("tokenizer_config.json")
    try load(tokenizer, settings, wantsMerges: merges == .wanted)
    template = settings == nil ? nil : try ChatTemplate.load(checkpoint.model, settings)
    loadConfiguration(try checkpoint.model.json("config.json"))
    if merges == .wanted, self.merges == nil { self.merges = try Merge.file(checkpoint.model) }
  }

  /// Sets an id unless one is known.
  mutating func set(_ kind: String, _ id: Int?) {
    guard let id, id >= 0, vocabularyCount.map({ id < $0 }) ?? true, ids[kind] == nil else { return }
    ids[kind] = id
  }

  /// Sets an id whatever is known.
  mutating func override(_ kind: String, _ id: Int) { ids[kind] = id }

  mutating func replaceMerges(_ merges: PackedStrings) { self.merges = merges }

  /// The GGUF key of each kind; kinds without one are not written.
  private static let keys = [
    "bos": "bos", "eos": "eos", "unk": "unknown", "sep": "seperator", "pad": "padding", "mask": "mask", "eot": "eot",
    "eom": "eom",
  ]

  func write(to writer: inout MetadataWriter) throws(OunceError) {
    if let merges, !merges.isEmpty { writer.set("tokenizer.ggml.merges", .array(.strings(merges))) }
    for (kind, id) in ids {
      guard let key = Self.keys[kind] else { continue }
      guard let id = UInt32(exactly: id) else {
        throw OunceError(.malformed, "the id \(id) of the \(kind) token does not fit 32 bits", file: "config.json")
      }
      writer.set("tokenizer.ggml.\(key)_token_id", .uint32(id))
    }
    for (kind, adds) in adds where ["bos", "eos", "sep"].contains(kind) {
      writer.set("tokenizer.ggml.add_\(kind)_token", .bool(adds))
    }
    template?.write(to: &writer)
    if let lowercases { writer.set("tokenizer.ggml.normalizer.lowercase", .bool(lowercases)) }
    if let stripsAccents { writer.set("tokenizer.ggml.normalizer.strip_accents", .bool(stripsAccents)) }
  }

  private mutating func loadConfiguration(_ configuration: JSON?) {
    guard let configuration else { return }
    for kind in kinds {
      let name = "\(kind)_token_id"
      // A list of ids names several ends; the converter takes none of them here.
      set(kind, Self.identifier(configuration[name] ?? configuration["text_config"]?[name]))
    }
  }

  private static func identifier(_ value: JSON?) -> Int? {
    if case .integer(let id)? = value { id } else { nil }
  }
}

extension SpecialTokens {
  private mutating func load(_ tokenizer: JSON?, _ settings: JSON?, wantsMerges: Bool) throws(OunceError) {
    if let tokenizer {
      if wantsMerges { merges = try Merge.list(tokenizer) }
      if let normalizer = tokenizer["normalizer"] { readNormalizer(normalizer) }
    }
    guard var settings = settings?.object else {
      if let tokenizer {
        var none = JSONObject()
        var processor = PostProcessor(hasSettings: false)
        processor.read(tokenizer, &none, &adds, &kinds)
      }
      return
    }
    if let tokenizer {
      var processor = PostProcessor(hasSettings: true)
      processor.read(tokenizer, &settings, &adds, &kinds)
    }
    var identifiers: [ExactString: JSON] = [:]
    for token in tokenizer?["added_tokens"]?.array ?? [] {
      if let content = token["content"]?.string, let id = token["id"], identifiers[ExactString(content)] == nil {
        identifiers[ExactString(content)] = id
      }
    }
    for kind in kinds {
      if case .bool(let value)? = settings["add_\(kind)_token"], adds[kind] == nil { adds[kind] = value }
      guard let entry = settings["\(kind)_token"], let content = entry.string ?? entry["content"]?.string else {
        continue
      }
      set(kind, Self.identifier(identifiers[ExactString(content)]))
    }
  }

  private mutating func readNormalizer(_ normalizer: JSON) {
    switch normalizer["type"]?.string {
    case "Lowercase": lowercases = true
    case "StripAccents": stripsAccents = true
    case "BertNormalizer":
      if let members = normalizer.object, members["lowercase"] != nil { lowercases = members["lowercase"]?.bool }
      if let members = normalizer.object, members["strip_accents"] != nil {
        stripsAccents = members["strip_accents"]?.bool
      }
    case "Sequence":
      for part in normalizer["normalizers"]?.array ?? [] { readNormalizer(part) }
    default: break
    }
  }
}
