import OunceKit

/// One line on standard error that says how far a job is; erased at the end.
struct ProgressLine {
  private let verb: String
  private let choice: ProgressChoice
  private let style: Style
  private let start = Terminal.now
  private var lastPlain: Double
  private var isShown = false

  init(_ verb: String, _ choice: ProgressChoice, _ common: CommonOptions) {
    self.verb = verb
    style = common.errors
    lastPlain = start
    self.choice =
      common.quiet ? .none : choice == .auto ? (Terminal.errors.isTerminal ? .bar : .plain) : choice
  }

  /// Shows a state of the job. Nothing appears in the first fifth of a second.
  mutating func update(_ progress: Progress) {
    let now = Terminal.now
    guard now - start > 0.2, progress.totalByteCount > 0 else { return }
    switch choice {
    case .bar, .auto: Terminal.errors.write("\r\u{1B}[K" + bar(progress, now - start))
    case .plain:
      guard now - lastPlain >= 10 else { return }
      lastPlain = now
      Terminal.errors.line("\(verb) " + numbers(progress, now - start).joined(separator: "  "))
    case .json:
      let value: JSON = .object([
        "schema": .string("ounce.progress/1"), "verb": .string(verb), "tensor": .string(progress.tensor),
        "doneByteCount": .integer(progress.doneByteCount), "totalByteCount": .integer(progress.totalByteCount),
      ])
      Terminal.errors.line(JSONWriter.write(value))
    case .none: return
    }
    isShown = true
  }

  /// Erases the line.
  func end() {
    if isShown, choice == .bar { Terminal.errors.write("\r\u{1B}[K") }
  }

  private func numbers(_ progress: Progress, _ seconds: Double) -> [String] {
    let fraction = Double(progress.doneByteCount) / Double(progress.totalByteCount)
    let rate = Double(progress.doneByteCount) / seconds
    let left = rate > 0 ? Double(progress.totalByteCount - progress.doneByteCount) / rate : .infinity
    return [
      "\(Int(fraction * 100))%",
      "\(Numbers.bytes(progress.doneByteCount))/\(Numbers.bytes(progress.totalByteCount))", Numbers.rate(rate),
      left.isFinite ? "ETA \(Numbers.clock(left))" : "ETA -:--",
    ]
  }

  private func bar(_ progress: Progress, _ seconds: Double) -> String {
    let facts = numbers(progress, seconds).joined(separator: "  ")
    let tensor = progress.tensor.escapingControls
    let room = Terminal.errors.width - verb.count - facts.count - 5
    let name = room >= 40 ? String(tensor.prefix(room - 22)) + "  " : ""
    let cells = min(20, room - name.count)
    guard cells >= 4 else { return "\(verb) \(facts)" }
    let fraction = Double(progress.doneByteCount) / Double(progress.totalByteCount)
    let eighths = Int(fraction * Double(cells * 8))
    let partial = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
    let filled = String(repeating: "█", count: eighths / 8) + partial
    return "\(verb)  \(name)" + style.green(filled) + String(repeating: " ", count: cells - filled.count) + "  \(facts)"
  }
}
