internal import OrderedCollections
internal import OunceCore
internal import OunceEncoding

/// A rule of level deep: what settings, tokenizer and tensors say about each other.
protocol MeaningRule: CheckRule {
  func check(_ meaning: Meaning) -> [Finding]
}

/// A model as the rules about meaning see it: under GGUF names, whether it is a GGUF file or a checkpoint that could
/// become one. The checkpoint is translated once for all rules; no weight is read.
struct Meaning: Sendable {
  enum Kind: Sendable {
    /// Weights with an architecture.
    case model
    /// Settings and a tokenizer without weights.
    case vocabulary
    /// The difference to a base model, as GGUF.
    case adapter
    /// What llama-imatrix recorded.
    case importanceMatrix
    /// The part of a multimodal model that sees or hears.
    case projector
    /// Tensors without a word about what they are.
    case plain
  }

  /// What was opened.
  let source: Model
  /// The same under GGUF names; nil: it has none.
  let model: Model?
  let kind: Kind
  /// `general.architecture`.
  let architecture: String
  /// Why a checkpoint could not be translated, or only without its tokenizer.
  let failure: OunceError?
  /// Settings that differ by block, by their keys.
  private let lists: [String: BlockList]

  /// Whole numbers, one for each block, and the one that all of them are.
  private struct BlockList: Sendable {
    let numbers: [Int]
    let common: Int?
  }

  /// Why nothing can be said about what the model means; nil: something can.
  var unchecked: String? {
    guard kind == .plain else { return nil }
    return "meaning: nothing in the \(source.files.count > 1 ? "files" : "file") names an architecture"
  }

  /// What was looked at, in a few words.
  var checked: String {
    switch kind {
    case .model: "meaning as a model"
    case .vocabulary: "meaning as a vocabulary"
    case .adapter: "meaning as an adapter"
    case .importanceMatrix: "meaning as an importance matrix"
    case .projector: "meaning as a projector"
    case .plain: "nothing of its meaning"
    }
  }

  init(_ source: Model) {
    self.source = source
    if source.container == "GGUF" {
      model = source
      failure = nil
      architecture = source.metadata["general.architecture"]?.string ?? ""
      kind = Self.kind(of: source, architecture)
      lists = Self.lists(source.metadata)
      return
    }
    if source.companions["adapter_config.json"] != nil {
      (model, architecture, kind, lists) = (nil, "", .adapter, [:])
      failure = Self.failure(ofAdapter: source)
      return
    }
    guard source.companions["config.json"] != nil, Self.namesClass(source) else {
      (model, failure, architecture, kind, lists) = (nil, nil, "", .plain, [:])
      return
    }
    var options = TranslationOptions()
    var result = Self.translated(source, options)
    var failure: OunceError?
    if case .failure(let error) = result {
      failure = error
      // Without the tokenizer the tensors can still be looked at.
      options.toleratesMissingTokenizer = true
      if error.kind == .notFound { result = Self.translated(source, options) }
    }
    self.failure = failure
    kind = .model
    if case .success(let translation) = result {
      model = translation.model
      architecture = translation.architecture?.name ?? ""
      lists = Self.lists(translation.model.metadata)
    } else {
      (model, architecture, lists) = (nil, "", [:])
    }
  }

  /// Read once: rules ask for every tensor.
  private static func lists(_ metadata: Metadata) -> [String: BlockList] {
    var lists: [String: BlockList] = [:]
    for (key, value) in metadata {
      guard let array = value.array, array.count <= Limits.blocks, let numbers = array.integers else { continue }
      lists[key] = BlockList(numbers: numbers, common: Set(numbers).count == 1 ? numbers.first : nil)
    }
    return lists
  }

  /// Whether the file says that it is a GGUF file of its own, and not a checkpoint that was translated.
  var isGGUF: Bool { source.container == "GGUF" }

  private static func translated(_ source: Model, _ options: TranslationOptions) -> Result<Translation, OunceError> {
    do throws(OunceError) { return .success(try source.translated(options)) } catch { return .failure(error) }
  }

  /// Why the folder is no adapter that could be applied.
  private static func failure(ofAdapter source: Model) -> OunceError? {
    do throws(OunceError) { _ = try Adapter(path: source.path) } catch { return error }
    return nil
  }

  /// Whether config.json is that of transformers; other programs have files of this name, too. One that cannot be read
  /// is taken for it.
  private static func namesClass(_ source: Model) -> Bool {
    guard let json = try? source.json("config.json") else { return true }
    return json["architectures"] != nil || json["model_type"] != nil
  }

