import ArgumentParser
import OunceKit

struct Extract: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write some tensors of a model into a file of their own.",
    discussion: """
      EXAMPLES
        ounce extract model.gguf token_embd.weight -o embedding.npy
        ounce extract ./Qwen3-0.6B '*.layers.0.*' -o layer0.safetensors
        ounce extract model.gguf token_embd.weight --rows 0:100 --dtype f32 -o first.npy
      """)

  @Argument(help: ArgumentHelp("A file, a folder, or any file of a sharded set.", valueName: "model"))
  var model: String
  @Argument(help: ArgumentHelp("Names of tensors, or patterns such as 'blk.0.*'.", valueName: "tensor"))
  var tensors: [String]
  @Option(
    name: .customLong("to"),
    help: ArgumentHelp("The container (default: by the output's name, else safetensors).", valueName: "format"))
  var format: String?
  @Option(help: ArgumentHelp("The type of floats: keep, f32, f16, bf16.", valueName: "type")) var dtype = "keep"
  @Option(name: [.short, .long], help: ArgumentHelp("A file, or an existing folder.", valueName: "path"))
  var output: String?
  @Option(help: ArgumentHelp("Only these of the first dimension, from A to before B.", valueName: "a:b"))
  var rows: String?
  @Flag(help: "Turn integers that stand for real numbers (TensorFlow Lite) into floats.") var dequantize = false
  @OptionGroup var writing: WritingOptions
  @OptionGroup var common: CommonOptions

  private func chosenRows() throws -> Range<Int>? {
    guard let rows else { return nil }
    let parts = rows.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let first = parts[0], let end = parts[1], first >= 0, end >= first else {
      throw OunceError(.request, "--rows \(rows): expected A:B, two whole numbers of which the second is not less")
    }
    return first..<end
  }

  func run() throws {
    let start = Terminal.now
    let ending = (format ?? output?.split(separator: ".").last.map(String.init) ?? "safetensors").lowercased()
    guard let container = Containers.writable(ending: ending) else {
      let endings = Containers.writable.flatMap(\.fileExtensions)
      throw OunceError(
        .request, "there is no output format \(ending)", remedy: "choose \(endings.joined(separator: ", ")) with --to")
    }
    let plan = try Models.open(model, output: output ?? ".", dequantizes: dequantize).planExtraction(
      tensors, to: container, dtype: dtype.lowercased() == "keep" ? nil : dtype, rows: try chosenRows(), output: output)
    try PlanRunner(verb: "extract", plan: plan, writing: writing, common: common, start: start, makesSmaller: false)
      .run()
  }
}
