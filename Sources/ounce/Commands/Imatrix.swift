import ArgumentParser
import OunceKit

struct Imatrix: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show, merge and convert importance matrices.",
    discussion: """
      Without -o it shows statistics; with -o it writes the sum of all files, in the format of the output's name.

      EXAMPLES
        ounce imatrix imatrix.gguf                              statistics of each matrix
        ounce imatrix imatrix.gguf --layers                     averages of each layer
        ounce imatrix english.gguf code.gguf -o both.gguf       merge
        ounce imatrix imatrix.dat -o imatrix.gguf               convert
      """)

  @Argument(help: ArgumentHelp("What llama-imatrix wrote (.gguf or .dat).", valueName: "file")) var files: [String]

  @Option(name: [.short, .long], help: ArgumentHelp("Write the sum of all files here.", valueName: "path"))
  var output: String?
  @Option(
    name: .customLong("to"),
    help: ArgumentHelp("gguf or dat (default: by the output's name, else gguf).", valueName: "format"))
  var outputFormat: String?
  @Option(
    help: ArgumentHelp(
      "Tokens in a chunk of text, which .dat files do not say (default: what a file says, else 512).", valueName: "n"))
  var chunkSize: Int?
  @Flag(help: "Averages of each layer instead of single matrices.") var layers = false
  @OptionGroup var format: FormatOptions
  @OptionGroup var writing: WritingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if files.isEmpty { throw ValidationError("Name a file that llama-imatrix wrote.") }
    if let chunkSize, !(1...1 << 30).contains(chunkSize) {
      throw ValidationError("--chunk-size takes a number of at least 1.")
    }
  }

  func run() throws {
    let start = Terminal.now
    let matrices = try files.map { path in try ImportanceMatrix(path: path) }
    let merged = try ImportanceMatrix.merged(matrices, chunkSize: chunkSize)
    guard let output else {
      show(merged)
      return
    }
    let plan = try merged.plan(try chosenFormat(output), output: output)
    try PlanRunner(
      verb: "imatrix", plan: plan, writing: writing, common: common, start: start, makesSmaller: false
    ).run()
  }

  private func chosenFormat(_ output: String) throws -> ImportanceMatrix.Format {
    guard let outputFormat else { return output.hasSuffix(".dat") ? .dat : .gguf }
    guard let format = ImportanceMatrix.Format(rawValue: outputFormat.lowercased()) else {
      throw OunceError(
        .request, "there is no format \(outputFormat) of importance matrices", remedy: "choose gguf or dat")
    }
    return format
  }

  private func show(_ matrix: ImportanceMatrix) {
    let statistics = matrix.statistics
    let table = layers ? layerTable(statistics.layers) : matrixTable(statistics)
    if format.chosen == .json {
      let document: JSONObject = [
        "schema": .string("ounce.imatrix/1"), "files": .array(files.map(JSON.string)),
        "datasets": .array(matrix.datasets.map(JSON.string)), "chunkCount": .integer(matrix.chunkCount),
        layers ? "layers" : "matrices": table.json,
      ]
      Terminal.output.line(JSONWriter.write(.object(document), isIndented: true))
      return
    }
    if format.chosen == .table {
      let texts = matrix.datasets.isEmpty ? "" : ", from " + matrix.datasets.joined(separator: ", ").escapingControls
      Terminal.output.line(
        "\(Numbers.grouped(matrix.entries.count)) matrices, \(Numbers.grouped(matrix.chunkCount)) chunks\(texts)\n")
    }
    Terminal.output.write(table.text(format.chosen, style: common.output))
    for (name, entry) in matrix.entries where entry.unreachedCount == entry.counts.count {
      common.note("\(name): no token reached it")
    }
  }

  private func matrixTable(_ statistics: [ImportanceStatistics]) -> Table {
    var table = Table(
      columns: [.init(title: "matrix")]
        + [
          "columns", "experts", "unreached", "tokens", "sum", "min", "max", "mean", "deviation", "active", "entropy",
          "evenness", "outliers", "similarity",
        ].map { .init(title: $0, isNumber: true) })
    table.rows = statistics.map { row in
      [
        row.name, "\(row.elementCount)", "\(row.expertCount)", "\(row.unreachedCount)", "\(row.tokenCount)",
        fixed(row.sum, 2), fixed(row.smallest, 4), fixed(row.largest, 4), fixed(row.mean, 4), fixed(row.deviation, 4),
        fixed(row.activeShare, 4), fixed(row.entropy, 4), fixed(row.relativeEntropy, 4), fixed(row.outlierShare, 4),
        row.similarity.map { fixed($0, 4) } ?? "-",
      ]
    }
    return table
  }

  private func layerTable(_ layers: [LayerImportance]) -> Table {
    var table = Table(
      columns: ["layer", "sum", "outliers", "similarity"].map { .init(title: $0, isNumber: true) })
    table.rows = layers.map {
      ["\($0.layer)", fixed($0.sum, 2), fixed($0.outlierShare, 4), fixed($0.similarity, 4)]
    }
    return table
  }

  private func fixed(_ value: Float, _ digits: Int) -> String { Numbers.fixed(Double(value), digits) }
}
