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

  @Option(help: ArgumentHelp("Importance weights that llama-imatrix recorded (GGUF).", valueName: "file"))
  var imatrix: String?
  @Flag(help: "One encoding for all tensors, without the recipe's mix.") var pure = false
  @Flag(help: "Keep output.weight as it is.") var leaveOutputTensor = false
  @Flag(help: "Quantize again what is quantized already.") var allowRequantize = false
  @Option(help: ArgumentHelp("The encoding of output.weight.", valueName: "type")) var outputTensorType: String?
  @Option(help: ArgumentHelp("The encoding of the token embeddings.", valueName: "type")) var tokenEmbeddingType:
    String?
  @OptionGroup var translation: TranslationArguments
  @OptionGroup var splitting: SplitArguments
  @OptionGroup var writing: WritingOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    let start = Terminal.now
    var request = QuantizeRequest(recipes: try recipes(), output: output)
    request.translation = try translation.options()
    request.translation.toleratesMissingTokenizer = writing.dryRun
    request.overrides.isPure = pure
    request.overrides.leavesOutputTensor = leaveOutputTensor
    request.overrides.outputTensor = try outputTensorType.map(encodingName)
    request.overrides.tokenEmbedding = try tokenEmbeddingType.map(encodingName)
    request.importance = try imatrix.map { path in try ImportanceMatrix(path: path) }
    request.allowsRequantizing = allowRequantize
    request.allowsNonFinite = writing.allowNonfinite
    request.split = try splitting.request()
    let plan = try Models.open(model).plan(request)
    try PlanRunner(verb: "quantize", plan: plan, writing: writing, common: common, start: start).run()
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
