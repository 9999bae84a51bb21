public import OunceCore
internal import OunceContainers
internal import OunceEncoding
internal import Synchronization

/// What a check is asked for.
public struct CheckOptions: Sendable {
  public var level = CheckLevel.full
  /// Hashes that the tensors must have.
  public var manifest: HashManifest?
  /// What the model is said to be made of: a checkpoint, or another file of the same model.
  public var source: Model?
  /// Threads; nil: one for each processor.
  public var jobs: Int?
  public var isCancelled: @Sendable () -> Bool = { false }

  public init() {}
}

/// What came of checking one model.
public struct CheckReport: Sendable {
  /// The path that was named.
  public let path: String
  /// nil: the model could not be opened.
  public internal(set) var container: String?
  /// The files that hold its tensors.
  public internal(set) var files: [String] = []
  /// In the order of the rules' numbers, then of the tensors.
  public internal(set) var findings: [Finding] = []
  /// What was looked at, in a few words each. Never empty when a report is good.
  public internal(set) var checked: [String] = []
  /// What was not, and why.
  public internal(set) var unchecked: [String] = []
  public internal(set) var tensorCount = 0
  public internal(set) var byteCount = 0

  init(path: String) { self.path = path }

  /// The worst of the findings; nil when there is none.
  public var worst: Severity? { findings.map(\.severity).max() }

  /// Whether the model may be used: something of it was checked, and nothing found is as bad as `threshold`.
  public func passes(_ threshold: Severity) -> Bool {
    !checked.isEmpty && findings.allSatisfy { $0.severity < threshold }
  }
}

public enum Check {
  /// Checks one model. What is wrong with it is in the report; nothing of it is an error here but a stop.
  ///
  /// - Throws: `OunceError` of kind `.cancelled`.
  public static func run(
    _ path: String, _ options: CheckOptions = .init(), onProgress: (Progress) -> Void = { _ in }
  ) throws(OunceError) -> CheckReport {
    var report = CheckReport(path: path)
    let model: Model
    do { model = try Open.model(at: path) } catch {
      report.findings = [finding(of: error, path)]
      report.unchecked = ["everything: the model cannot be opened"]
      return report
    }
    report.container = model.container
    report.files = model.files.map(\.path)
    report.tensorCount = model.tensors.count
    report.byteCount = model.tensors.reduce(0) { $0 + $1.info.byteCount }
    report.findings += Rules.model.filter { $0.level <= options.level }.flatMap { $0.check(model) }
    report.checked.append("structure of \(model.files.count == 1 ? "1 file" : "\(model.files.count) files")")
    let skipped = model.remarks.count { $0.kind == .unsupported }
    if skipped > 0 { report.unchecked.append("\(skipped) tensors that cannot be read") }
    report.unchecked += uncheckedFiles(model)
    guard options.level >= .full else {
      report.unchecked.append("values (--level full reads them)")
      report.unchecked.append(Self.meaningUnchecked)
      if options.manifest != nil { report.unchecked.append("the manifest (--level full reads the values)") }
      try checkLineage(model, options, &report, onProgress)
      report.sort()
      return report
    }
    try checkFiles(model, options, &report)
    let hashes = try checkValues(model, options, &report, onProgress)
    checkManifest(model, options, hashes, &report)
    if options.level >= .deep {
      checkMeaning(model, &report)
    } else {
      report.unchecked.append(Self.meaningUnchecked)
    }
    try checkLineage(model, options, &report, onProgress)
    report.sort()
    return report
  }

  /// Files beside the weights that hold weights, too: other forms of the same model, which a program may prefer.
  private static func uncheckedFiles(_ model: Model) -> [String] {
    let names = model.companions.keys.filter { path in
      let name = Paths.name(of: path)
      return WeightNames.include(name) && (!WeightNames.isVague(name) || name.hasSuffix(".bin"))
    }.sorted()
    guard !names.isEmpty else { return [] }
    let rest = names.count > Limits.listedNames ? " and \(names.count - Limits.listedNames) more" : ""
    return ["other weight files beside it: \(names.prefix(Limits.listedNames).joined(separator: ", "))\(rest)"]
  }

  private static let meaningUnchecked =
    "meaning (--level deep holds settings, tokenizer and tensors against each other)"

