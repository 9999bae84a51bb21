internal import OrderedCollections
internal import OunceCore

/// `general.*`: what the model card, the configuration and the folder's name say about the model.
struct GeneralMetadata: Sendable {
  var name: ModelName
  /// Texts by their key without `general.`.
  private(set) var texts: [String: String] = [:]
  private(set) var sampling: OrderedDictionary<String, MetadataValue> = [:]
  private(set) var baseModels: [Source]?
  private(set) var datasets: [Source]?
  private(set) var tags: [String]?
  private(set) var languages: [String]?

  /// A model or a dataset that this one comes from: its members by key.
  typealias Source = OrderedDictionary<String, String>

  init(_ checkpoint: Checkpoint, parameters: Parameters) throws(OunceError) {
    let model = checkpoint.model
    name = ModelName()
    let card: JSONObject
    if let file = model.companions["README.md"] {
      card = FrontMatter.parse(
        String(decoding: try file.wholeContent(atMost: Limits.metadataStringByteCount), as: UTF8.self))
    } else {
      card = [:]
    }
    readCard(card, parameters.total)
    let configuration = try model.json("config.json")
    let identifier = configuration?["_name_or_path"]?.string
    if let identifier, identifier.count(where: { $0 == "/" }) <= 1 {
      adopt(ModelName(identifier: identifier, parameterCount: parameters.total))
    }
    let folder = Paths.resolvedName(of: model.path)
    adopt(ModelName(identifier: folder, parameterCount: parameters.total))
    readSampling((try? model.json("generation_config.json")) ?? nil)
    if let file = checkpoint.options.metadataFile { try override(try JSONParser.parse(file: file)) }
    if let wanted = checkpoint.options.modelName { texts["name"] = wanted }
    if texts["name"] == nil { texts["name"] = folder }
    if texts["size_label"] == nil { texts["size_label"] = parameters.sizeLabel }
    name.title = texts["name"] ?? folder
    name.organization = texts["organization"]
    name.basename = texts["basename"]
    name.finetune = texts["finetune"]
    name.version = texts["version"]
    name.sizeLabel = texts["size_label"]
  }

  /// Fills what is not known yet from the parts of a name.
  private mutating func adopt(_ found: ModelName) {
    func fill(_ key: String, _ value: String?) {
      if texts[key] == nil, let value { texts[key] = value }
    }
    fill("name", found.fullName.map(ModelName.title(of:)))
    fill("organization", found.organization.map(ModelName.title(of:)))
    fill("basename", found.basename)
    fill("finetune", found.finetune)
    fill("version", found.version)
    fill("size_label", found.sizeLabel)
  }
}

// MARK: - Sources

extension GeneralMetadata {
  /// Names in the card, in the order in which they are tried, and their keys.
  private static let cardTexts: [(key: String, names: [String])] = [
    ("name", ["name", "model_name"]), ("author", ["author", "model_author", "model_creator"]),
    ("version", ["version", "model_version"]), ("organization", ["organization", "model_organization"]),
    ("description", ["description", "model_description"]), ("finetune", ["finetune", "model_finetune"]),
    ("basename", ["basename", "model_basename", "model_type"]), ("size_label", ["size_label", "model_size_label"]),
    ("source.url", ["url", "model_url"]), ("source.doi", ["doi", "model_doi"]),
    ("source.uuid", ["uuid", "model_uuid"]), ("source.repo_url", ["repo_url", "model_repo_url"]),
    ("license.name", ["license_name"]), ("license.link", ["license_link"]),
  ]

  private mutating func readCard(_ card: JSONObject, _ parameterCount: Int) {
    for (key, names) in Self.cardTexts {
      if let value = names.lazy.compactMap({ card[$0].flatMap(Self.text) }).first { texts[key] = value }
    }
    if let license = card["license"] {
      texts["license"] = license.array.map { $0.compactMap(Self.text).joined(separator: ",") } ?? Self.text(license)
    }
    baseModels = sources(card, ["base_model", "base_models", "base_model_sources"], parameterCount)
    datasets = sources(card, ["datasets", "dataset", "dataset_sources"], parameterCount)
    tags = Self.list(card, ["tags", "pipeline_tag"])
    languages = Self.list(card, ["languages", "language"])
  }

  private static func text(_ value: JSON) -> String? {
    switch value {
    case .string(let text): text
    case .integer(let number): String(number)
    case .double(let number): "\(number)"
    case .bool(let value): value ? "True" : "False"
    default: nil
    }
  }

  /// The texts under all of `names`, one or many each; nil when none is there.
  private static func list(_ card: JSONObject, _ names: [String]) -> [String]? {
    var result: [String]?
    for name in names {
      guard let value = card[name], value != .null else { continue }
      result = (result ?? []) + (value.array?.compactMap(text) ?? value.string.map { [$0] } ?? [])
    }
    return result
  }

  private func sources(
    _ card: JSONObject, _ names: [String], _ parameterCount: Int
  ) -> [Source]? {
    guard let name = names.first(where: { card[$0] != nil }), let value = card[name] else { return nil }
    let entries = value.array ?? (value.string.map { [.string($0)] } ?? [])
    return entries.map { entry in
      if let members = entry.object { return Self.members(members) }
      return entry.string.map { Self.source($0, parameterCount) } ?? [:]
    }
  }

