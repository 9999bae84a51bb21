internal import OunceCore

/// An architecture that a user describes: the rule language as JSON (docs/rules.md).
struct RuleFile {
  private let json: JSONObject
  private let path: String

  init(_ file: InputFile) throws(OunceError) {
    path = file.path
    guard let json = try JSONParser.parse(file: file).object else {
      throw OunceError(.malformed, "is no JSON object", file: file.path, remedy: Self.help)
    }
    self.json = json
  }

  private static let help = "docs/rules.md describes the format"
  private static let keys = ["architecture", "like", "removePrefixes", "tensors", "metadata", "tokenizer"]

  /// The architecture: that of `like`, where there is one, with what the file says in front.
  ///
  /// - Throws: `OunceError` naming the entry that says nothing that is known.
  func architecture() throws(OunceError) -> Architecture {
    if let unknown = json.keys.first(where: { !Self.keys.contains($0) }) {
      throw reject("there is no entry \(unknown)", among: Self.keys, unknown)
    }
    var base: Architecture?
    if let like = json["like"]?.string {
      guard let family = Architectures.named(like) else { throw Architectures.unknown(like) }
      base = family
    }
    guard let name = json["architecture"]?.string ?? base?.name else {
      throw reject("names no \"architecture\" (general.architecture), nor a family with \"like\"")
    }
    var own: [TensorRule] = []
    for (index, entry) in (json["tensors"]?.array ?? []).enumerated() {
      do { own.append(try tensorRule(entry)) } catch { throw error.located(subject: "tensors[\(index)]") }
    }
    let sources = Set(own.map(\.source))
    var settings: [MetadataRule] = []
    for (index, entry) in (json["metadata"]?.array ?? []).enumerated() {
      do { settings.append(try metadataRule(entry)) } catch { throw error.located(subject: "metadata[\(index)]") }
    }
    var names = SourceNames(dropsTowers: false)
    if let base { names = base.names }
    if let prefixes = json["removePrefixes"]?.array { names.prefixes = prefixes.compactMap(\.string) + names.prefixes }
    let wanted = try tokenizer()
    guard let base else {
      return Architecture(name, [], names: names, tensors: own, metadata: settings, tokenizer: wanted ?? NoTokenizer())
    }
    return Architecture(
      name, [], defaults: base.defaults, derive: base.derive, names: names, rename: base.rename,
      tensors: own + base.tensors.filter { !sources.contains($0.source) }, computed: base.computed,
      leadingMetadata: base.leadingMetadata, metadata: base.metadata + settings, tokenizer: wanted ?? base.tokenizer)
  }

  private func reject(_ problem: String, among choices: [String] = [], _ word: String = "") -> OunceError {
    let near = NearNames.find(word, among: choices)
    return OunceError(
      .malformed, problem, file: path,
      remedy: near.isEmpty ? Self.help : "did you mean \(near.joined(separator: ", "))?")
  }

  private func tensorRule(_ entry: JSON) throws(OunceError) -> TensorRule {
    guard let source = entry["from"]?.string else { throw reject("there is no \"from\"") }
    guard entry.object?.keys.contains("to") == true else {
      throw reject("there is no \"to\"; null leaves the tensor out")
    }
    guard let value = entry["to"], !value.isNull else { return .ignored(source) }
    guard let target = value.string else { throw reject("\"to\" is no name") }
    var transforms: [any TensorTransform] = []
    for step in entry["do"]?.array ?? [] { transforms.append(try transform(step)) }
    let rule = TensorRule(source, target, transforms)
    return entry["encoding"]?.string.map { rule.stored(as: $0.uppercased()) } ?? rule
  }

  private static let steps = [
    "interleaveQueries", "interleaveKeys", "transpose", "part", "rows", "every", "squeeze", "unsqueeze", "add",
    "multiply", "negativeExponential", "exponential",
  ]

