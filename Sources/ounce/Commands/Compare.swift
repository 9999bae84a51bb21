import ArgumentParser
import OunceKit

struct CompareCommand: ParsableCommand {
  enum Order: String, CaseIterable, ExpressibleByArgument {
    case worst, name, model
  }

  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "What differs between two models, tensor by tensor, with error figures.",
    discussion: """
      Tensors are paired by name, across containers and types; blocks are decoded. Where the names are those of two
      worlds, the checkpoint is translated to the names of GGUF first, so that rows correspond.

      METRICS, with a of A and b of B
        max       max |a − b|                 mean   mean of |a − b|
        rmse      √ mean of (a − b)²          nmse   ‖a − b‖² / ‖a‖²
        relative  ‖a − b‖ / ‖a‖               sqnr   10 log₁₀(‖a‖² / ‖a − b‖²), in dB
        cosine    a · b / (‖a‖ ‖b‖)

      EXAMPLES
        ounce compare ./Qwen3-0.6B Qwen3-0.6B-Q4_K_M.gguf
        ounce compare ./Qwen3-0.6B Qwen3-0.6B-Q4_K_M.gguf --report report.html
        ounce compare old.safetensors new.safetensors --fail-above max=0
        ounce compare a.gguf b.gguf --filter 'blk.0.*' --metrics cosine,sqnr --format json

      EXIT CODES
        0 within the limits, or there are none
        1 a tensor beyond a limit, or, where a limit is given, one that could not be compared
        2 could not finish   64 usage
      """)

  @Argument(help: ArgumentHelp("The model to measure against: a file or a folder.", valueName: "a")) var a: String
  @Argument(help: ArgumentHelp("The model that is measured.", valueName: "b")) var b: String

  @Option(help: ArgumentHelp("Figures to show: max,mean,rmse,relative,nmse,cosine,sqnr.", valueName: "list"))
  var metrics: String?
  @Option(help: ArgumentHelp("Only tensors that match, such as 'blk.0.*'.", valueName: "glob")) var filter: String?
  @Option(help: ArgumentHelp("Show so many tensors (default: 20 in a table, else all).", valueName: "n")) var top: Int?
  @Option(help: ArgumentHelp("Order: worst (first), name, or model (as A has them).", valueName: "order"))
  var sort = Order.worst
  @Option(
    help: ArgumentHelp("Exit with 1 when a tensor's figure is above this; may be repeated.", valueName: "metric=value"))
  var failAbove: [String] = []
  @Option(help: ArgumentHelp("The same for cosine and sqnr, which are better high.", valueName: "metric=value"))
  var failBelow: [String] = []
  @Option(help: ArgumentHelp("Write a page with plots here: one file, without network.", valueName: "file.html"))
  var report: String?
  @Flag(name: [.short, .long], help: "Replace a page that exists.") var force = false
  @Flag(help: "Pair equal names only, without translating a checkpoint.") var noMap = false
  @Option(name: [.short, .long], help: ArgumentHelp("Threads (default: one for each processor).", valueName: "n"))
  var jobs: Int?
  @Option(help: ArgumentHelp("Progress: auto, bar, plain, json or none.", valueName: "how"))
  var progress: ProgressChoice?
  @OptionGroup var format: FormatOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs takes a number from 1 to 1024.") }
    if let top, top < 0 { throw ValidationError("--top takes a number from 0 on.") }
  }

  func run() throws {
    // What cannot work is said before gigabytes are read.
    let limits =
      try failAbove.map { try CompareLimit($0, isUpper: true) }
      + failBelow.map { try CompareLimit($0, isUpper: false) }
    let chosen = try metrics.map { try CompareMetric.list($0, option: "--metrics") }
    let (first, second) = (try Models.open(a), try Models.open(b))
    let inputs = first.files + second.files
    let page = report.map { ReportPage(path: $0, overwrites: force) }
    try page?.check(besides: inputs)
    let comparison = try compared(first, second)
    for note in comparison.notes { common.note(note) }
    let failures = comparison.failures(limits)
    try page?.write(comparison, limits: limits, besides: inputs, common)
    show(comparison, chosen, failures)
    guard failures.isEmpty else { throw ExitCode(1) }
  }

  private func compared(_ first: Model, _ second: Model) throws -> Comparison {
    var options = CompareOptions()
    options.filter = filter.map(Glob.init)
    options.usesOriginalNames = noMap
    options.histogramCount = report == nil ? 0 : ComparePage.histogramCount
    options.jobs = Terminal.jobs(jobs)
    options.isCancelled = { Signals.isCancelled }
    let choice = progress ?? Terminal.environment("OUNCE_PROGRESS").flatMap(ProgressChoice.init(rawValue:)) ?? .auto
    var line = ProgressLine("compare", choice, common)
    defer { line.end() }
    return try Compare.run(first, second, options) { line.update($0) }
  }

  private func show(_ comparison: Comparison, _ chosen: [CompareMetric]?, _ failures: [CompareFailure]) {
    let format = format.chosen
    var tensors =
      switch sort {
      case .worst: comparison.worstFirst
      case .name: comparison.tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
      case .model: comparison.tensors
      }
    if let top = top ?? (format == .table ? 20 : nil) { tensors = Array(tensors.prefix(top)) }
    let text = CompareText(comparison: comparison, tensors: tensors, failures: failures, style: common.output)
    switch format {
    case .json:
      let document = comparison.json(
        tensors: tensors, metrics: chosen ?? CompareMetric.allCases, failures: failures)
      Terminal.output.line(JSONWriter.write(document, isIndented: true))
    case .table: Terminal.output.write(text.report(chosen ?? [.relative, .max, .rmse, .cosine, .sqnr]))
    case .tsv, .markdown: Terminal.output.write(text.table(chosen ?? CompareMetric.allCases, format))
    }
  }
}

