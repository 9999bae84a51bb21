import ArgumentParser
import OunceKit

struct Split: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Cut a model into several files; nothing else changes.",
    discussion: """
      EXAMPLES
        ounce split model.gguf --max-size 5G              model-00001-of-00003.gguf, …
        ounce split model.safetensors --max-tensors 100 -o parts/model.safetensors
      """)

  @Argument(help: ArgumentHelp("A GGUF or safetensors model.", valueName: "model"))
  var model: String
  @Option(help: ArgumentHelp("Files of at most this size, such as 5G.", valueName: "size")) var maxSize: ByteSize?
  @Option(help: ArgumentHelp("Files of at most so many tensors.", valueName: "n")) var maxTensors: Int?
  @Flag(help: "Put no tensor into the first file, only metadata (GGUF).") var noTensorFirstSplit = false
  @Option(
    name: [.short, .long],
    help: ArgumentHelp("The name that the names of the files derive from, or a folder.", valueName: "path"))
  var output: String?
  @OptionGroup var writing: WritingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if maxSize == nil, maxTensors == nil { throw ValidationError("Say --max-size or --max-tensors.") }
    if let maxTensors, maxTensors < 1 { throw ValidationError("--max-tensors takes a number of at least 1.") }
  }

  func run() throws {
    let start = Terminal.now
    let limits = ShardLimits(
      tensorCount: maxTensors, byteCount: maxSize?.byteCount, isFirstWithoutTensors: noTensorFirstSplit)
    let plan = try Models.open(model, output: output ?? ".").planSplit(limits, output: output)
    try PlanRunner(verb: "split", plan: plan, writing: writing, common: common, start: start, makesSmaller: false).run()
  }
}

struct Merge: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Put the files of a model into one; nothing else changes.",
    discussion: """
      EXAMPLES
        ounce merge model-00001-of-00003.gguf             any file of the set will do: model.gguf
        ounce merge ./Qwen3-8B -o Qwen3-8B.safetensors    the shards of a folder
      """)

  @Argument(help: ArgumentHelp("Any file of a set, its index, or the folder.", valueName: "model"))
  var model: String
  @Option(name: [.short, .long], help: ArgumentHelp("A file, or an existing folder.", valueName: "path"))
  var output: String?
  @OptionGroup var writing: WritingOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    let start = Terminal.now
    let plan = try Models.open(model, output: output ?? ".").planSplit(ShardLimits(), output: output)
    try PlanRunner(verb: "merge", plan: plan, writing: writing, common: common, start: start, makesSmaller: false).run()
  }
}
