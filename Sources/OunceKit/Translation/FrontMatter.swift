internal import OunceCore

/// The YAML at the head of a model card, as far as model cards use it: mappings, lists, plain, quoted and block texts,
/// lists in brackets. What goes beyond (anchors, tags) is read as text.
struct FrontMatter {
  private struct Line {
    let indent: Int
    let text: String
  }

  private var lines: [Line] = []
  private var position = 0

  /// The mapping at the head of `card`; empty when there is none.
  static func parse(_ card: String) -> JSONObject {
    let lines = card.split(omittingEmptySubsequences: false) { $0.isNewline }
    guard lines.first == "---" else { return [:] }
    var matter = FrontMatter()
    for line in lines.dropFirst() {
      if line == "---" { break }
      let text = line.replacing("\t", with: "  ")
      let indent = text.prefix { $0 == " " }.count
      matter.lines.append(Line(indent: indent, text: String(text.dropFirst(indent))))
    }
    return matter.block(atLeast: 0, depth: 0).object ?? [:]
  }

  private var current: Line? { position < lines.count ? lines[position] : nil }

  private mutating func skipBlank() {
    while let line = current, line.text.isEmpty || line.text.hasPrefix("#") { position += 1 }
  }

  /// A mapping or a list whose lines are indented by at least `indent`.
  private mutating func block(atLeast indent: Int, depth: Int) -> JSON {
    skipBlank()
    guard let line = current, line.indent >= indent, depth < 32 else { return .null }
    return Self.isItem(line.text) ? list(line.indent, depth) : mapping(line.indent, depth)
  }

  private static func isItem(_ text: String) -> Bool { text == "-" || text.hasPrefix("- ") }

  private mutating func list(_ indent: Int, _ depth: Int) -> JSON {
    var values: [JSON] = []
    while true {
      skipBlank()
      guard let line = current, line.indent == indent, Self.isItem(line.text) else { break }
      let rest = String(line.text.dropFirst(2).drop { $0 == " " })
      if rest.isEmpty {
        position += 1
        values.append(block(atLeast: indent + 1, depth: depth + 1))
      } else if Self.key(of: rest) != nil {
        // A mapping that begins behind the dash.
        let inner = indent + line.text.count - rest.count
        lines[position] = Line(indent: inner, text: rest)
        values.append(mapping(inner, depth + 1))
      } else {
        position += 1
        // The Norwegian language is no falsehood.
        values.append(line.text == "- no" ? .string("no") : scalar(rest, indent))
      }
    }
    return .array(values)
  }

  private mutating func mapping(_ indent: Int, _ depth: Int) -> JSON {
    var members = JSONObject()
    while true {
      skipBlank()
      guard let line = current, line.indent == indent, let (key, rest) = Self.key(of: line.text) else { break }
      position += 1
      if rest.isEmpty || rest.hasPrefix("#") {
        skipBlank()
        // A list may stand at the same indent as its key.
        if let next = current, next.indent > indent || next.indent == indent && Self.isItem(next.text) {
          members[key] = block(atLeast: indent, depth: depth + 1)
        } else {
          members[key] = .null
        }
      } else if let style = rest.first, style == "|" || style == ">" {
        members[key] = .string(blockText(indent, isFolded: style == ">", chomps: rest.dropFirst().first))
      } else {
        members[key] = scalar(rest, indent)
      }
    }
    // A line that is neither key nor item would stop everything after it: it is passed over.
    if let line = current, line.indent > indent, depth == 0 {
      position += 1
      if case .object(let rest) = mapping(indent, depth) {
        for (key, value) in rest where members[key] == nil { members[key] = value }
      }
    }
    return .object(members)
  }

  /// `key: rest`; nil when the text is no such line.
  private static func key(of text: String) -> (key: String, rest: String)? {
    if let quote = text.first, quote == "\"" || quote == "'" {
      guard let end = text.dropFirst().firstIndex(of: quote) else { return nil }
      let rest = text[text.index(after: end)...]
      guard rest.hasPrefix(":") else { return nil }
      return (String(text[text.index(after: text.startIndex)..<end]), String(rest.dropFirst().drop { $0 == " " }))
    }
    guard
      let colon = text.indices.first(where: { index in
        text[index] == ":" && (text.index(after: index) == text.endIndex || text[text.index(after: index)] == " ")
      }), !"[{#&*!|>%@`".contains(text.first ?? "#")
    else { return nil }
    let rest = text[text.index(after: colon)...].drop { $0 == " " }
    return (String(text[..<colon]), String(rest))
  }

