import ArgumentParser
import OunceKit

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "What is in a file or folder, read from its headers; with --stats what its values are like.",
    discussion: """
      EXAMPLES
        ounce inspect model.gguf
        ounce inspect ./Qwen3-0.6B --tensors --filter '*.layers.0.*'
        ounce inspect model.gguf --tensors --format json | jq '.tensors[].name'
        ounce inspect model.gguf --stats --filter '*attn_q*'

      --stats reads every value. A histogram goes from the smallest to the largest; a blank cell has no value in it. It
      is drawn in ASCII where the locale is not UTF-8.
      """)

  @Argument(help: ArgumentHelp("A file, a folder, or any file of a sharded set.", valueName: "model"))
  var models: [String]

  @Flag(help: "List every tensor.") var tensors = false
  @Flag(help: "Show all metadata in full.") var metadata = false
  @Flag(help: "Read all values: min, max, mean, deviation, zeros, NaN, infinity and a histogram of each tensor.")
  var stats = false
  @Option(help: ArgumentHelp("Only tensors (and metadata keys) that match, such as 'blk.0.*'.", valueName: "glob"))
  var filter: String?
  @Option(name: [.short, .long], help: ArgumentHelp("Threads of --stats (default: one a processor).", valueName: "n"))
  var jobs: Int?
  @Option(help: ArgumentHelp("Progress of --stats: auto, bar, plain, json or none.", valueName: "how"))
  var progress: ProgressChoice?
  @OptionGroup var format: FormatOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs takes a number from 1 to 1024.") }
  }

  func run() throws {
    var reports: [ModelReport] = []
    for path in models {
      let model = try Models.open(path)
      let statistics = stats ? try statistics(of: model) : nil
      reports.append(ModelReport(model, filter: filter.map(Glob.init), statistics: statistics))
    }
    let listsTensors = tensors || stats
    if format.chosen == .json {
      let documents = reports.map { $0.json(tensors: listsTensors, metadata: metadata || !listsTensors) }
      Terminal.output.line(
        JSONWriter.write(documents.count == 1 ? documents[0] : .array(documents), isIndented: true))
      return
    }
    for (index, report) in reports.enumerated() {
      if index > 0 { Terminal.output.line("") }
      show(report)
    }
  }

  private func statistics(of model: Model) throws -> [TensorStatistics] {
    for note in model.remarkNotes { common.note(note) }
    var options = StatisticsOptions()
    options.filter = filter.map(Glob.init)
    options.jobs = Terminal.jobs(jobs)
    options.isCancelled = { Signals.isCancelled }
    let choice = progress ?? Terminal.environment("OUNCE_PROGRESS").flatMap(ProgressChoice.init(rawValue:)) ?? .auto
    var line = ProgressLine("inspect", choice, common)
    defer { line.end() }
    return try model.statistics(options) { line.update($0) }
  }

  private func show(_ report: ModelReport) {
    let (format, style) = (format.chosen, common.output)
    // One table is what a program or a model card can use; the summary is for people.
    if format == .table {
      Terminal.output.write(report.summary(style))
    }
    if metadata || !(tensors || stats) {
      if format == .table { Terminal.output.line("") }
      Terminal.output.write(
        report.metadataTable(isFull: metadata, width: Terminal.output.width).text(format, style: style))
    }
    if tensors {
      if format == .table || metadata { Terminal.output.line("") }
      Terminal.output.write(report.tensorTable.text(format, style: style, width: Terminal.output.tableWidth))
    }
    if stats {
      if format == .table || metadata || tensors { Terminal.output.line("") }
      Terminal.output.write(
        report.statisticsTable(format).text(format, style: style, width: Terminal.output.tableWidth))
    }
  }
}
