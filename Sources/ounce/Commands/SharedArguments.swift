import ArgumentParser
import OunceKit

/// How a checkpoint is translated.
struct TranslationArguments: ParsableArguments {
  @Option(help: ArgumentHelp("The BPE pre-tokenizer, where tokenizer.json does not tell.", valueName: "name"))
  var pretokenizer: String?

  @Option(help: ArgumentHelp("The value of general.name.", valueName: "name"))
  var modelName: String?

  @Option(help: ArgumentHelp("A JSON file of general.* values that win over the model card.", valueName: "file"))
  var metadata: String?

  @Flag(help: "Keep the tensors' own names, 1:1; for architectures that are not known.")
  var noMap = false

  @Option(
    help: ArgumentHelp(
      "Add a LoRA adapter (a folder of PEFT) to the weights, at its strength or a share of it; may be repeated.",
      valueName: "folder[:scale]"))
  var lora: [String] = []

  /// The adapters to merge.
  func adapters() throws -> [Adapter] {
    try lora.map { text in
      if let colon = text.lastIndex(of: ":"), !Paths.exists(text), let scale = Double(text[text.index(after: colon)...])
      {
        return try Adapter(path: String(text[..<colon]), strength: scale)
      }
      return try Adapter(path: text)
    }
  }

  func options() throws -> TranslationOptions {
    TranslationOptions(
      pretokenizer: pretokenizer, modelName: modelName,
      metadataFile: try metadata.map { path in try InputFile(path: path) }, usesOriginalNames: noMap)
  }
}

/// How an output is cut into files.
struct SplitArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Cut the output into files of at most this size, such as 5G.", valueName: "size"))
  var splitMaxSize: ByteSize?

  @Option(help: ArgumentHelp("Cut the output into files of at most so many tensors.", valueName: "n"))
  var splitMaxTensors: Int?

  @Flag(help: "Put no tensor into the first file of a split set, only metadata.")
  var noTensorFirstSplit = false

  func request() throws -> ShardLimits {
    if let splitMaxTensors, splitMaxTensors < 1 {
      throw OunceError(.request, "--split-max-tensors takes a number of at least 1")
    }
    return ShardLimits(
      tensorCount: splitMaxTensors, byteCount: splitMaxSize?.byteCount, isFirstWithoutTensors: noTensorFirstSplit)
  }
}
