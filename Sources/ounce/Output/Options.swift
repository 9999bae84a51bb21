import ArgumentParser
import OunceKit

enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
  case table, json, tsv, markdown
}

enum ColorChoice: String, CaseIterable, ExpressibleByArgument {
  case auto, always, never
}

enum ProgressChoice: String, CaseIterable, ExpressibleByArgument {
  case auto, bar, plain, json, none
}

/// Options that every command has.
struct CommonOptions: ParsableArguments {
  @Flag(name: [.short, .long], help: "Say nothing but results and errors.")
  var quiet = false

  @Flag(name: [.short, .long], help: "Say more on standard error.")
  var verbose = false

  @Option(help: ArgumentHelp("Colours: auto, always or never.", valueName: "when"))
  var color = ColorChoice.auto

  var output: Style { Style(color, for: Terminal.output) }
  var errors: Style { Style(color, for: Terminal.errors) }

  /// A sentence for the user that is no result.
  func note(_ text: String) {
    if !quiet { Terminal.errors.line(errors.dim("note: ") + text) }
  }
}

/// The format of a command's result.
struct FormatOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Output: table, json, tsv or markdown.", valueName: "format"))
  var format: OutputFormat?

  /// The option, else `OUNCE_FORMAT`, else a table.
  var chosen: OutputFormat {
    format ?? Terminal.environment("OUNCE_FORMAT").flatMap(OutputFormat.init(rawValue:)) ?? .table
  }
}

/// Options of commands that write files.
struct WritingOptions: ParsableArguments {
  @Flag(name: [.short, .long], help: "Replace files that exist.")
  var force = false

  @Flag(name: [.customShort("n"), .long], help: "Print the plan with the exact size of the output, and write nothing.")
  var dryRun = false

  @Option(name: [.short, .long], help: ArgumentHelp("Threads (default: one for each processor).", valueName: "n"))
  var jobs: Int?

  @Option(
    help: ArgumentHelp("Memory for buffers, such as 256M or 1G (default: 192M).", valueName: "size"))
  var maxMemory: ByteSize?

  @Option(help: ArgumentHelp("The same in MiB, as llama-quantize spells it.", valueName: "MiB"))
  var maxBufferSize: Int?

  @Option(help: ArgumentHelp("Progress: auto, bar, plain, json or none.", valueName: "how"))
  var progress: ProgressChoice?

  @Flag(help: "Keep what is done when the job is stopped or fails, so that --resume can go on.")
  var resumable = false

  @Flag(help: "Go on where the same command was cut off, after looking at what it wrote.")
  var resume = false

  @Flag(help: "Let NaN and infinity pass; without it they are errors.")
  var allowNonfinite = false

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs takes a number from 1 to 1024.") }
    if let maxBufferSize, !(1...1 << 30).contains(maxBufferSize) {
      throw ValidationError("--max-buffer-size takes a number of MiB of at least 1.")
    }
    if maxBufferSize != nil, maxMemory != nil {
      throw ValidationError("--max-memory and --max-buffer-size say the same: give one of them.")
    }
  }

  /// How the pipeline runs.
  var execution: ExecutionOptions {
    var options = ExecutionOptions()
    options.jobs = jobs ?? Terminal.environment("OUNCE_JOBS").flatMap(Int.init).flatMap { $0 > 0 ? $0 : nil }
    if let maxBufferSize {
      options.maxMemory = maxBufferSize << 20
    } else if let size = maxMemory ?? Terminal.environment("OUNCE_MAX_MEMORY").flatMap(ByteSize.init(argument:)) {
      options.maxMemory = size.byteCount
    }
    options.overwrites = force
    options.isResumable = resumable
    options.resumes = resume
    options.request = Self.request(CommandLine.arguments)
    options.isCancelled = { Signals.isCancelled }
    return options
  }

  /// The arguments that bytes may depend on. Those left out say how a job runs, not what it makes.
  static func request(_ arguments: [String]) -> String {
    let withValue = ["-j", "--jobs", "--progress", "--color"]
    let alone = ["-q", "--quiet", "-v", "--verbose", "-f", "--force", "--resumable", "--resume"]
    var kept: [String] = []
    var skipsNext = false
    for argument in arguments.dropFirst() {
      if skipsNext || alone.contains(argument) || withValue.contains(where: { argument.hasPrefix($0 + "=") }) {
        skipsNext = false
      } else if withValue.contains(argument) {
        skipsNext = true
      } else {
        kept.append(argument)
      }
    }
    return kept.joined(separator: " ")
  }

  var progressChoice: ProgressChoice {
    progress ?? Terminal.environment("OUNCE_PROGRESS").flatMap(ProgressChoice.init(rawValue:)) ?? .auto
  }
}

/// A number of bytes: "512", "256M", "1.5G", "4GiB", "5GB".
struct ByteSize: ExpressibleByArgument {
  let byteCount: Int

  init?(argument: String) {
    let digits = argument.prefix { $0.isNumber || $0 == "." }
    guard let value = Double(digits), value.isFinite, value > 0 else { return nil }
    let unit = argument.dropFirst(digits.count).uppercased()
    let letters = ["", "K", "M", "G", "T"]
    let base = unit.hasSuffix("IB") ? 1024.0 : 1000.0
    let letter = unit.hasSuffix("IB") ? String(unit.dropLast(2)) : unit.hasSuffix("B") ? String(unit.dropLast()) : unit
    guard let power = letters.firstIndex(of: letter) else { return nil }
    let bytes = (0..<power).reduce(value) { result, _ in result * base }
    guard bytes < 1e18 else { return nil }
    byteCount = Int(bytes)
  }
}