  private static func members(_ object: JSONObject) -> Source {
    var source = Source()
    for (key, value) in object { source[key] = text(value) }
    return source
  }

  /// What an identifier or an address says about a model or dataset.
  private static func source(_ identifier: String, _ parameterCount: Int) -> Source {
    var source = Source()
    var identifier = identifier
    let isAddress = ["http://", "https://", "ssh://"].contains { identifier.hasPrefix($0) }
    if isAddress {
      source["repo_url"] = identifier
      // An address on the Hub holds an identifier of two parts.
      guard let range = identifier.firstRange(of: "://huggingface.co/"), !identifier.hasPrefix("ssh") else {
        return source
      }
      identifier = String(identifier[range.upperBound...])
      let parts = identifier.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else { return source }
    }
    let name = ModelName(identifier: identifier, parameterCount: parameterCount)
    source["name"] = name.fullName.map(ModelName.title(of:))
    source["organization"] = name.organization.map(ModelName.title(of:))
    source["version"] = name.version
    if !isAddress, let organization = name.organization, let fullName = name.fullName {
      source["repo_url"] = "https://huggingface.co/\(organization)/\(fullName)"
    }
    return source
  }
}

extension GeneralMetadata {
  /// Keys of `general.sampling`, their names in generation_config.json, and whether they are whole numbers.
  private static let samplingKeys: [(key: String, names: [String], isWhole: Bool)] = [
    ("top_k", ["top_k"], true), ("top_p", ["top_p"], false), ("min_p", ["min_p"], false),
    ("xtc_probability", ["xtc_probability"], false), ("xtc_threshold", ["xtc_threshold"], false),
    ("temp", ["temperature"], false), ("penalty_last_n", ["penalty_last_n"], true),
    ("penalty_repeat", ["penalty_repeat", "repetition_penalty"], false), ("mirostat", ["mirostat"], true),
    ("mirostat_tau", ["mirostat_tau"], false), ("mirostat_eta", ["mirostat_eta"], false),
  ]

  private mutating func readSampling(_ settings: JSON?) {
    guard let settings else { return }
    if let sequence = settings["sequence"]?.string { sampling["sequence"] = .string(sequence) }
    for (key, names, isWhole) in Self.samplingKeys {
      guard let value = names.lazy.compactMap({ settings[$0] }).first else { continue }
      setSampling(key, value, isWhole)
    }
  }

  private mutating func setSampling(_ key: String, _ value: JSON, _ isWhole: Bool) {
    if isWhole, let number = value.integer.flatMap(Int32.init(exactly:)) {
      sampling[key] = .int32(number)
    } else if let number = value.double {
      sampling[key] = .float32(Float(number))
    }
  }

  /// Keys of a `--metadata` file that are texts.
  private static let overridable = [
    "name", "author", "version", "organization", "finetune", "basename", "description", "quantized_by", "size_label",
    "license.name", "license.link", "url", "doi", "uuid", "repo_url", "source.url", "source.doi", "source.uuid",
    "source.repo_url",
  ]

  private mutating func override(_ json: JSON) throws(OunceError) {
    guard let members = json.object else {
      throw OunceError(.malformed, "the metadata file holds no JSON object", file: "--metadata")
    }
    if let sequence = members["general.sampling.sequence"]?.string { sampling["sequence"] = .string(sequence) }
    for (key, _, isWhole) in Self.samplingKeys {
      if let value = members["general.sampling.\(key)"] { setSampling(key, value, isWhole) }
    }
    for key in Self.overridable {
      if let value = members["general.\(key)"] { texts[key] = Self.text(value) }
    }
    func list(_ name: String) -> [Source]? {
      members[name]?.array.map { $0.map { Self.members($0.object ?? [:]) } }
    }
    baseModels = list("general.base_models") ?? baseModels
    datasets = list("general.datasets") ?? datasets
    tags = members["general.tags"]?.array?.compactMap(Self.text) ?? tags
    languages = members["general.languages"]?.array?.compactMap(Self.text) ?? languages
  }
}

// MARK: - Writing

extension GeneralMetadata {
  /// The keys of `general` that are texts, in their order.
  private static let textOrder = [
    "name", "author", "version", "organization", "finetune", "basename", "description", "quantized_by", "size_label",
    "license", "license.name", "license.link", "url", "doi", "uuid", "repo_url", "source.url", "source.doi",
    "source.uuid", "source.repo_url",
  ]
  private static let sourceOrder = [
    "name", "author", "version", "organization", "description", "url", "doi", "uuid", "repo_url",
  ]

  func write(to writer: inout MetadataWriter) {
    for key in ["sequence"] + Self.samplingKeys.map(\.key) {
      if let value = sampling[key] { writer.set("general.sampling.\(key)", value) }
    }
    for key in Self.textOrder {
      if let text = texts[key] { writer.set("general.\(key)", .string(text)) }
    }
    for (key, sources) in [("base_model", baseModels), ("dataset", datasets)] {
      guard let sources else { continue }
      writer.set("general.\(key).count", .uint32(UInt32(sources.count)))
      for (index, source) in sources.enumerated() {
        for member in Self.sourceOrder {
          if let text = source[member] { writer.set("general.\(key).\(index).\(member)", .string(text)) }
        }
      }
    }
    if let tags, !tags.isEmpty { writer.set("general.tags", .strings(tags)) }
    if let languages, !languages.isEmpty { writer.set("general.languages", .strings(languages)) }
  }
}
