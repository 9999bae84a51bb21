import ArgumentParser
import OunceKit

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Change the container or the float type of a model; nothing is quantized.",
    discussion: """
      EXAMPLES
        ounce convert ./Qwen3-0.6B                              GGUF under llama.cpp's names, floats as they are
        ounce convert ./Qwen3-0.6B --dtype f16 -o model.gguf
        ounce convert model.gguf --to safetensors               names kept, blocks decoded to F32
        ounce convert model.gguf --to hf -o folder/             a folder that transformers loads
      """)

  @Argument(help: ArgumentHelp("A checkpoint folder, a file, or any file of a sharded set.", valueName: "model"))
  var model: String

  @Option(
    name: .customLong("to"),
    help: ArgumentHelp(
      "gguf, safetensors, or hf: a folder for transformers (default: by the output's name, else gguf).",
      valueName: "format"))
  var format: String?

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "A file, or an existing folder; with --to hf, a folder (default: the usual name here).", valueName: "path"))
  var output: String?

  @Option(
    help: ArgumentHelp(
      "The model is a LoRA adapter of PEFT; its base model is in this folder.", valueName: "folder"))
  var base: String?
  @Option(
    help: ArgumentHelp(
      "The type of floats: keep, auto, f32, f16, bf16 (GGUF: also q8_0, tq1_0, tq2_0; hf: keep is bf16 for blocks).",
      valueName: "type"))
  var dtype = "keep"
  @Flag(help: "Only the tokenizer and the settings, no weights.") var vocabOnly = false
  @Flag(help: "Write every word of the GGUF with its most significant byte first.") var bigendian = false

  @Flag(help: "Turn integers that stand for real numbers (TensorFlow Lite) into floats.") var dequantize = false

  @OptionGroup var translation: TranslationArguments
  @OptionGroup var splitting: SplitArguments
  @OptionGroup var writing: WritingOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    let start = Terminal.now
    var request = ConvertRequest()
    request.format = try chosenFormat()
    if let base {
      let plan = try adapterPlan(base)
      try PlanRunner(
        verb: "convert", plan: plan, writing: writing, common: common, start: start, makesSmaller: false
      ).run()
      return
    }
    let source = try Models.open(model, output: output ?? ".", dequantizes: dequantize)
    request.dtype = try chosenType(of: source)
    request.isBigEndian = bigendian
    request.output = output
    request.translation = try translation.options()
    request.translation.vocabularyOnly = vocabOnly
    request.translation.toleratesMissingTokenizer = writing.dryRun
    request.allowsNonFinite = writing.allowNonfinite
    request.split = try splitting.request()
    let plan = try source.merging(try translation.adapters()).plan(request)
    try PlanRunner(verb: "convert", plan: plan, writing: writing, common: common, start: start).run()
  }

  /// The GGUF adapter that llama.cpp loads beside its base model.
  private func adapterPlan(_ base: String) throws -> Plan {
    let adapter = try Adapter(path: model)
    let type = ["keep", "auto"].contains(dtype.lowercased()) ? nil : try chosenType(of: try Models.open(model))
    return try adapter.plan(
      base: try Open.settings(of: base), dtype: type, output: output, options: try translation.options())
  }

  private func chosenFormat() throws -> ConvertRequest.Format {
    if let format {
      guard let chosen = ConvertRequest.Format(format) else {
        let near = NearNames.find(format, among: ConvertRequest.Format.names).first.map { "did you mean \($0)? " } ?? ""
        throw OunceError(
          .request, "there is no output format \(format)",
          remedy: "\(near)choose \(ConvertRequest.Format.names.joined(separator: ", "))")
      }
      return chosen
    }
    let ending = output.flatMap { $0.split(separator: ".").last }.map { String($0).lowercased() }
    return ending.flatMap(Containers.writable(ending:)).flatMap { $0.name == "GGUF" ? nil : .container($0) } ?? .gguf
  }

  private func chosenType(of source: Model) throws -> String? {
    if dtype.lowercased() == "keep" { return nil }
    if dtype.lowercased() == "auto" { return source.tensors.automaticOutputType }
    guard let encoding = Encodings.writable(dtype),
      encoding.kind == .float || ["Q8_0", "TQ1_0", "TQ2_0"].contains(encoding.name)
    else {
      throw OunceError(
        .request, "\(dtype) is no float type that can be written",
        remedy: "choose keep, auto, f32, f16 or bf16; `ounce quantize` makes smaller ones")
    }
    return encoding.name
  }
}
