import ArgumentParser
import OunceKit

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "What is in a file or folder, read from headers only.",
    discussion: """
      EXAMPLES
        ounce inspect model.gguf
        ounce inspect ./Qwen3-0.6B --tensors --filter '*.layers.0.*'
        ounce inspect model.gguf --tensors --format json | jq '.tensors[].name'
      """)

  @Argument(help: ArgumentHelp("A file, a folder, or any file of a sharded set.", valueName: "model"))
  var models: [String]

  @Flag(help: "List every tensor.") var tensors = false
  @Flag(help: "Show all metadata in full.") var metadata = false
  @Option(help: ArgumentHelp("Only tensors (and metadata keys) that match, such as 'blk.0.*'.", valueName: "glob"))
  var filter: String?
  @OptionGroup var format: FormatOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    var reports: [ModelReport] = []
    for path in models { reports.append(ModelReport(try Models.open(path), filter: filter.map(Glob.init))) }
    if format.chosen == .json {
      let documents = reports.map { $0.json(tensors: tensors, metadata: metadata || !tensors) }
      Terminal.output.line(
        JSONWriter.write(documents.count == 1 ? documents[0] : .array(documents), isIndented: true))
      return
    }
    for (index, report) in reports.enumerated() {
      if index > 0 { Terminal.output.line("") }
      show(report)
    }
  }

  private func show(_ report: ModelReport) {
    let (format, style) = (format.chosen, common.output)
    // One table is what a program or a model card can use; the summary is for people.
    if format == .table {
      Terminal.output.write(report.summary(style))
    }
    if metadata || (format == .table && !tensors) || (format != .table && !tensors) {
      if format == .table { Terminal.output.line("") }
      Terminal.output.write(
        report.metadataTable(isFull: metadata, width: Terminal.output.width).text(format, style: style))
    }
    if tensors {
      if format == .table || metadata { Terminal.output.line("") }
      Terminal.output.write(report.tensorTable.text(format, style: style))
    }
  }
}