  private func transform(_ step: JSON) throws(OunceError) -> any TensorTransform {
    let name = step.string ?? step.object?.keys.first ?? ""
    let value = step[name]
    func number() throws(OunceError) -> Double {
      guard let number = value?.double else { throw reject("\"\(name)\" needs a number") }
      return number
    }
    func index() throws(OunceError) -> Int {
      guard let index = value?.integer, (0..<Limits.dimensions).contains(index) else {
        throw reject("\"\(name)\" needs the number of a dimension")
      }
      return index
    }
    func pair(_ meaning: String) throws(OunceError) -> (Int, Int) {
      guard let list = value?.array, list.count == 2, let a = list[0].integer, let b = list[1].integer, a >= 0, b > 0
      else { throw reject("\"\(name)\" needs \(meaning)") }
      return (a, b)
    }
    switch name {
    case "interleaveQueries": return Interleaved(.query)
    case "interleaveKeys": return Interleaved(.keyValue)
    case "transpose": return Exchanged()
    case "part":
      let (index, count) = try pair("[index, count]")
      guard index < count else { throw reject("there is no part \(index) of \(count)") }
      return RowSlice(index, of: count)
    case "rows":
      let (first, end) = try pair("[first, end]")
      guard first < end else { throw reject("rows \(first) to \(end) are none") }
      return RowSlice { (_, _) throws(OunceError) in first..<end }
    case "every":
      let (first, step) = try pair("[first, step]")
      return Rows.every(step, from: first)
    case "squeeze": return Squeezed(try index())
    case "unsqueeze": return Unsqueezed(try index())
    case "add": return Added(Float(try number()))
    case "multiply":
      let factor = Float(try number())
      return Scaled { (_) throws(OunceError) in factor }
    case "negativeExponential": return NegatedExponential()
    case "exponential": return Exponential()
    default: throw reject("there is no step \(name.isEmpty ? "without a name" : name)", among: Self.steps, name)
    }
  }

  private static let types = ["count", "float", "bool", "string"]

  private func metadataRule(_ entry: JSON) throws(OunceError) -> MetadataRule {
    guard let key = entry["key"]?.string else { throw reject("there is no \"key\"") }
    let type = entry["type"]?.string ?? "count"
    guard Self.types.contains(type) else { throw reject("there is no type \(type)", among: Self.types, type) }
    let names = entry["from"]?.string.map { [$0] } ?? (entry["from"]?.array ?? []).compactMap(\.string)
    let value = entry["value"]
    guard names.isEmpty != (value == nil) else { throw reject("expected either \"from\" or \"value\"") }
    return MetadataRule(names: names) { (checkpoint, writer) throws(OunceError) in
      // What is said of rotary positions may stand in an object of its own.
      let rope = names.lazy.compactMap { checkpoint.configuration.rope[$0] }.first
      guard let found = value ?? checkpoint.configuration.first(names) ?? rope else { return }
      switch type {
      case "count": try writer.set(key, count: found, of: names.first ?? key)
      case "float": if let number = found.double { writer.set(key, .float32(Float(number))) }
      case "bool": if let flag = found.bool { writer.set(key, .bool(flag)) }
      default: if let text = found.string { writer.set(key, .string(text)) }
      }
    }
  }

  private static let tokenizers = ["bpe", "sentencepiece", "wordpiece", "none"]

  private func tokenizer() throws(OunceError) -> (any TokenizerRule)? {
    guard let name = json["tokenizer"]?.string else { return nil }
    switch name {
    case "bpe": return BytePairTokenizer()
    case "sentencepiece": return LlamaTokenizer()
    case "wordpiece": return WordPieceTokenizer()
    case "none": return NoTokenizer()
    default: throw reject("there is no tokenizer \(name)", among: Self.tokenizers, name)
    }
  }
}

/// A model without text: nothing is written but that there is no tokenizer.
private struct NoTokenizer: TokenizerRule {
  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    writer.set("tokenizer.ggml.model", .string("none"))
  }
}
