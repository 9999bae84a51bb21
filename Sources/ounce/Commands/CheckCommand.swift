import ArgumentParser
import OunceKit

struct CheckCommand: ParsableCommand {
  enum Format: String, CaseIterable, ExpressibleByArgument {
    case text, json, sarif, github, junit
  }

  enum Level: String, CaseIterable, ExpressibleByArgument {
    case quick, full, deep
    var chosen: CheckLevel { CheckLevel(rawValue: rawValue) ?? .full }
  }

  enum Threshold: String, CaseIterable, ExpressibleByArgument {
    case error, warning, note
    var chosen: Severity { Severity(rawValue: rawValue) ?? .error }
  }

  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Whether a model is whole, safe and right, for people and for pipelines.",
    discussion: """
      Nothing in a file is ever called or executed. What was not checked is said.

      EXAMPLES
        ounce check model.gguf                    every byte is read
        ounce check models/*.gguf --level quick   structure and sizes only
        ounce check ./Qwen3-0.6B --level deep     settings, tokenizer, tensors together
        ounce check models/                       every model in it, at any depth
        ounce check ./Qwen3-0.6B --format sarif -o ounce.sarif
        ounce check model.gguf --manifest model.hashes.json
        ounce check model.gguf --against ./Qwen3-0.6B       was it made of this checkpoint?

      EXIT CODES
        0 each model was checked, and nothing found is as bad as --fail-on
        1 something is, or a model cannot be opened   2 could not finish   64 usage
      """)

  @Argument(help: ArgumentHelp("Files, folders, or any file of a sharded set.", valueName: "model"))
  var models: [String]

  @Option(help: ArgumentHelp("quick: headers; full: every byte; deep: what it means, too.", valueName: "level"))
  var level = Level.full
  @Option(help: ArgumentHelp("Hashes that the tensors must have, from `ounce hash -o`.", valueName: "file"))
  var manifest: String?
  @Option(
    help: ArgumentHelp(
      "What the models were made of, a checkpoint or a file: names, shapes, errors, tokenizer, settings.",
      valueName: "source"))
  var against: String?
  @Option(help: ArgumentHelp("The least severity that fails: error, warning or note.", valueName: "severity"))
  var failOn = Threshold.error
  @Option(
    help: ArgumentHelp(
      "Findings that are accepted, each with its reason (default: .ounceignore here, when there is one).",
      valueName: "file"))
  var ignore: String?
  @Option(help: ArgumentHelp("Output: text, json, sarif, github or junit.", valueName: "format"))
  var format = Format.text
  @Option(name: [.short, .long], help: ArgumentHelp("Write the result here.", valueName: "path")) var output: String?
  @Option(help: ArgumentHelp("Write the result as SARIF here, too, whatever the format.", valueName: "path"))
  var sarif: String?
  @Flag(name: [.short, .long], help: "Replace results that exist.") var force = false
  @Option(name: [.short, .long], help: ArgumentHelp("Threads (default: one for each processor).", valueName: "n"))
  var jobs: Int?
  @Option(help: ArgumentHelp("Progress: auto, bar, plain, json or none.", valueName: "how"))
  var progress: ProgressChoice?
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs takes a number from 1 to 1024.") }
    if manifest != nil, models.count > 1 { throw ValidationError("--manifest is that of one model.") }
  }

  func run() throws {
    var options = CheckOptions()
    options.level = level.chosen
    options.jobs = Terminal.jobs(jobs)
    options.isCancelled = { Signals.isCancelled }
    options.manifest = try manifest.map { path in try HashManifest(try InputFile(path: path)) }
    options.source = try against.map { path in try Open.model(at: path) }
    let accepted = try ignoreFile()
    for model in models { try Models.refuseStandardInput(model) }
    for path in [output, sarif] { if let path { try plan("", path).checkOutputs(overwrites: force) } }
    var reports: [CheckReport] = []
    var ignoredCount = 0
    // Each shard that is named, as by a hook, would open its whole set again.
    var covered: Set<String> = []
    let subjects = try Check.subjects(of: models)
    if options.manifest != nil, subjects.count > 1 {
      throw OunceError(
        .request, "the folder holds \(subjects.count) models, but a manifest is that of one", file: models[0],
        remedy: "name the model")
    }
    for model in subjects {
      if let path = Paths.resolved(model), covered.contains(path) { continue }
      let report = try checked(model, options)
      let (kept, count) = accepted.map { report.ignoring($0) } ?? (report, 0)
      reports.append(kept)
      ignoredCount += count
      covered.formUnion(report.files.compactMap(Paths.resolved))
    }
    if ignoredCount > 0 { common.note("\(ignoredCount) findings are accepted by the ignore file") }
    try show(reports)
    guard reports.allSatisfy({ $0.passes(failOn.chosen) }) else { throw ExitCode(1) }
  }

  private func checked(_ model: String, _ options: CheckOptions) throws -> CheckReport {
    let choice = progress ?? Terminal.environment("OUNCE_PROGRESS").flatMap(ProgressChoice.init(rawValue:)) ?? .auto
    var line = ProgressLine("check", choice, common)
    defer { line.end() }
    return try Check.run(model, options) { line.update($0) }
  }

  private func ignoreFile() throws -> IgnoreFile? {
    let path = ignore ?? ".ounceignore"
    guard ignore != nil || Paths.isFile(path) else { return nil }
    return try IgnoreFile(try InputFile(path: path))
  }

  private func show(_ reports: [CheckReport]) throws {
    let text =
      switch format {
      case .text: reports.map(text).joined() + total(reports)
      case .json: JSONWriter.write(reports.json(failOn: failOn.chosen), isIndented: true) + "\n"
      case .sarif: JSONWriter.write(reports.sarif, isIndented: true) + "\n"
      case .github: reports.gitHubCommands
      case .junit: reports.junit(failOn: failOn.chosen)
      }
    var options = ExecutionOptions()
    options.overwrites = force
    if let sarif { try plan(JSONWriter.write(reports.sarif, isIndented: true) + "\n", sarif).execute(options) }
    if let output { try plan(text, output).execute(options) } else { Terminal.output.write(text) }
  }

  private func plan(_ text: String, _ path: String) -> Plan { Plan.text(text, output: path) }

  /// The closing line where there are several models.
  private func total(_ reports: [CheckReport]) -> String {
    guard reports.count > 1 else { return "" }
    let failed = reports.count { !$0.passes(failOn.chosen) }
    return common.output.bold("\(reports.count) models: ")
      + (failed == 0 ? common.output.green("all pass") : common.output.red("\(failed) fail")) + "\n"
  }

  /// Findings of one rule that people are shown: who has a thousand of a kind has one problem.
  private static let shownPerRule = 20

  private func text(_ report: CheckReport) -> String {
    let style = common.output
    var text = ""
    var seen: [String: Int] = [:]
    for finding in report.findings {
      seen[finding.rule, default: 0] += 1
      guard common.verbose || seen[finding.rule, default: 0] <= Self.shownPerRule else { continue }
      let mark =
        switch finding.severity {
        case .error: style.red("error")
        case .warning: style.bold("warning")
        case .note: style.dim("note")
        }
      text += "\(mark) \(finding.rule) \(finding.text)\n  \(style.dim(finding.fix.escapingControls))\n"
    }
    for rule in Rules.all where !common.verbose && seen[rule.id, default: 0] > Self.shownPerRule {
      let rest = Numbers.grouped(seen[rule.id, default: 0] - Self.shownPerRule)
      text += style.dim("… and \(rest) more of \(rule.id) (\(rule.name)); --verbose shows all") + "\n"
    }
    let name = style.bold(report.path.escapingControls)
    let extent = "\(Numbers.grouped(report.tensorCount)) tensors, \(Numbers.bytes(report.byteCount))"
    let verdict = report.passes(failOn.chosen) ? style.green("✓ pass ") : style.red("✗ fail ")
    text += verdict + name + ": " + (report.findings.isEmpty ? "nothing found in \(extent)" : counts(report)) + "\n"
    if !common.quiet {
      if !report.checked.isEmpty { text += style.dim("  checked: \(report.checked.joined(separator: ", "))") + "\n" }
      if !report.unchecked.isEmpty {
        let shown = report.unchecked.prefix(10).joined(separator: ", ")
        text += style.dim("  not checked: \(shown.escapingControls)") + "\n"
      }
    }
    return text
  }

  /// `1 error, 2 warnings`, and what they mean where they do not fail.
  private func counts(_ report: CheckReport) -> String {
    let counts = Severity.allCases.reversed().compactMap { severity -> String? in
      let count = report.findings.count { $0.severity == severity }
      return count == 0 ? nil : "\(count) \(severity.rawValue)\(count == 1 ? "" : "s")"
    }
    let isBelow = report.passes(failOn.chosen)
    return counts.joined(separator: ", ") + (isBelow ? ", nothing as bad as --fail-on \(failOn.rawValue)" : "")
  }
}