  private static func kind(of model: Model, _ architecture: String) -> Kind {
    let type = model.metadata["general.type"]?.string
    if type == "imatrix" || architecture == "imatrix" { return .importanceMatrix }
    if type == "adapter" || model.metadata["adapter.type"] != nil { return .adapter }
    if type == "mmproj" || architecture == "clip" { return .projector }
    if model.tensors.isEmpty, model.metadata["tokenizer.ggml.tokens"] != nil { return .vocabulary }
    if !architecture.isEmpty { return .model }
    let isNamed = model.tensors.contains { $0.info.name == "token_embd.weight" || $0.info.name.hasPrefix("blk.0.") }
    return isNamed ? .model : .plain
  }
}

extension Meaning {
  /// A setting of the architecture.
  func setting(_ key: String) -> MetadataValue? { model?.metadata["\(architecture).\(key)"] }

  /// A whole number of the architecture; nil where it is none, or one for each block.
  func number(_ key: String) -> Int? { setting(key)?.integer }

  /// A whole number that may differ by block; nil: it is not there, or the block is beyond the list.
  func number(_ key: String, block: Int?) -> Int? {
    let key = "\(architecture).\(key)"
    guard let list = lists[key] else { return model?.metadata[key]?.integer }
    guard let block else { return list.common }
    return list.numbers.indices.contains(block) ? list.numbers[block] : nil
  }

  /// Whether a setting that differs by block is 0 in some.
  func hasZero(_ key: String) -> Bool { lists["\(architecture).\(key)"]?.numbers.contains(0) == true }

  /// What a rule finds about tensors, up to the limit.
  func findings(_ tensors: [Tensor], _ finding: (Tensor) -> Finding?) -> [Finding] {
    var findings: [Finding] = []
    for tensor in tensors {
      guard let found = finding(tensor) else { continue }
      findings.append(found)
      if findings.count > Limits.findingsOfRule { break }
    }
    return findings
  }

  /// The vocabulary; nil: there is none.
  var tokens: PackedStrings? {
    guard case .array(.strings(let tokens))? = model?.metadata["tokenizer.ggml.tokens"] else { return nil }
    return tokens
  }

  /// A finding about a tensor of the file.
  func finding(_ rule: some CheckRule, _ message: String, tensor: Tensor) -> Finding {
    let files = source.files
    let file = files.indices.contains(tensor.fileIndex) ? files[tensor.fileIndex].path : source.path
    return rule.finding(message, file: isGGUF ? file : source.path, subject: "tensor \(tensor.info.name)")
  }

  /// A finding about the model, or one of its keys.
  func finding(
    _ rule: some CheckRule, _ message: String, subject: String? = nil, severity: Severity? = nil, fix: String? = nil
  ) -> Finding {
    let file = isGGUF ? source.files.first?.path ?? source.path : source.path
    var finding = rule.finding(message, file: file, subject: subject, fix: fix)
    if let severity { finding.severity = severity }
    return finding
  }
}

extension MetadataArray {
  /// Whole numbers of any width; nil where the elements are none, or one does not fit.
  var integers: [Int]? {
    switch self {
    case .uint8(let values): values.map { Int($0) }
    case .int8(let values): values.map { Int($0) }
    case .uint16(let values): values.map { Int($0) }
    case .int16(let values): values.map { Int($0) }
    case .uint32(let values): values.map { Int($0) }
    case .int32(let values): values.map { Int($0) }
    case .uint64(let values): values.allSatisfy { Int(exactly: $0) != nil } ? values.map { Int(clamping: $0) } : nil
    case .int64(let values): values.map { Int($0) }
    default: nil
    }
  }
}

extension Limits {
  /// Findings of one rule about one model: a reader does not get beyond a screen or two, and a file can have a million.
  static let findingsOfRule = 100
}

extension [Finding] {
  /// The first of them, and one that says that there are more.
  var capped: [Finding] {
    guard count > Limits.findingsOfRule, let last = self.last else { return self }
    let more = Finding(
      rule: last.rule, name: last.name, severity: last.severity, file: last.file, offset: nil, subject: nil,
      message: "there are more of these, which are not shown", fix: last.fix)
    return prefix(Limits.findingsOfRule) + [more]
  }
}

extension String {
  /// The first 40 scalars: a text from a file may have megabytes, and all of them in one character.
  var beginning: String { String(String.UnicodeScalarView(unicodeScalars.prefix(40))) }
}
