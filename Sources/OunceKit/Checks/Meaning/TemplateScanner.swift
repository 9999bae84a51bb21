/// Reads a Jinja template once from left to right, without running anything: whether its tags, brackets and texts are
/// closed, and whether it names what no template has to do with.
///
/// | text | what |
/// |---|---|
/// | `{{ … }}` | an expression |
/// | `{% … %}` | a statement, which may open or close a part |
/// | `{# … #}` | a comment |
/// | `{% raw %}` … `{% endraw %}` | text, whatever is in it |
///
/// Specification: https://jinja.palletsprojects.com/en/stable/templates/
struct TemplateScanner {
  struct Problem: Equatable {
    /// From 1.
    let line: Int
    let text: String
  }

  /// Everything that is wrong, in the order of the lines. What does not parse ends the search.
  static func problems(in template: String) -> [Problem] {
    var scanner = TemplateScanner(bytes: Array(template.utf8))
    scanner.scan()
    return scanner.problems
  }

  private enum Token: Equatable {
    case name(String)
    case text(String)
    case sign(UInt8)
  }

  /// Statements that open a part, and the one that closes it.
  private static let parts = [
    "for": "endfor", "if": "endif", "macro": "endmacro", "call": "endcall", "filter": "endfilter", "with": "endwith",
    "block": "endblock", "autoescape": "endautoescape", "generation": "endgeneration",
  ]
  private static let lone: Set<String> = ["do", "break", "continue"]
  /// Statements that bring other files in.
  private static let acting: Set<String> = ["import", "from", "include", "extends"]
  /// Names that lead from any object of Python to its interpreter, also where they stand in a text that is looked up.
  private static let reaching = [
    "__class__", "__base__", "__bases__", "__mro__", "__subclasses__", "__globals__", "__builtins__", "__import__",
    "__init__", "__dict__", "__getattribute__", "__getattr__", "__code__", "__self__", "__reduce__", "__call__",
    "__loader__", "__spec__", "__module__", "__closure__", "__func__", "__getitem__",
  ]

  private let bytes: [UInt8]
  private var index = 0
  private var line = 1
  private var open: [(name: String, line: Int)] = []
  private var problems: [Problem] = []

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private func byte(_ offset: Int = 0) -> UInt8? {
    bytes.indices.contains(index + offset) ? bytes[index + offset] : nil
  }

  private mutating func step(_ count: Int = 1) {
    for place in index..<min(index + count, bytes.count) where bytes[place] == UInt8(ascii: "\n") { line += 1 }
    index = min(index + count, bytes.count)
  }

  private mutating func report(_ text: String, at line: Int? = nil) {
    // A template that repeats one problem says it once a line.
    let problem = Problem(line: line ?? self.line, text: text)
    if problems.last != problem { problems.append(problem) }
  }

  private mutating func scan() {
    while let next = byte() {
      guard next == UInt8(ascii: "{"), let kind = byte(1) else {
        step()
        continue
      }
      let isFine: Bool
      switch kind {
      case UInt8(ascii: "#"): isFine = skip(past: "#}", of: "a comment")
      case UInt8(ascii: "{"): isFine = code(closing: UInt8(ascii: "}"), "an expression") != nil
      case UInt8(ascii: "%"): isFine = statement()
      default:
        step()
        isFine = true
      }
      if !isFine || problems.count > Limits.findingsOfRule { return }
    }
    if let part = open.last { report("\"\(part.name)\" is not closed", at: part.line) }
  }

  /// Goes behind `end`; false: there is none.
  private mutating func skip(past end: StaticString, of what: String) -> Bool {
    let (first, begin) = (Array(end.description.utf8), line)
    step(2)
    while index < bytes.count {
      if bytes[index...].starts(with: first) {
        step(first.count)
        return true
      }
      step()
    }
    report("\(what) is not closed", at: begin)
    return false
  }

