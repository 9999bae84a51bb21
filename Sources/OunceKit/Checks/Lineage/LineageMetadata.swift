internal import OrderedCollections
internal import OunceCore

/// What GGUF says of a model beside its tensors, compared with what its source leads to.
struct LineageMetadata {
  let source: Metadata
  let checked: Metadata
  let file: String

  private static let template = "tokenizer.chat_template"
  private static let vocabulary = ["tokenizer.ggml.tokens", "tokenizer.ggml.model"]

  /// What was not looked at.
  private(set) var notes: [String] = []
  private(set) var findings: [Finding] = []

  init(source: Metadata, checked: Metadata, file: String) {
    (self.source, self.checked, self.file) = (source, checked, file)
    let (here, there) = (Self.family(checked), Self.family(source))
    guard here == there else {
      findings.append(
        LineageSettings().finding(
          "is \(here ?? "missing"), but the source gives \(there ?? "none")", file: file,
          subject: "general.architecture"))
      return
    }
    let keys = Set(source.keys).union(checked.keys)
    let hasVocabulary = (
      source: Self.vocabulary.contains { source[$0] != nil }, checked: Self.vocabulary.contains { checked[$0] != nil }
    )
    if !hasVocabulary.source {
      notes.append("tokenizer: the source has none")
    } else if !hasVocabulary.checked {
      findings.append(LineageTokenizer().finding("the tokenizer of the source is missing", file: file))
    }
    let comparesTokenizer = hasVocabulary.source && hasVocabulary.checked
    func isCompared(_ key: String) -> Bool {
      if key.hasPrefix("tokenizer.") { return comparesTokenizer }
      return here.map { key.hasPrefix("\($0).") } ?? false
    }
    for key in keys.filter(isCompared).sorted() { compare(key) }
    findings = findings.capped
  }

  private static func family(_ metadata: Metadata) -> String? { metadata["general.architecture"]?.string }

  private static func rule(_ key: String) -> any LineageRule {
    if key.hasPrefix(template) { return LineageTemplate() }
    return key.hasPrefix("tokenizer.") ? LineageTokenizer() : LineageSettings()
  }

  private mutating func compare(_ key: String) {
    let rule = Self.rule(key)
    func add(_ message: String, _ severity: Severity) {
      var found = rule.finding(message, file: file, subject: key)
      found.severity = severity
      findings.append(found)
    }
    switch (source[key], checked[key]) {
    case (let expected?, let found?) where !found.isSame(as: expected):
      // A name without any code stands for a template that programs have: the checkpoint has none of its own.
      if rule is LineageTemplate, expected.string?.contains("{") == false { break }
      // Several names may stand for the same steps, and users may choose one.
      add(message(key, expected, found), key == "tokenizer.ggml.pre" ? .warning : .error)
    // What is not set is what programs assume.
    case (.bool(false)?, nil): break
    case (let expected?, nil) where expected.integer == 0 && rule is LineageSettings: break
    case (let expected?, nil):
      // What programs assume then may be right.
      add("is missing, but the source gives \(expected.shown)", rule is LineageTemplate ? .error : .warning)
    case (nil, .bool(false)?): break
    case (nil, let found?):
      add("is \(found.shown), of which the source says nothing", rule is LineageTemplate ? .warning : .note)
    default: break
    }
  }

  private func message(_ key: String, _ expected: MetadataValue, _ found: MetadataValue) -> String {
    if case (.string(let a), .string(let b)) = (expected, found), max(a.utf8.count, b.utf8.count) > 60 {
      let same = zip(a.utf8, b.utf8).prefix { $0 == $1 }.count
      return "differs from the source's from byte \(same) on (\(b.utf8.count) bytes, there \(a.utf8.count))"
    }
    guard case (.array(let a), .array(let b)) = (expected, found) else {
      return "is \(found.shown), but the source gives \(expected.shown)"
    }
    guard a.count == b.count else { return "has \(b.count) entries, but the source gives \(a.count)" }
    guard
      let elements = MetadataDifference.list([key: expected], [key: found]).first?.elements, elements.count > 0
    else { return "has other entries than the source gives" }
    var text = "\(elements.count) of \(a.count) entries are others, the first is number \(elements.first)"
    if let (x, y) = a.entries(b, elements.first) { text += ": \(y), where the source gives \(x)" }
    return text
  }
}

extension MetadataValue {
  fileprivate var shown: String {
    switch self {
    case .string(let value): value.utf8.count > 60 ? "a text of \(value.utf8.count) bytes" : "\"\(value)\""
    case .bytes(let value): "\(value.count) bytes that are no text"
    case .array(let array): "a list of \(array.count)"
    case .bool(let value): "\(value)"
    default: number.map { integer.map(String.init) ?? "\(Float($0))" } ?? "another value"
    }
  }

  /// A number of any width.
  fileprivate var number: Double? {
    switch self {
    case .float32(let value): Double(value)
    case .float64(let value): value
    default: integer.map(Double.init)
    }
  }

  /// Whether programs read the same: widths of numbers do not matter, nor lists of one number for all blocks.
  fileprivate func isSame(as other: MetadataValue) -> Bool {
    if let a = number, let b = other.number { return Self.isSame(a, b) }
    switch (self, other) {
    case (.string(let a), .string(let b)): return ExactString(a) == ExactString(b)
    case (.array(let list), .array(let otherList)):
      if list == otherList { return true }
      guard list.count == otherList.count, let a = list.numbers, let b = otherList.numbers else { return false }
      return zip(a, b).allSatisfy { Self.isSame($0, $1) }
    case (.array(let list), _):
      guard let number = other.number, let numbers = list.numbers else { return false }
      return !numbers.isEmpty && numbers.allSatisfy { Self.isSame($0, number) }
    case (_, .array(let list)):
      guard let number, let numbers = list.numbers else { return false }
      return !numbers.isEmpty && numbers.allSatisfy { Self.isSame($0, number) }
    default: return self == other
    }
  }

  private static func isSame(_ a: Double, _ b: Double) -> Bool {
    a == b || (a.isNaN && b.isNaN) || (a - b).magnitude <= 1e-6 * max(a.magnitude, b.magnitude)
  }
}

extension MetadataArray {
  /// Numbers of any width; nil: they are none.
  fileprivate var numbers: [Double]? {
    switch self {
    case .float32(let values): values.map(Double.init)
    case .float64(let values): values
    case .bool(let values): values.map { $0 ? 1 : 0 }
    default: integers.map { $0.map(Double.init) }
    }
  }

  /// An entry of each, as people read it.
  fileprivate func entries(_ other: MetadataArray, _ index: Int) -> (String, String)? {
    switch (self, other) {
    case (.strings(let a), .strings(let b)):
      guard a.indices.contains(index), b.indices.contains(index) else { return nil }
      return ("\"\(a[index].beginning)\"", "\"\(b[index].beginning)\"")
    default:
      guard let a = numbers, let b = other.numbers, a.indices.contains(index), b.indices.contains(index) else {
        return nil
      }
      return (a[index].shown, b[index].shown)
    }
  }
}

extension Double {
  fileprivate var shown: String { Int(exactly: self).map(String.init) ?? FigureText.significant(self) }
}
