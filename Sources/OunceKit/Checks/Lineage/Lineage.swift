internal import OunceCore
internal import OunceEncoding

/// `ounce check --against`: whether a model was made of another.
struct Lineage {
  let model: Model
  let source: Model
  let options: CheckOptions
  private(set) var findings: [Finding] = []
  private(set) var checked: [String] = []
  private(set) var unchecked: [String] = []
  private let file: String

  init(_ model: Model, against source: Model, _ options: CheckOptions) {
    (self.model, self.source, self.options) = (model, source, options)
    file = model.files.first?.path ?? model.path
  }

  /// - Throws: `OunceError` when a file cannot be read, or of kind `.cancelled`.
  mutating func run(_ onProgress: (Progress) -> Void) throws(OunceError) {
    let isAdapter = model.container == "GGUF" && Meaning(model).kind == .adapter
    let reason = isAdapter ? nil : Self.kindWithoutLineage(model)
    if let reason = reason ?? Self.kindWithoutLineage(source).map({ "the source \($0)" }) {
      findings.append(NoLineage().finding(reason, file: file))
      unchecked.append("lineage")
      return
    }
    let sides: LineageSides
    do { sides = try LineageSides(model, source) } catch {
      if error.kind == .cancelled { throw error }
      findings.append(
        NoLineage().finding(
          "cannot be compared with \(source.path): \(error.message)", file: file, fix: error.remedy))
      unchecked.append("lineage")
      return
    }
    if isAdapter {
      findings += AdapterFit(sides.source, file: file).findings(model)
      checked.append("\(model.tensors.count) factors of an adapter against \(source.path)")
      unchecked.append("lineage of values: those of an adapter are in no other model")
      return
    }
    if let expected = sides.sourceMetadata, let found = sides.checkedMetadata {
      let metadata = LineageMetadata(source: expected, checked: found, file: file)
      findings += metadata.findings
      unchecked += metadata.notes.map { "lineage of the \($0)" }
      checked.append("settings\(metadata.notes.isEmpty ? " and tokenizer" : "") of the source")
    } else {
      unchecked += sides.notes.map { "lineage of \($0)" }
    }
    if sides.checked.tensors.isEmpty {
      unchecked.append("lineage of tensors: the model has none")
      return
    }
    try checkTensors(sides, onProgress)
  }

  /// What kind of file this is, when it is none that has a source, or is one.
  private static func kindWithoutLineage(_ model: Model) -> String? {
    if model.companions["adapter_config.json"] != nil, model.container != "GGUF" {
      return "is an adapter: its values are those of no base model"
    }
    guard model.container == "GGUF" else { return nil }
    switch Meaning(model).kind {
    case .importanceMatrix: return "is an importance matrix, which holds no weights that could have a source"
    case .adapter: return "is an adapter: its values are those of no base model"
    case .projector: return "is a projector: what converting makes of it is not known here"
    case .model, .vocabulary, .plain: return nil
    }
  }

  private mutating func checkTensors(_ sides: LineageSides, _ onProgress: (Progress) -> Void) throws(OunceError) {
    var compare = CompareOptions()
    compare.usesOriginalNames = true
    compare.jobs = options.jobs
    compare.isCancelled = options.isCancelled
    let paired: PairedModels
    do { paired = try PairedModels(sides.source, sides.checked, compare) } catch {
      if error.kind == .cancelled { throw error }
      findings.append(
        NoLineage().finding("has no tensor in common with \(source.path): \(error.problem)", file: file))
      unchecked.append("lineage of tensors")
      return
    }
    let readsValues = options.level >= .full
    var pairs = paired.pairs
    // The output may be there on one side only, where it is the embedding.
    let missing = TiedOutput.output(among: paired.onlyInA, sides.source)
    if let missing,
      let found = try TiedOutput().finding(
        missing: missing.output, missing.embedding, file: file, readsValues: readsValues)
    {
      findings.append(found)
    }
    let extra = missing == nil ? TiedOutput.output(among: paired.onlyInB, sides.source) : nil
    if let extra { pairs.append(try TensorPair(extra.embedding, extra.output)) }
    findings += LineageTensors().findings(
      missing: paired.onlyInA.map(\.info).filter { $0.name != missing?.output.info.name && !$0.isBuffer },
      extra: paired.onlyInB.map(\.info).filter { $0.name != extra?.output.info.name && !$0.isBuffer }, file: file)
    guard readsValues else {
      checkShapes(pairs)
      checked.append("names and shapes of \(pairs.count) tensors against \(source.path)")
      unchecked.append("values against the source (--level full reads them)")
      return
    }
    let pass = try LineagePass(pairs)
    var outcomes = try pass.outcomes(compare, onProgress)
    for file in source.files { try file.checkUnchanged() }
    if extra != nil, let pair = pairs.popLast(), let outcome = outcomes.popLast(),
      let found = TiedOutput().finding(extra: pair, outcome, file: file)
    {
      findings.append(found)
    }
    var verdict = LineageVerdict(
      LineageContext(sides, isCancelled: options.isCancelled), zip(pairs, outcomes).map { ($0, $1) }, file: file)
    findings += try verdict.findings()
    unchecked += verdict.notes
    checked.append("\(pairs.count) tensors against \(source.path)")
  }

  private mutating func checkShapes(_ pairs: [TensorPair]) {
    let rule = LineageShapes()
    let wrong = pairs.filter { $0.reason != nil }
    findings +=
      LineageGroups(wrong.map { ("\(LineageName($0.b.info.name).role) \(rule.text($0))", $0.b.info.name) }).compactMap {
        group in
        guard let pair = wrong.first(where: { $0.b.info.name == group.names.first }) else { return nil }
        let subject = LineageGroups(group.names).first { _ in true }?.subject
        return rule.finding(rule.text(pair) + group.ending, file: file, subject: subject)
      }.capped
  }
}

extension TensorInfo {
  /// Whether this follows from the settings: some programs store it, some do not.
  fileprivate var isBuffer: Bool {
    [".rotary_emb.inv_freq", ".masked_bias", ".position_ids"].contains(where: name.hasSuffix)
  }
}
