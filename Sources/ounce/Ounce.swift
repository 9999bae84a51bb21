import ArgumentParser
import OunceKit

/// The command line: parse, one call into the library, print.
@main
struct Ounce: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ounce",
    abstract: "Convert, quantize and check model weight files.",
    discussion: """
      A MODEL is a file, a checkpoint folder, or any one file of a sharded set.

      EXAMPLES
        ounce quantize ./Qwen3-0.6B --to Q4_K_M      a checkpoint folder becomes Qwen3-0.6B-Q4_K_M.gguf
        ounce inspect model.gguf --tensors           what is in a file, read from its header
        ounce convert ./Qwen3-0.6B --dtype bf16      the same model as GGUF, not quantized

      EXIT CODES
        0 done   1 the answer is no   2 could not finish   64 usage   65 input malformed   66 input not found
        73 output cannot be made   78 not supported   130 stopped by Ctrl-C
      """,
    version: OunceKit.version,
    subcommands: [
      Inspect.self, CheckCommand.self, Convert.self, Quantize.self, Imatrix.self, Split.self, Merge.self, Extract.self,
      Edit.self,
      Hash.self, Formats.self,
      CompareCommand.self,
    ])

  static func main() {
    Signals.handle()
    DescriptorPool.raiseLimit()
    let arguments = Array(CommandLine.arguments.dropFirst())
    if let hint = unknownCommand(arguments) {
      Terminal.errors.line(hint)
      leave(64)
    }
    do {
      var command = try parseAsRoot(arguments)
      try command.run()
    } catch let error as OunceError {
      end(error, arguments)
    } catch {
      exit(withError: error)
    }
  }

  /// Prints an error and ends with the exit code of its kind.
  private static func end(_ error: OunceError, _ arguments: [String]) -> Never {
    let color =
      arguments.contains("--color=never") || hasPair(arguments, "--color", "never") ? ColorChoice.never : .auto
    let style = Style(color, for: Terminal.errors)
    Terminal.errors.line(style.red("error: ") + error.message)
    if let remedy = error.remedy { Terminal.errors.line(style.dim("hint: ") + remedy) }
    leave(error.kind == .cancelled ? Signals.exitCode : error.kind.exitCode)
  }

  private static func leave(_ code: Int32) -> Never { exit(withError: ExitCode(code)) }

  private static func hasPair(_ arguments: [String], _ name: String, _ value: String) -> Bool {
    zip(arguments, arguments.dropFirst()).contains { $0 == (name, value) }
  }

  /// What to say when the first word is no command; nil when it is one.
  private static func unknownCommand(_ arguments: [String]) -> String? {
    guard let word = arguments.first, !word.hasPrefix("-") else { return nil }
    let names = configuration.subcommands.map { $0._commandName } + ["help"]
    if names.contains(word) { return nil }
    if Paths.exists(word) {
      return
        "error: \(word.escapingControls) is no command.\nhint: did you mean `ounce inspect \(word.escapingControls)`?"
    }
    let synonyms = [
      "dump": "inspect", "show": "inspect", "info": "inspect", "list": "inspect", "ls": "inspect", "diff": "compare",
    ]
    let near = synonyms[word] ?? NearNames.find(word, among: names).first
    let hint = near.map { "did you mean `ounce \($0)`?" } ?? "`ounce --help` lists the commands"
    return "error: there is no command \(word.escapingControls).\nhint: \(hint)"
  }
}

extension OunceError.Kind {
  /// As documented in `ounce --help`.
  var exitCode: Int32 {
    switch self {
    case .io: 2
    case .malformed: 65
    case .unsupported: 78
    case .request: 64
    case .notFound: 66
    case .output: 73
    case .cancelled: 130
    }
  }
}
