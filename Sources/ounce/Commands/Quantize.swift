import ArgumentParser
import OunceKit

struct Quantize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a model smaller: checkpoint or GGUF in, finished GGUF out, in one pass.",
    discussion: """
      The bytes are those that llama.cpp's converter and quantizer would write in two steps.

      EXAMPLES
        ounce quantize ./Qwen3-0.6B --to Q4_K_M
        ounce quantize ./Qwen3-0.6B --to Q4_K_M,Q8_0 -o models/      two files from one reading
        ounce quantize model-BF16.gguf --to Q5_K_M -o small.gguf
        ounce quantize ./Qwen3-0.6B --to Q4_K_M --dry-run            sizes only
        ounce quantize ./Qwen3-0.6B --to Q4_K_M --report page.html   and what it cost, with plots
      """)

  @Argument(help: ArgumentHelp("A checkpoint folder, a file, or any file of a sharded set.", valueName: "model"))
  var model: String

  @Option(
    name: .customLong("to"),
    help: ArgumentHelp(
      "What to make, such as Q4_K_M; several with commas. `ounce formats --recipes` lists all.",
      valueName: "recipe"))
  var recipe: String

  @Option(
    name: [.short, .long],
    help: ArgumentHelp("A file, or an existing folder (default: the usual name here).", valueName: "path"))
  var output: String?

  @OptionGroup(title: "Importance") var importance: ImportanceArguments
  @OptionGroup(title: "Encodings") var encodings: EncodingArguments
  @OptionGroup(title: "Source") var translation: TranslationArguments
  @OptionGroup(title: "Output files") var splitting: SplitArguments

  @Flag(help: "Cut the output into files as the source is (GGUF only).") var keepSplit = false
  @Option(
    help: ArgumentHelp("Layers to leave out, such as 20,21; the others are numbered anew.", valueName: "layers"))
  var pruneLayers: String?
  @Option(
    help: ArgumentHelp(
      "Set a metadata value, such as tokenizer.ggml.add_bos_token=bool:false; may be repeated.",
      valueName: "key=type:value"))
  var overrideKv: [String] = []
  @Flag(help: "Write what llama-quantize writes also where ounce does better on purpose.") var reference = false
  @Option(
    help: ArgumentHelp(
      "Compare source and result, and write a page with plots here; of several recipes, FILE-RECIPE.html each.",
      valueName: "file.html"))
  var report: String?
  @OptionGroup var writing: WritingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if report != nil, writing.dryRun { throw ValidationError("--dry-run makes nothing that --report could show.") }
  }

  func run() throws {
    let start = Terminal.now
    var request = QuantizeRequest(recipes: try recipes(), output: output)
    request.translation = try translation.options()
    request.translation.toleratesMissingTokenizer = writing.dryRun
    request.overrides = try encodings.overrides()
    request.importance = try importance.weights()
    request.allowsRequantizing = encodings.allowRequantize
    request.allowsNonFinite = writing.allowNonfinite
    request.split = try splitting.request()
    request.keepsSplit = keepSplit
    request.prunedLayers = try prunedLayers()
    request.metadataOverrides = try overrideKv.map { text in try MetadataOverride(text) }
    request.matchesReference = reference
    let source = try Models.open(model, output: output ?? ".").merging(try translation.adapters())
    let plan = try source.plan(request)
    // What cannot work is said before gigabytes are written.
    let reports = try report.map {
      try QuantizeReports($0, of: plan, from: source, request, overwrites: writing.force)
    }
    try PlanRunner(verb: "quantize", plan: plan, writing: writing, common: common, start: start).run()
    try reports?.write(writing, common)
  }

  private func recipes() throws -> [Recipe] {
    var recipes: [Recipe] = []
    for name in recipe.split(separator: ",").map(String.init) {
      guard let recipe = Recipes.named(name) else {
        let near = NearNames.find(name, among: Recipes.all.map(\.name))
        throw OunceError(
          .request, "there is no recipe \(name)",
          remedy: near.isEmpty ? "`ounce formats --recipes` lists all" : "did you mean \(near.joined(separator: ", "))?"
        )
      }
      if !recipes.contains(where: { $0.name == recipe.name }) { recipes.append(recipe) }
    }
    guard !recipes.isEmpty else { throw OunceError(.request, "--to names no recipe") }
    return recipes
  }

  private func prunedLayers() throws -> [Int] {
    try (pruneLayers ?? "").split(separator: ",").map { text in
      guard let layer = Int(text), layer >= 0 else {
        throw OunceError(.request, "--prune-layers: \(text) is no number of a layer", remedy: "write such as 20,21,22")
      }
      return layer
    }
  }
}