  private mutating func blockText(_ indent: Int, isFolded: Bool, chomps: Character?) -> String {
    var parts: [String] = []
    var inner: Int?
    while let line = current, line.text.isEmpty || line.indent > indent {
      let base = inner ?? line.indent
      if !line.text.isEmpty { inner = base }
      parts.append(String(repeating: " ", count: max(0, line.indent - base)) + line.text)
      position += 1
    }
    while parts.last?.isEmpty == true { parts.removeLast() }
    var text = ""
    for (index, part) in parts.enumerated() {
      if index > 0 {
        let breaks = !isFolded || part.isEmpty
        text += breaks ? "\n" : parts[index - 1].isEmpty ? "" : " "
      }
      text += part
    }
    return chomps == "-" || text.isEmpty ? text : text + "\n"
  }
}

extension FrontMatter {
  /// A value behind a key or a dash, with the lines that continue it.
  private mutating func scalar(_ text: String, _ indent: Int) -> JSON {
    var text = text
    if let first = text.first, first == "[" || first == "{" || first == "\"" || first == "'" {
      while !Self.isClosed(text), let line = current {
        text += (line.text.isEmpty ? "" : " ") + line.text
        position += 1
      }
      var rest = text[...]
      return Self.flow(&rest, depth: 0)
    }
    text = Self.withoutComment(text)
    while let line = current, line.indent > indent, !line.text.isEmpty {
      text += " " + Self.withoutComment(line.text)
      position += 1
    }
    return Self.typed(text)
  }

  private static func isClosed(_ text: String) -> Bool {
    guard let first = text.first else { return true }
    if first == "\"" || first == "'" { return text.dropFirst().contains(first) }
    return text.count { $0 == "[" || $0 == "{" } <= text.count { $0 == "]" || $0 == "}" }
  }

  private static func withoutComment(_ text: String) -> String {
    guard let mark = text.firstRange(of: " #") else { return trimmed(text) }
    return trimmed(text[..<mark.lowerBound])
  }

  private static func trimmed(_ text: some StringProtocol) -> String {
    var text = text[...]
    while text.last == " " { text.removeLast() }
    while text.first == " " { text.removeFirst() }
    return String(text)
  }

  /// A value in brackets, braces or quotes, or a plain one up to the next separator.
  private static func flow(_ text: inout Substring, depth: Int) -> JSON {
    text = text.drop { $0 == " " }
    guard let first = text.first, depth < 32 else { return .null }
    switch first {
    case "[":
      text.removeFirst()
      var values: [JSON] = []
      while true {
        text = text.drop { $0 == " " || $0 == "," }
        guard let next = text.first, next != "]" else { break }
        values.append(flow(&text, depth: depth + 1))
      }
      text = text.dropFirst()
      return .array(values)
    case "{":
      text.removeFirst()
      var members = JSONObject()
      while true {
        text = text.drop { $0 == " " || $0 == "," }
        guard let next = text.first, next != "}" else { break }
        let key = text.prefix { !":,}".contains($0) }
        text = text.dropFirst(key.count)
        if text.first == ":" { text.removeFirst() }
        members[trimmed(key)] = flow(&text, depth: depth + 1)
      }
      text = text.dropFirst()
      return .object(members)
    case "\"", "'": return .string(quoted(&text, first))
    default:
      let plain = depth == 0 ? text : text.prefix { !",]}".contains($0) }
      text = text.dropFirst(plain.count)
      return typed(trimmed(plain))
    }
  }

  private static func quoted(_ text: inout Substring, _ quote: Character) -> String {
    text.removeFirst()
    var result = ""
    while let next = text.popFirst() {
      if next == quote {
        guard quote == "'", text.first == "'" else { break }
        text.removeFirst()
        result.append("'")
      } else if next == "\\", quote == "\"", let escaped = text.popFirst() {
        result.append(escaped == "n" ? "\n" : escaped == "t" ? "\t" : escaped)
      } else {
        result.append(next)
      }
    }
    return result
  }

  /// A plain value with the type that YAML 1.1 gives it.
  private static func typed(_ text: String) -> JSON {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": return .bool(true)
    case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": return .bool(false)
    default: break
    }
    if text.utf8.allSatisfy({ (48...57).contains($0) || $0 == 45 || $0 == 43 }), let number = Int(text) {
      return .integer(number)
    }
    let isNumber = text.utf8.allSatisfy { (48...57).contains($0) || [43, 45, 46, 69, 101].contains($0) }
    if isNumber, text.contains("."), let number = Double(text) { return .double(number) }
    return .string(text)
  }
}
