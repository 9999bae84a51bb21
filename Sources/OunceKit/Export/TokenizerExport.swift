internal import OunceCore

/// tokenizer.json and tokenizer_config.json from the vocabulary of a GGUF file.
struct TokenizerExport: Sendable {
  private let source: ExportSource
  private let vocabulary: ExportVocabulary

  /// The texts of special tokens by role.
  private let roles: [(role: String, id: Int)]

  /// - Throws: `OunceError` of kind `.unsupported` for a vocabulary that tokenizer.json has no form for.
  init(_ source: ExportSource) throws(OunceError) {
    self.source = source
    vocabulary = try ExportVocabulary(source)
    var roles: [(String, Int)] = []
    let keys = [
      ("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("sep", "seperator"), ("pad", "padding"), ("cls", "cls"),
      ("mask", "mask"),
    ]
    for (role, key) in keys {
      // A role makes a token special, which one that stands for text must not become.
      guard let id = source.integer("tokenizer.ggml.\(key)_token_id"), vocabulary.types.indices.contains(id),
        ExportVocabulary.isAdded(vocabulary.types[id])
      else { continue }
      roles.append((role, id))
    }
    // Classes of BERT's line call the beginning and the separator by their own roles.
    if source.vocabularyKind == "bert", !roles.contains(where: { $0.0 == "cls" }) {
      if let begin = roles.first(where: { $0.0 == "bos" }) { roles.append(("cls", begin.1)) }
      if !roles.contains(where: { $0.0 == "unk" }), let id = vocabulary.id(of: "[UNK]") { roles.append(("unk", id)) }
    }
    if !roles.contains(where: { $0.0 == "unk" }), let id = vocabulary.types.firstIndex(of: TokenType.unknown) {
      roles.append(("unk", id))
    }
    self.roles = roles
  }

  /// The files by name.
  var files: [(name: String, bytes: [UInt8])] {
    get throws(OunceError) {
      let settings = HuggingFaceExport.bytes(settings())
      let model =
        source.vocabularyKind == "rwkv"
        ? (RwkvTokenizer.fileName, try RwkvTokenizer.file(vocabulary))
        : ("tokenizer.json", HuggingFaceExport.bytes(try tokenizer()))
      return [model, ("tokenizer_config.json", settings)]
    }
  }

  private func tokenizer() throws(OunceError) -> JSON {
    var parts: TokenizerParts
    switch source.vocabularyKind {
    case "gpt2": parts = try .bytePairs(source, vocabulary)
    case "llama": parts = try .sentencePiece(source, vocabulary)
    case "gemma4": parts = try .gemma4(source, vocabulary)
    case "t5": parts = try .unigram(source, vocabulary)
    case "bert": parts = try .wordPiece(source, vocabulary)
    default:
      throw OunceError(
        .unsupported, "tokenizer.json has no form for the vocabulary \"\(source.vocabularyKind)\"",
        file: source.model.path, subject: "key tokenizer.ggml.model",
        remedy: "--to safetensors writes the tensors alone")
    }
    if let template = template(parts.addsBegin, parts.addsEnd) {
      parts.postProcessor =
        parts.postProcessor == .null
        ? template : .object(["type": .string("Sequence"), "processors": .array([parts.postProcessor, template])])
    }
    return .object([
      "version": .string("1.0"), "truncation": .null, "padding": .null, "added_tokens": .array(vocabulary.added),
      "normalizer": parts.normalizer, "pre_tokenizer": parts.preTokenizer, "post_processor": parts.postProcessor,
      "decoder": parts.decoder, "model": parts.model,
    ])
  }

  /// What is added around a text; nil: nothing.
  private func template(_ beginIsUsual: Bool, _ endIsUsual: Bool) -> JSON? {
    func id(_ names: String...) -> Int? {
      names.lazy.compactMap { name in roles.first { $0.role == name }?.id }.first
    }
    let addsBegin = source.bool("tokenizer.ggml.add_bos_token") ?? beginIsUsual
    let addsEnd = source.bool("tokenizer.ggml.add_eos_token") ?? endIsUsual
    let isBert = source.vocabularyKind == "bert"
    let begin = addsBegin ? (isBert ? id("cls", "bos") : id("bos", "cls")) : nil
    let end = addsEnd ? (isBert ? id("sep", "eos") : id("eos", "sep")) : nil
    guard begin != nil || end != nil else { return nil }
    func special(_ id: Int, _ type: Int) -> JSON {
      .object(["SpecialToken": .object(["id": .string(vocabulary.texts[id]), "type_id": .integer(type)])])
    }
    func text(_ name: String, _ type: Int) -> JSON {
      .object(["Sequence": .object(["id": .string(name), "type_id": .integer(type)])])
    }
    let first = begin.map { [special($0, 0)] } ?? []
    let single = first + [text("A", 0)] + (end.map { [special($0, 0)] } ?? [])
    // Encoders close the first of two texts and begin no second time.
    let again = isBert || source.vocabularyKind == "t5" ? [] : begin.map { [special($0, 1)] } ?? []
    let second = again + [text("B", 1)] + (end.map { [special($0, 1)] } ?? [])
    var tokens = JSONObject()
    for id in [begin, end].compactMap({ $0 }) {
      let name = vocabulary.texts[id]
      tokens[name] = .object([
        "id": .string(name), "ids": .array([.integer(id)]), "tokens": .array([.string(name)]),
      ])
    }
    return .object([
      "type": .string("TemplateProcessing"), "single": .array(single), "pair": .array(single + second),
      "special_tokens": .object(tokens),
    ])
  }

  private func settings() -> JSON {
    var members: JSONObject = [
      "tokenizer_class": .string("PreTrainedTokenizerFast"), "clean_up_tokenization_spaces": .bool(false),
    ]
    if source.vocabularyKind == "rwkv" {
      members["tokenizer_class"] = .string("Rwkv6Tokenizer")
      members["use_fast"] = .bool(false)
    }
    for (role, id) in roles { members["\(role)_token"] = .string(vocabulary.texts[id]) }
    for kind in ["bos", "eos"] {
      if let adds = source.bool("tokenizer.ggml.add_\(kind)_token") { members["add_\(kind)_token"] = .bool(adds) }
    }
    if let length = source.integer("{arch}.context_length") { members["model_max_length"] = .integer(length) }
    if let template = source.string("tokenizer.chat_template"), template != RwkvTokenizer.templateName {
      members["chat_template"] = .string(template)
    }
    if case .array(.strings(let names))? = source["tokenizer.chat_templates"] {
      var templates = members["chat_template"].map { [("default", $0)] } ?? []
      for name in names {
        if let text = source.string("tokenizer.chat_template.\(name)") { templates.append((name, .string(text))) }
      }
      members["chat_template"] = .array(
        templates.map { .object(["name": .string($0.0), "template": $0.1]) })
    }
    return .object(members.sorted)
  }
}

/// What tokenizer.json says about one kind of vocabulary.
struct TokenizerParts: Sendable {
  var normalizer = JSON.null
  var preTokenizer = JSON.null
  var postProcessor = JSON.null
  var decoder = JSON.null
  var model: JSON
  /// Whether texts begin and end with a token where the file does not say.
  var addsBegin = false
  var addsEnd = false

  static func sequence(_ type: String, _ name: String, _ parts: [JSON]) -> JSON {
    switch parts.count {
    case 0: .null
    case 1: parts[0]
    default: .object(["type": .string(type), name: .array(parts)])
    }
  }
}
