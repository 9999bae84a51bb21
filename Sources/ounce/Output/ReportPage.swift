import ArgumentParser
import OunceKit

/// The page of a comparison, written like every other output.
struct ReportPage {
  let path: String
  let overwrites: Bool

  /// Looks, before any work, whether the page can be written.
  func check(besides inputs: [InputFile]) throws {
    do { try Plan.text("", output: path, inputs: inputs).checkOutputs(overwrites: overwrites) } catch {
      throw Self.named(error)
    }
  }

  /// Writes the page and says so.
  func write(
    _ comparison: Comparison, limits: [CompareLimit] = [], besides inputs: [InputFile], _ common: CommonOptions
  )
    throws
  {
    var options = ExecutionOptions()
    options.overwrites = overwrites
    let page = ComparePage(comparison, limits: limits).html
    do { try Plan.text(page, output: path, inputs: inputs).execute(options) } catch { throw Self.named(error) }
    if !common.quiet {
      let mark = common.errors.green("✓ ")
      Terminal.errors.line(mark + common.errors.bold(path.escapingControls) + "  \(Numbers.bytes(page.utf8.count))")
    }
  }

  /// Other outputs go where -o says.
  private static func named(_ error: OunceError) -> OunceError {
    var error = error
    error.remedy = error.remedy?.replacing("-o", with: "--report")
    return error
  }
}

/// The pages of `quantize --report`: one for each recipe.
struct QuantizeReports {
  private let source: Model
  private let request: QuantizeRequest
  /// The first file of each recipe's output, and its page.
  private let outputs: [(file: String, page: ReportPage)]

  init(_ path: String, of plan: Plan, from source: Model, _ request: QuantizeRequest, overwrites: Bool) throws {
    self.source = source
    self.request = request
    // The shards of a set follow their first.
    let first = plan.files.map(\.path).filter { ShardName(Paths.name(of: $0)).map { $0.number == 1 } ?? true }
    let isOne = request.recipes.count == 1
    outputs = zip(first, request.recipes).map { file, recipe in
      (file, ReportPage(path: isOne ? path : Self.path(path, recipe.name), overwrites: overwrites))
    }
    for (_, page) in outputs {
      try page.check(besides: plan.inputs)
      if let file = plan.files.first(where: { Self.isSame($0.path, page.path) }) {
        throw OunceError(
          .output, "is the name of the model, too", file: file.path, remedy: "choose another name with --report")
      }
    }
  }

  /// Compares what was made with what it was made of.
  ///
  /// - Throws: `OunceError`, with the outputs left in place.
  func write(_ writing: WritingOptions, _ common: CommonOptions) throws {
    for (file, page) in outputs {
      do { try write(file, page, writing, common) } catch let error as OunceError {
        var error = error
        if error.kind == .cancelled {
          error = OunceError(.cancelled, "stopped before \(page.path) was made; \(file) is complete")
        } else {
          error.remedy =
            (error.remedy.map { "\($0); " } ?? "")
            + "\(file) is complete, only its page is missing: `ounce compare --report` makes it"
        }
        throw error
      }
    }
  }

  private func write(_ file: String, _ page: ReportPage, _ writing: WritingOptions, _ common: CommonOptions) throws {
    var options = CompareOptions()
    options.translation = request.translation
    options.prunedLayers = request.prunedLayers
    options.usesOriginalNames = request.translation.usesOriginalNames
    options.histogramCount = ComparePage.histogramCount
    options.jobs = writing.execution.jobs
    options.isCancelled = { Signals.isCancelled }
    var line = ProgressLine("compare", writing.progressChoice, common)
    defer { line.end() }
    let made = try Models.open(file)
    let comparison = try Compare.run(source, made, options) { line.update($0) }
    line.end()
    try page.write(comparison, besides: source.files + made.files, common)
  }

  /// Whether two names of files, which need not be there yet, are the same.
  private static func isSame(_ path: String, _ other: String) -> Bool {
    Paths.name(of: path) == Paths.name(of: other)
      && Paths.resolved(Paths.folder(of: path)) == Paths.resolved(Paths.folder(of: other))
  }

  /// `report.html` of Q4_K_M is `report-Q4_K_M.html`.
  private static func path(_ path: String, _ recipe: String) -> String {
    let name = Paths.name(of: path)
    guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return "\(path)-\(recipe)" }
    return String(path.dropLast(name.count)) + name[..<dot] + "-\(recipe)" + name[dot...]
  }
}
