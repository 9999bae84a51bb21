import ArgumentParser
import OunceKit

struct Hash: ParsableCommand {
  enum Subject: String, CaseIterable, ExpressibleByArgument {
    case model, tensor, file
  }

  static let configuration = CommandConfiguration(
    abstract: "SHA-256 of a model's content: whole, tensor by tensor, or of its files.",
    discussion: """
      The hash of a model is that of its tensors' names, types, shapes and values: the same in any container that keeps
      them. A tensor's is taken over its elements in row-major order, little endian, as they are stored.

      EXAMPLES
        ounce hash model.safetensors                        one line, as sha256sum prints it
        ounce hash ./Qwen3-0.6B --per tensor --format json
        ounce hash model.gguf -o model.hashes.json          a manifest of files and tensors
      """)

  @Argument(help: ArgumentHelp("A file, a folder, or any file of a sharded set.", valueName: "model"))
  var models: [String]

  @Option(help: ArgumentHelp("What gets a hash: model, tensor or file.", valueName: "what"))
  var per = Subject.model
  @Option(
    name: [.short, .long], help: ArgumentHelp("Write a manifest of files and tensors here.", valueName: "path"))
  var output: String?
  @Flag(help: "Turn integers that stand for real numbers (TensorFlow Lite) into floats.") var dequantize = false
  @Flag(name: [.short, .long], help: "Replace a manifest that exists.") var force = false
  @Option(name: [.short, .long], help: ArgumentHelp("Threads (default: one for each processor).", valueName: "n"))
  var jobs: Int?
  @Option(help: ArgumentHelp("Progress: auto, bar, plain, json or none.", valueName: "how"))
  var progress: ProgressChoice?
  @OptionGroup var format: FormatOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if output != nil, models.count > 1 { throw ValidationError("-o takes the hashes of one model.") }
    if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs takes a number from 1 to 1024.") }
  }

  func run() throws {
    var documents: [JSON] = []
    for path in models {
      let model = try Models.open(path, output: output, dequantizes: dequantize)
      for note in model.remarkNotes { common.note(note) }
      // What cannot be written is said before gigabytes are read.
      if let output { try Plan.text("", output: output, inputs: model.files).checkOutputs(overwrites: force) }
      var tensors: [TensorHash] = []
      if per != .file || output != nil { tensors = try hashes(of: model) }
      if let output {
        try write(try HashManifest(model, tensors), to: output, besides: model)
      } else if format.chosen == .json {
        documents.append(try document(model, tensors))
      } else {
        try show(model, tensors)
      }
    }
    guard !documents.isEmpty else { return }
    Terminal.output.line(JSONWriter.write(documents.count == 1 ? documents[0] : .array(documents), isIndented: true))
  }

  private func hashes(of model: Model) throws -> [TensorHash] {
    let choice = progress ?? Terminal.environment("OUNCE_PROGRESS").flatMap(ProgressChoice.init(rawValue:)) ?? .auto
    var line = ProgressLine("hash", choice, common)
    defer { line.end() }
    return try model.tensorHashes(jobs: Terminal.jobs(jobs), isCancelled: { Signals.isCancelled }) { line.update($0) }
  }

  private func document(_ model: Model, _ tensors: [TensorHash]) throws -> JSON {
    var document: JSONObject = ["schema": .string("ounce.hashes/1"), "path": .string(model.path)]
    switch per {
    case .tensor: document["tensors"] = .array(tensors.map(\.json))
    case .model: document["sha256"] = .string(tensors.modelHash)
    case .file:
      document["files"] = .array(
        try model.fileHashes().map { .object(["path": .string($0.path), "sha256": .string($0.sha256)]) })
    }
    return .object(document)
  }

  private func show(_ model: Model, _ tensors: [TensorHash]) throws {
    switch per {
    case .model: Terminal.output.line("\(tensors.modelHash)  \(model.path.escapingControls)")
    case .file:
      for file in try model.fileHashes() { Terminal.output.line("\(file.sha256)  \(file.path.escapingControls)") }
    case .tensor:
      var table = Table(columns: [
        .init(title: "name"), .init(title: "dtype"), .init(title: "shape"), .init(title: "sha256"),
      ])
      table.rows = tensors.map {
        [$0.name, $0.dtype, "[\($0.shape.map(String.init).joined(separator: ", "))]", $0.sha256]
      }
      Terminal.output.write(table.text(format.chosen, style: common.output))
    }
  }

  private func write(_ manifest: HashManifest, to path: String, besides model: Model) throws {
    let plan = manifest.plan(output: path, inputs: model.files)
    var options = ExecutionOptions()
    options.overwrites = force
    try plan.execute(options)
    if !common.quiet {
      Terminal.errors.line(
        "✓ \(path.escapingControls)  \(manifest.tensors.count) tensors, \(manifest.files.count) files")
    }
  }
}