/// What an importance matrix counts for.
struct ImportanceArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Importance weights that llama-imatrix recorded (.gguf or .dat).", valueName: "file"))
  var imatrix: String?
  @Option(
    help: ArgumentHelp("Use them only for tensors with this in their names; may be repeated.", valueName: "part"))
  var includeWeights: [String] = []
  @Option(
    help: ArgumentHelp("Use them not for tensors with this in their names; may be repeated.", valueName: "part"))
  var excludeWeights: [String] = []

  func weights() throws -> ColumnWeights? {
    guard includeWeights.isEmpty || excludeWeights.isEmpty else {
      throw OunceError(.request, "--include-weights and --exclude-weights exclude each other")
    }
    guard let imatrix else {
      if !includeWeights.isEmpty || !excludeWeights.isEmpty {
        throw OunceError(.request, "--include-weights and --exclude-weights choose from --imatrix, which is missing")
      }
      return nil
    }
    return try ColumnWeights(
      try ImportanceMatrix(path: imatrix), including: includeWeights, excluding: excludeWeights)
  }
}

/// What a user wants otherwise than the recipe.
struct EncodingArguments: ParsableArguments {
  @Flag(help: "One encoding for all tensors, without the recipe's mix.") var pure = false
  @Flag(help: "Keep output.weight as it is.") var leaveOutputTensor = false
  @Flag(help: "Quantize again what is quantized already.") var allowRequantize = false
  @Option(help: ArgumentHelp("The encoding of output.weight.", valueName: "type")) var outputTensorType: String?
  @Option(help: ArgumentHelp("The encoding of the token embeddings.", valueName: "type")) var tokenEmbeddingType:
    String?
  @Option(
    help: ArgumentHelp(
      "The encoding of tensors whose names match a regular expression, such as 'ffn_down=q6_k'; may be repeated, the "
        + "first match decides.", valueName: "re=type"))
  var tensorType: [String] = []
  @Option(help: ArgumentHelp("A file of such rules, separated by spaces or line ends.", valueName: "file"))
  var tensorTypeFile: [String] = []

  func overrides() throws -> RecipeOverrides {
    var overrides = RecipeOverrides()
    overrides.isPure = pure
    overrides.leavesOutputTensor = leaveOutputTensor
    overrides.outputTensor = try outputTensorType.map(encodingName)
    overrides.tokenEmbedding = try tokenEmbeddingType.map(encodingName)
    overrides.tensorTypes = try tensorType.map { text in try TensorTypeRule(text) }
    for path in tensorTypeFile { overrides.tensorTypes += try TensorTypeRule.rules(in: try InputFile(path: path)) }
    return overrides
  }

  private func encodingName(_ name: String) throws -> String {
    guard let encoding = Encodings.writable(name) else {
      let near = NearNames.find(name, among: Encodings.all.map(\.name))
      throw OunceError(
        .request, "there is no encoding \(name) that can be written",
        remedy: near.isEmpty ? "`ounce formats --encodings` lists all" : "did you mean \(near.joined(separator: ", "))?"
      )
    }
    return encoding.name
  }
}
