/// HTML and SVG as text. Everything that is not a constant of this folder passes `escaped`.
struct Markup {
  private(set) var text = ""

  /// An element around what `content` writes.
  mutating func element(
    _ name: String, _ attributes: KeyValuePairs<String, String> = [:], content: (inout Markup) -> Void
  ) {
    open(name, attributes)
    content(&self)
    text += "</\(name)>"
  }

  /// An element around a text.
  mutating func element(_ name: String, _ attributes: KeyValuePairs<String, String>, _ content: String) {
    element(name, attributes) { $0.write(content) }
  }

  /// An element without attributes around a text.
  mutating func element(_ name: String, _ content: String) { element(name, [:], content) }

  /// The beginning of an element.
  mutating func open(_ name: String, _ attributes: KeyValuePairs<String, String> = [:]) {
    begin(name, attributes)
    text += ">"
  }

  /// An element without content. SVG needs to be told; HTML has no objection.
  mutating func empty(_ name: String, _ attributes: KeyValuePairs<String, String>) {
    begin(name, attributes)
    text += "/>"
  }

  private mutating func begin(_ name: String, _ attributes: KeyValuePairs<String, String>) {
    text += "<\(name)"
    for (key, value) in attributes { text += " \(key)=\"\(Self.escaped(value))\"" }
  }

  /// A text, escaped.
  mutating func write(_ content: String) { text += Self.escaped(content) }

  /// A constant that is markup already.
  mutating func write(constant: StaticString) { text += "\(constant)" }

  mutating func line() { text += "\n" }

  /// `content` without a meaning for HTML, in attributes too. What would not be seen, or would turn the direction of
  /// what follows, is spelled out: names come from files.
  static func escaped(_ content: String) -> String {
    var text = ""
    text.reserveCapacity(content.utf8.count)
    for scalar in content.unicodeScalars {
      switch scalar {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      case "'": text += "&#39;"
      default:
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
          text += "\\u{\(String(scalar.value, radix: 16))}"
        default: text.unicodeScalars.append(scalar)
        }
      }
    }
    return text
  }
}

extension String {
  /// At most `count` characters: the end tells more than the begin, so the middle goes.
  func shortened(to count: Int) -> String {
    // Grapheme clusters may be of any length, so bytes are looked at first, and scalars counted.
    guard utf8.count > count else { return self }
    let scalars = Array(unicodeScalars.prefix(Self.scannedCount))
    guard scalars.count > count || unicodeScalars.count > scalars.count else { return self }
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars.prefix(count / 3))
    text.append("…")
    text.append(contentsOf: unicodeScalars.suffix(count - count / 3 - 1))
    return String(text)
  }

  private static let scannedCount = 4096
}
