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

  @Option(help: ArgumentHelp("Rules of your own for a model that no family covers (docs/rules.md).", valueName: "file"))
  var rules: String?

  @Flag(name: .customLong("no-nextn"), help: "Leave out layers that predict further tokens (also --no-mtp).")
  var noNextn = false
  @Flag(name: .customLong("no-mtp"), help: .hidden) var noMtp = false
  @Flag(name: .customLong("mtp"), help: "Only the layers that predict further tokens, with embedding and head.")
  var mtp = false
  @Flag(help: "Only the DSpark drafter that a DeepSeek V4 carries; its target is named by --target-model-dir.")
  var dspark = false
  @Flag(name: .customLong("fuse-qkv"), help: "Queries, keys and values of a layer as one tensor.") var fuseQkv = false
  @Flag(name: .customLong("fuse-gate-up-exps"), help: "Gates and projections of a layer's experts as one tensor.")
  var fuseGateUpExps = false
  @Flag(name: .customLong("fp8-as-q8"), help: "Store weights that were FP8 as Q8_0, whatever the others become.")
  var fp8AsQ8 = false
  @Flag(
    name: .customLong("sentence-transformers-dense-modules"), inversion: .prefixedNo,
    help: "Write the dense layers behind an embedding model, where the folder has them.")
  var denseModules = true

  @Option(
    help: ArgumentHelp("The model for which a drafter (EAGLE 3, DFlash, DSpark) proposes tokens.", valueName: "folder"))
  var targetModelDir: String?

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
    guard !(mtp && (noNextn || noMtp)) else { throw OunceError(.request, "--mtp and --no-nextn exclude each other") }
    guard !dspark || !(mtp || noNextn || noMtp) else {
      throw OunceError(.request, "--dspark excludes --mtp and --no-nextn")
    }
    var options = TranslationOptions(
      pretokenizer: pretokenizer, modelName: modelName,
      metadataFile: try metadata.map { path in try InputFile(path: path) }, usesOriginalNames: noMap,
      withoutNextPrediction: noNextn || noMtp)
    options.rulesFile = try rules.map { path in try InputFile(path: path) }
    options.targetModel = try targetModelDir.map { folder in try Open.settings(of: folder) }
    options.onlyNextPrediction = mtp
    options.onlySparkDrafter = dspark
    options.fusesQueryKeyValue = fuseQkv
    options.fusesGateUpExperts = fuseGateUpExps
    options.storesFP8AsQ8 = fp8AsQ8
    options.includesDenseModules = denseModules
    return options
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
