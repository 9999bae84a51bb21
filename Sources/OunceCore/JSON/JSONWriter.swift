/// JSON text: compact, or indented by two spaces. Keys keep their order; 64-bit integers stay integers; NaN and
/// infinity become strings, since JSON has no numbers for them.
public struct JSONWriter {
  private var text = ""
  private let isIndented: Bool

  /// Writes `value` as text.
  public static func write(_ value: JSON, isIndented: Bool = false) -> String {
    var writer = JSONWriter(isIndented: isIndented)
    writer.append(value, depth: 0)
    return writer.text
  }

  /// `string` in quotes.
  public static func quoted(_ string: String) -> String {
    var writer = JSONWriter(isIndented: false)
    writer.append(string)
    return writer.text
  }

  private init(isIndented: Bool) { self.isIndented = isIndented }

  private mutating func append(_ value: JSON, depth: Int) {
    switch value {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .double(let value):
      if value.isFinite { text += "\(value)" } else { append("\(value)") }
    case .string(let value): append(value)
    case .array(let values):
      enclose("[", "]", isEmpty: values.isEmpty, depth) { writer in
        for (index, value) in values.enumerated() {
          writer.separate(index, depth + 1)
          writer.append(value, depth: depth + 1)
        }
      }
    case .object(let members):
      enclose("{", "}", isEmpty: members.isEmpty, depth) { writer in
        for (index, member) in members.enumerated() {
          writer.separate(index, depth + 1)
          writer.append(member.key)
          writer.text += writer.isIndented ? ": " : ":"
          writer.append(member.value, depth: depth + 1)
        }
      }
    }
  }

  private mutating func enclose(
    _ open: String, _ close: String, isEmpty: Bool, _ depth: Int, _ content: (inout JSONWriter) -> Void
  ) {
    text += open
    content(&self)
    if !isEmpty { newLine(depth) }
    text += close
  }

  private mutating func separate(_ index: Int, _ depth: Int) {
    if index > 0 { text += "," }
    newLine(depth)
  }

  private mutating func newLine(_ depth: Int) {
    if isIndented { text += "\n" + String(repeating: "  ", count: depth) }
  }

  private mutating func append(_ string: String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{8}": text += "\\b"
      case "\u{C}": text += "\\f"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