  /// Reads to `}}` or `%}`; nil: it is not closed.
  private mutating func code(closing: UInt8, _ what: String) -> [Token]? {
    let begin = line
    var tokens: [Token] = []
    var brackets: [UInt8] = []
    step(2)
    while let next = byte() {
      switch next {
      case UInt8(ascii: "-"), UInt8(ascii: "+"):
        step()
      case closing where brackets.isEmpty && byte(1) == UInt8(ascii: "}"):
        step(2)
        inspect(tokens, begin)
        return tokens
      case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"):
        brackets.append(next == UInt8(ascii: "(") ? UInt8(ascii: ")") : next + 2)
        tokens.append(.sign(next))
        step()
      case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
        guard brackets.popLast() == next else {
          report("\"\(Character(UnicodeScalar(next)))\" closes nothing")
          return nil
        }
        tokens.append(.sign(next))
        step()
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        guard let text = text(next) else {
          report("a text is not closed", at: begin)
          return nil
        }
        tokens.append(.text(text))
      case _ where Self.isLetter(next):
        let start = index
        while let next = byte(), Self.isLetter(next) || Self.isDigit(next) { step() }
        tokens.append(.name(String(decoding: bytes[start..<index], as: UTF8.self)))
      case _ where Self.isDigit(next):
        // Digits and what is glued to them are no name: 1e5.
        while let next = byte(), Self.isLetter(next) || Self.isDigit(next) { step() }
      default:
        if next > UInt8(ascii: " ") { tokens.append(.sign(next)) }
        step()
      }
    }
    report("\(what) is not closed", at: begin)
    return nil
  }

  /// A text in quotes, with its escapes as they are.
  private mutating func text(_ quote: UInt8) -> String? {
    let start = index + 1
    step()
    while let next = byte() {
      if next == quote {
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        step()
        return text
      }
      step(next == UInt8(ascii: "\\") ? 2 : 1)
    }
    return nil
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (65...90).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "_") || byte >= 0x80
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
}

extension TemplateScanner {
  private mutating func statement() -> Bool {
    let begin = line
    guard let tokens = code(closing: UInt8(ascii: "%"), "a statement") else { return false }
    guard case .name(let name)? = tokens.first else {
      report("a statement has no name", at: begin)
      return false
    }
    if name == "raw" { return raw(begin) }
    if Self.parts[name] != nil || name == "set" && !tokens.contains(.sign(UInt8(ascii: "="))) {
      open.append((name, begin))
    } else if name == "else" || name == "elif" {
      let part = open.last?.name
      guard part == "if" || part == "for" && name == "else" else {
        report("\"\(name)\" belongs to no \"if\"", at: begin)
        return false
      }
    } else if name.hasPrefix("end") {
      guard let part = open.popLast(), name == (Self.parts[part.name] ?? "endset") else {
        report("\"\(name.beginning)\" closes nothing", at: begin)
        return false
      }
    } else if Self.acting.contains(name) {
      report("\"\(name)\" brings other files in", at: begin)
    } else if name != "set", !Self.lone.contains(name) {
      report("\"\(name.beginning)\" is no statement of the language", at: begin)
    }
    return true
  }

  /// Goes behind `{% endraw %}`, with or without signs that trim.
  private mutating func raw(_ begin: Int) -> Bool {
    while index < bytes.count {
      if byte() == UInt8(ascii: "{"), byte(1) == UInt8(ascii: "%") {
        var place = index + 2
        func skip(_ isSkipped: (UInt8) -> Bool) {
          while place < bytes.count, isSkipped(bytes[place]) { place += 1 }
        }
        skip { $0 <= 32 || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
        if bytes[place...].starts(with: Array("endraw".utf8)) {
          place += 6
          skip { $0 <= 32 || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
          if bytes[place...].starts(with: Array("%}".utf8)) {
            step(place + 2 - index)
            return true
          }
        }
        // What was skipped holds no brace, so that nothing is read more than twice.
        step(max(2, place - index))
        continue
      }
      step()
    }
    report("\"raw\" is not closed", at: begin)
    return false
  }

  /// What tokens of one expression or statement reach for.
  private mutating func inspect(_ tokens: [Token], _ line: Int) {
    for (index, token) in tokens.enumerated() {
      let before = index > 0 ? tokens[index - 1] : nil
      switch token {
      case .name(let name) where name.hasPrefix("__"):
        report("reaches for \(name.beginning)", at: line)
      case .name(let name) where name.hasPrefix("_") && before == .sign(UInt8(ascii: ".")):
        report("reaches for the private \(name.beginning)", at: line)
      case .name("attr") where before == .sign(UInt8(ascii: "|")):
        report("looks attributes up by the filter attr", at: line)
      case .text(let text) where text.contains("__"):
        if let name = Self.reaching.first(where: { text.contains($0) }) { report("reaches for \(name)", at: line) }
      case .text(let text) where text.contains("\\x5f") || text.contains("\\u005f") || text.contains("\\137"):
        report("hides an underscore in a text", at: line)
      default: break
      }
    }
  }
}
