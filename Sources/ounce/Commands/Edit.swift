import ArgumentParser
import OunceKit

struct Edit: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Rename, drop and cast tensors, set and remove metadata.",
    discussion: """
      EXAMPLES
        ounce edit model.gguf --set general.name=str:Qwen3 --in-place
        ounce edit model.safetensors --rename 'transformer.*=model.*' -o renamed.safetensors
        ounce edit model.gguf --drop 'blk.*.nextn*' --cast output.weight=f16 -o smaller.gguf
      """)

  @Argument(help: ArgumentHelp("A model in a container that can be written.", valueName: "model"))
  var model: String
  @Option(help: ArgumentHelp("Rename a tensor; one * stands for the same on both sides.", valueName: "old=new"))
  var rename: [String] = []
  @Option(help: ArgumentHelp("Leave out a tensor, or all that match.", valueName: "tensor")) var drop: [String] = []
  @Option(help: ArgumentHelp("Store a tensor, or all that match, in another type.", valueName: "tensor=type"))
  var cast: [String] = []
  @Option(help: ArgumentHelp("Set metadata; types are int, float, bool and str.", valueName: "key=type:value"))
  var set: [String] = []
  @Option(help: ArgumentHelp("Remove metadata: a key, or all that match.", valueName: "key")) var unset: [String] = []
  @Flag(help: "Change the file itself; refused when anything would have to move.") var inPlace = false
  @Option(
    help: ArgumentHelp(
      "Room that a new file keeps in its header for later edits in place (default: 4096).", valueName: "bytes"))
  var reserve = 4096
  @Option(name: [.short, .long], help: ArgumentHelp("The new file.", valueName: "path"))
  var output: String?
  @OptionGroup var writing: WritingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if inPlace == (output != nil) { throw ValidationError("Say either -o or --in-place.") }
    if !(0...1 << 30).contains(reserve) { throw ValidationError("--reserve takes a number of bytes from 0 on.") }
  }

  func run() throws {
    let start = Terminal.now
    let edit = try edit()
    guard inPlace else {
      let plan = try Models.open(model, output: output).plan(edit, output: output ?? "")
      try PlanRunner(verb: "edit", plan: plan, writing: writing, common: common, start: start, makesSmaller: false)
        .run()
      return
    }
    let replacement = HeaderReplacement(path: model)
    if replacement.isInterrupted {
      common.note("an earlier edit was interrupted and is taken back first")
      try replacement.restore()
    }
    let source = try Models.open(model)
    try source.editInPlace(edit, isTrial: writing.dryRun)
    if !common.quiet { Terminal.errors.line("✓ \(model.escapingControls) changed in place") }
  }

  private func edit() throws -> ModelEdit {
    var edit = ModelEdit()
    edit.renames = try rename.map { try ModelEdit.rename($0) }
    edit.drops = drop
    edit.casts = try cast.map { text in
      guard let sign = text.lastIndex(of: "="), sign != text.startIndex else {
        throw OunceError(.request, "--cast \(text): expected TENSOR=TYPE", remedy: "such as output.weight=f16")
      }
      return (String(text[..<sign]), String(text[text.index(after: sign)...]))
    }
    edit.settings = try set.map { try MetadataOverride($0, option: "--set") }
    edit.removedKeys = unset
    edit.reservedByteCount = reserve
    guard !edit.isEmpty else {
      throw OunceError(.request, "there is nothing to change", remedy: "say --rename, --drop, --cast, --set or --unset")
    }
    return edit
  }
}