/// A comparison as text.
private struct CompareText {
  let comparison: Comparison
  /// Those that are shown.
  let tensors: [TensorComparison]
  let failures: [CompareFailure]
  let style: Style

  /// What people read: both models, the tensors, what only one has, metadata, the verdict.
  func report(_ metrics: [CompareMetric]) -> String {
    var text = subject("A", comparison.a) + subject("B", comparison.b)
    if !tensors.isEmpty { text += "\n" + table(metrics, .table) }
    let hidden = comparison.tensors.count - tensors.count
    if hidden > 0 { text += style.dim("… and \(hidden) more; --top \(comparison.tensors.count) shows all") + "\n" }
    text += lone("only in A", comparison.onlyInA) + lone("only in B", comparison.onlyInB) + metadata + "\n" + overall
    for failure in failures.prefix(20) { text += style.red("fails: ") + failure.message.escapingControls + "\n" }
    if failures.count > 20 { text += style.red("fails: ") + "\(failures.count - 20) more\n" }
    return text
  }

  /// The tensors in rows. Programs get every digit, and names of both sides' types and shapes.
  func table(_ metrics: [CompareMetric], _ format: OutputFormat) -> String {
    var table = Table(
      columns: [.init(title: "name"), .init(title: "types"), .init(title: "shape")]
        + metrics.map { .init(title: format == .tsv ? $0.rawValue : $0.title, isNumber: true) }
        + [.init(title: "worst row", isNumber: true)])
    table.rows = tensors.map { tensor in
      let figures = metrics.map { metric in
        guard let figures = tensor.figures else { return "-" }
        let value = metric.value(of: figures)
        return format == .tsv ? "\(value)" : metric.text(value)
      }
      return [tensor.name, tensor.types, tensor.shapes] + figures
        + [tensor.figures == nil ? tensor.reason ?? "" : tensor.worstRows.first.map { "\($0.row)" } ?? "-"]
    }
    return table.text(format, style: style, width: Terminal.output.tableWidth)
  }

  private func subject(_ letter: String, _ subject: Comparison.Subject) -> String {
    let types = subject.sizes.prefix(4).map { "\($0.dtype) \(Numbers.bytes($0.byteCount))" }.joined(separator: ", ")
    return style.bold("\(letter)  \(subject.path.escapingControls)")
      + "  \(subject.container)\(subject.isTranslated ? " under the names of GGUF" : ""), "
      + "\(Numbers.grouped(subject.tensorCount)) tensors, \(Numbers.bytes(subject.byteCount))"
      + (types.isEmpty ? "" : " (\(types.escapingControls)\(subject.sizes.count > 4 ? ", …" : ""))") + "\n"
  }

  private func lone(_ title: String, _ tensors: [TensorDescription]) -> String {
    guard !tensors.isEmpty else { return "" }
    let shown = tensors.prefix(10).map { "  \($0.name.escapingControls) \($0.dtype)\n" }.joined()
    return "\n" + style.bold("\(title): \(tensors.count) \(tensors.count == 1 ? "tensor" : "tensors")") + "\n" + shown
      + (tensors.count > 10 ? style.dim("  … and \(tensors.count - 10) more") + "\n" : "")
  }

  private var metadata: String {
    let differences = comparison.metadata
    guard !differences.isEmpty else { return "" }
    var text =
      "\n" + style.bold("metadata: \(differences.count) \(differences.count == 1 ? "key differs" : "keys differ")")
      + "\n"
    for difference in differences.prefix(20) {
      let values =
        switch (difference.a, difference.b) {
        case (let a?, let b?): "\(a) → \(b)"
        case (let a?, nil): "only in A: \(a)"
        case (nil, let b): "only in B: \(b ?? "")"
        }
      let elements = difference.elements.map { " (\(Numbers.grouped($0.count)) differ, the first is \($0.first))" }
      text += "  \(difference.key.escapingControls)  " + style.dim((values + (elements ?? "")).escapingControls) + "\n"
    }
    if differences.count > 20 { text += style.dim("  … and \(differences.count - 20) more; --format json") + "\n" }
    return text
  }

  private var overall: String {
    let compared = comparison.tensors.filter { $0.figures != nil }
    let same = compared.count { $0.isIdentical }
    let all = comparison.overall
    let count = "\(Numbers.grouped(compared.count)) tensors compared, \(Numbers.grouped(same)) with equal values"
    let figures = [CompareMetric.relative, .cosine, .sqnr].map { "\($0.title) \($0.text($0.value(of: all)))" }
    return compared.isEmpty || all.isIdentical ? count + "\n" : count + "; overall \(figures.joined(separator: ", "))\n"
  }
}
