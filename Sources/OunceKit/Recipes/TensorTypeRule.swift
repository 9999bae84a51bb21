public import OunceCore

/// A user's own rule: tensors whose name matches get this encoding, whatever the recipe says (`--tensor-type` of
/// llama-quantize). Of several rules that match, the first decides.
public struct TensorTypeRule: Sendable, Equatable {
  /// A regular expression that is searched in the name. llama-quantize lowers its letters, and so does this.
  public let pattern: String
  /// The name of the encoding.
  public let encoding: String

  /// - Throws: `OunceError` when the pattern is none, or the encoding cannot be written.
  public init(pattern: String, encoding: String) throws(OunceError) {
    self.pattern = pattern.lowercased()
    do { _ = try Regex(self.pattern) } catch {
      throw OunceError(.request, "\(pattern) is no regular expression", remedy: "escape ( [ { . * + ? with \\")
    }
    guard let found = Encodings.writable(encoding), found.ggmlType != nil else {
      let near = NearNames.find(encoding, among: Encodings.all.map(\.name))
      throw OunceError(
        .request, "\(pattern)=\(encoding): GGUF has no type \(encoding) that can be written",
        remedy: near.isEmpty ? "`ounce formats --encodings` lists all" : "did you mean \(near.joined(separator: ", "))?"
      )
    }
    self.encoding = found.name
  }

  /// Reads `PATTERN=TYPE`.
  public init(_ text: String) throws(OunceError) {
    // The pattern ends at the first sign, as in llama-quantize.
    guard let sign = text.firstIndex(of: "="), sign != text.startIndex, text.index(after: sign) != text.endIndex else {
      throw OunceError(
        .request, "\(text) is no rule for tensors", remedy: "write PATTERN=TYPE, such as 'ffn_down=q6_k'")
    }
    try self.init(pattern: String(text[..<sign]), encoding: String(text[text.index(after: sign)...]))
  }

  /// Reads a file of rules, separated by spaces or line ends.
  public static func rules(in file: InputFile) throws(OunceError) -> [TensorTypeRule] {
    let bytes = try file.wholeContent(atMost: Limits.ruleFileByteCount)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw OunceError(
        .malformed, "is not UTF-8", file: file.path, remedy: "write rules as text, one PATTERN=TYPE a line")
    }
    var rules: [TensorTypeRule] = []
    for word in text.split(whereSeparator: \.isWhitespace) {
      do { rules.append(try TensorTypeRule(String(word))) } catch { throw error.located(file: file.path) }
    }
    return rules
  }
}

/// Which of a user's rules decided what, so that a rule without any effect is an error and no riddle.
struct TensorTypeRules {
  private let rules: [TensorTypeRule]
  private let patterns: [Regex<AnyRegexOutput>]
  /// What is known of each rule.
  private var outcomes: [Outcome]

  private enum Outcome: Comparable {
    case unmatched
    /// An earlier rule or another option decided all of its tensors.
    case overruled
    /// All of its tensors keep their type in every recipe.
    case untouchable
    case used
  }

  init(_ rules: [TensorTypeRule]) throws(OunceError) {
    self.rules = rules
    var patterns: [Regex<AnyRegexOutput>] = []
    for rule in rules {
      do { patterns.append(try Regex(rule.pattern)) } catch {
        throw OunceError(.request, "\(rule.pattern) is no regular expression")
      }
    }
    self.patterns = patterns
    outcomes = Array(repeating: .unmatched, count: rules.count)
  }

  /// The encoding that the first matching rule gives a tensor; nil: none matches.
  ///
  /// - Parameters:
  ///   - isOpen: whether rules may decide this tensor; else what matches is only counted.
  /// - Throws: `OunceError` when the tensor's rows are no whole blocks of the encoding.
  mutating func encoding(for info: TensorInfo, isOpen: Bool, keeps: String) throws(OunceError) -> String? {
    var decided: String?
    for index in rules.indices where info.name.contains(patterns[index]) {
      if decided != nil {
        outcomes[index] = max(outcomes[index], .overruled)
        continue
      }
      guard isOpen else {
        // A rule that asks for what the tensor has anyway is obeyed.
        outcomes[index] = max(outcomes[index], rules[index].encoding == keeps ? .used : .untouchable)
        continue
      }
      try info.checkFits(rules[index].encoding, asked: "--tensor-type \(rules[index].pattern)=\(rules[index].encoding)")
      outcomes[index] = .used
      decided = rules[index].encoding
    }
    return decided
  }

  /// - Throws: `OunceError` that names the first rule that had no effect.
  func checkUse(path: String) throws(OunceError) {
    for (rule, outcome) in zip(rules, outcomes) where outcome != .used {
      let reason =
        switch outcome {
        case .unmatched: "matches no tensor"
        case .overruled: "matches only tensors that an earlier rule or another option decides"
        default: "matches only tensors that are never quantized, such as norms and biases"
        }
      throw OunceError(
        .request, "--tensor-type \(rule.pattern)=\(rule.encoding) \(reason)", file: path,
        remedy: "`ounce quantize … --dry-run` without the rule lists the names")
    }
  }
}

extension TensorInfo {
  /// - Throws: `OunceError` when rows are no whole blocks of `encoding`, which a user asked for.
  func checkFits(_ encoding: String, asked option: String) throws(OunceError) {
    let block = try Encodings.require(encoding).elementsPerBlock
    guard columnCount % block != 0 else { return }
    throw OunceError(
      .request, "\(option) asks for blocks of \(block), but its rows have \(columnCount) elements",
      subject: "tensor \(name)", remedy: "choose a type of blocks of 32 or less, or F16, for this tensor")
  }
}