  /// The finding that an error stands for: the last rule that covers it is the one that knows it best.
  private static func finding(of error: OunceError, _ path: String) -> Finding {
    let rule: any CheckRule = Rules.opening.last { $0.covers(error) } ?? MalformedHeader()
    return rule.finding(
      error.problem, file: error.file ?? path, offset: error.offset, subject: error.subject, fix: error.remedy)
  }

  private static func checkFiles(
    _ model: Model, _ options: CheckOptions, _ report: inout CheckReport
  ) throws(OunceError) {
    // What was wrapped is a part of another file, which has checksums of its own.
    var paths: Set<ExactString> = []
    for file in model.files.flatMap({ [$0, $0.container] }) where paths.insert(ExactString(file.path)).inserted {
      for rule in Rules.file {
        do { report.findings += try rule.check(file, isCancelled: options.isCancelled) } catch {
          if error.kind == .cancelled { throw error }
          report.findings.append(finding(of: error, model.path))
        }
      }
    }
  }

  /// Returns the hashes of the tensors that could be read, where a manifest asks for them.
  private static func checkValues(
    _ model: Model, _ options: CheckOptions, _ report: inout CheckReport, _ onProgress: (Progress) -> Void
  ) throws(OunceError) -> [TensorHash] {
    let results = Mutex([Int: Result<TensorSurvey, OunceError>]())
    try model.tensors.onThreads(options.jobs, isCancelled: options.isCancelled, onProgress: onProgress) {
      next, onRead in
      while !options.isCancelled(), let index = next() {
        let result: Result<TensorSurvey, OunceError>
        do throws(OunceError) {
          result = .success(
            try model.tensors[index].survey(
              hashes: options.manifest != nil, isCancelled: options.isCancelled, onRead: onRead))
        } catch { result = .failure(error) }
        results.withLock { $0[index] = result }
      }
    }
    var hashes: [TensorHash] = []
    for (index, tensor) in model.tensors.enumerated() {
      let file = model.files.isEmpty ? model.path : model.files[tensor.fileIndex].path
      switch results.withLock({ $0[index] }) {
      case .success(let survey):
        if let hash = survey.hash { hashes.append(hash) }
        for rule in Rules.tensor {
          guard let message = rule.message(survey) else { continue }
          report.findings.append(rule.finding(message, file: file, subject: "tensor \(tensor.info.name)"))
        }
      case .failure(let error):
        report.findings.append(finding(of: error.located(file: file, subject: "tensor \(tensor.info.name)"), file))
      case nil: report.unchecked.append("tensor \(tensor.info.name)")
      }
    }
    report.checked.append("values of \(model.tensors.count) tensors")
    return hashes
  }

  private static func checkMeaning(_ model: Model, _ report: inout CheckReport) {
    let meaning = Meaning(model)
    report.findings += Rules.meaning.flatMap { $0.check(meaning) }
    if let unchecked = meaning.unchecked {
      report.unchecked.append(unchecked)
    } else {
      report.checked.append(meaning.checked)
    }
  }

  private static func checkLineage(
    _ model: Model, _ options: CheckOptions, _ report: inout CheckReport, _ onProgress: (Progress) -> Void
  ) throws(OunceError) {
    guard let source = options.source else { return }
    var lineage = Lineage(model, against: source, options)
    do { try lineage.run(onProgress) } catch {
      if error.kind == .cancelled { throw error }
      report.findings.append(finding(of: error, model.path))
    }
    report.findings += lineage.findings
    report.checked += lineage.checked
    report.unchecked += lineage.unchecked
  }

  private static func checkManifest(
    _ model: Model, _ options: CheckOptions, _ hashes: [TensorHash], _ report: inout CheckReport
  ) {
    guard let manifest = options.manifest else { return }
    report.findings += ManifestMismatch().check(model, hashes, manifest)
    report.checked.append("hashes of the manifest")
  }
}

extension CheckReport {
  /// By rule; what a rule found stays in its order.
  fileprivate mutating func sort() {
    let order = Dictionary(Rules.all.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    findings = findings.enumerated().sorted {
      (order[$0.element.rule] ?? 0, $0.offset) < (order[$1.element.rule] ?? 0, $1.offset)
    }.map(\.element)
  }
}
