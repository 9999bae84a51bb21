/// Colours, where a stream shows them.
struct Style: Sendable {
  let isColored: Bool

  /// Decides for one stream: `--color`, then the conventions of `NO_COLOR`, `CLICOLOR_FORCE` and `TERM`.
  init(_ choice: ColorChoice, for stream: Stream) {
    isColored =
      switch choice {
      case .always: true
      case .never: false
      case .auto:
        if Terminal.environment("NO_COLOR") != nil {
          false
        } else if let force = Terminal.environment("CLICOLOR_FORCE"), force != "0" {
          true
        } else {
          stream.isTerminal && Terminal.environment("TERM") != "dumb"
        }
      }
  }

  func bold(_ text: String) -> String { wrap(text, "1") }
  func dim(_ text: String) -> String { wrap(text, "2") }
  func red(_ text: String) -> String { wrap(text, "31") }
  func green(_ text: String) -> String { wrap(text, "32") }
  func yellow(_ text: String) -> String { wrap(text, "33") }

  private func wrap(_ text: String, _ code: String) -> String {
    isColored ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}
