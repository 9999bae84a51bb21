internal import OunceCore

/// One line of an architecture's table: what a tensor is called on both sides, and what happens to its numbers.
///
/// In patterns, `{i}` is the layer, `{e}` an expert, and a last component `*` stands for `weight` or `bias`, the same
/// on both sides. `{e}` only in the checkpoint's name means: stacked along a new first dimension.
struct TensorRule: Sendable {
  /// The pattern of the checkpoint's names, after `SourceNames`.
  let source: String
  /// The pattern of the GGUF name; nil: the tensor is left out.
  let target: String?
  /// Applied from left to right on the way to GGUF.
  let transforms: [any TensorTransform]
  /// Whether parts that are numbered by `{e}` lie one after the other instead of along a new dimension.
  private(set) var joinsRows = false
  /// Whether the tensor is written behind all others.
  private(set) var isLast = false
  /// The encoding in GGUF, whatever the output type; nil: the usual one.
  private(set) var encoding: String?

  init(_ source: String, _ target: String, _ transforms: any TensorTransform...) {
    self.init(source, target, transforms)
  }

  init(_ source: String, _ target: String, _ transforms: [any TensorTransform]) {
    self.source = source
    self.target = target
    self.transforms = transforms
  }

  private init(ignoring source: String) {
    self.source = source
    target = nil
    transforms = []
  }

  /// A tensor that checkpoints carry and GGUF does not.
  static func ignored(_ source: String) -> TensorRule { TensorRule(ignoring: source) }

  /// The same with parts that lie one after the other.
  var joiningRows: TensorRule {
    var rule = self
    rule.joinsRows = true
    return rule
  }

  /// The same for a tensor that is written behind all others.
  func written(last isLast: Bool) -> TensorRule {
    var rule = self
    rule.isLast = isLast
    return rule
  }

  /// The same with a tensor that is stored in one encoding, whatever the output type.
  func stored(as encoding: String) -> TensorRule {
    var rule = self
    rule.encoding = encoding
    return rule
  }

  /// Rules for the parts of a layer, with the prefix of each side written once.
  static func layers(
    _ source: String, _ rules: [TensorRule], to target: String = "blk.{i}."
  ) -> [TensorRule] {
    rules.map { rule in rule.prefixed(source, target) }
  }

  /// The rule for another name in the checkpoint.
  func renamed(_ change: (String) -> String) -> TensorRule {
    with(source: change(source), target: target)
  }

  /// The rule read from right to left: from GGUF to the checkpoint; nil for what GGUF does not hold. Its transforms are
  /// still those of the way to GGUF.
  var reversed: TensorRule? { target.map { with(source: $0, target: source) } }

  private func prefixed(_ source: String, _ target: String) -> TensorRule {
    with(source: source + self.source, target: self.target.map { target + $0 })
  }

  /// Whether one tensor becomes several, where this rule is read from right to left.
  var unstacks: Bool { !source.contains("{e}") && target?.contains("{e}") == true }

  /// The rule for a bias beside the weight, which fine-tunes may add to any projection; nil where the weight's numbers
  /// change on the way.
  fileprivate var ofBias: TensorRule? {
    guard let target, source.hasSuffix(".weight"), target.hasSuffix(".weight"), transforms.isEmpty, !stacks else {
      return nil
    }
    return with(source: source.dropLast(6) + "bias", target: target.dropLast(6) + "bias")
  }

  private func with(source: String, target: String?) -> TensorRule {
    var rule = TensorRule(source: source, target: target, transforms: transforms)
    rule.joinsRows = joinsRows
    rule.encoding = encoding
    rule.isLast = isLast
    return rule
  }

  private init(source: String, target: String?, transforms: [any TensorTransform]) {
    self.source = source
    self.target = target
    self.transforms = transforms
  }

  /// Whether several tensors become one.
  var stacks: Bool { source.contains("{e}") && target?.contains("{e}") == false }
}

/// A concrete name taken apart by a pattern.
struct NameMatch: Sendable {
  var layer: Int?
  var expert: Int?
  var suffix: String?

  /// The name that `pattern` gives for these parts.
  func fill(_ pattern: String) -> String {
    var name = pattern
    if let layer { name = name.substituting("{i}", with: String(layer)) }
    if let expert { name = name.substituting("{e}", with: String(expert)) }
    if let suffix, name.hasSuffix(".*") { name = name.dropLast(1) + suffix }
    return name
  }
}

/// The rules of an architecture, found by name in constant time, however many there are.
struct RuleTable: Sendable {
  private var rules: [String: [TensorRule]] = [:]

  init(_ rules: [TensorRule]) {
    for rule in rules { self.rules[rule.source, default: []].append(rule) }
    for rule in rules {
      guard let bias = rule.ofBias, self.rules[bias.source] == nil else { continue }
      self.rules[bias.source] = [bias]
    }
  }

  /// All rules for a name (several when it is split) with its parts; nil when there is none. Models that were saved
  /// without what is around them lack the outer module's name.
  func match(_ name: String) -> (rules: [TensorRule], match: NameMatch)? {
    whole(name) ?? whole("model." + name)
  }

  private func whole(_ name: String) -> (rules: [TensorRule], match: NameMatch)? {
    if let found = rules[name] { return (found, NameMatch()) }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    let numbers = parts.indices.filter { !parts[$0].isEmpty && parts[$0].utf8.allSatisfy { (48...57).contains($0) } }
    // Names such as `mlp.0.weight` hold numbers that are no layers: fewer placeholders are tried after more.
    for count in stride(from: min(numbers.count, 2), through: 0, by: -1) {
      var generic = parts
      var match = NameMatch()
      if count == 1 {
        // What is stacked without a layer.
        var stacked = parts
        stacked[numbers[0]] = "{e}"
        if let found = rules[stacked.joined(separator: ".")], let expert = Int(parts[numbers[0]]) {
          return (found, NameMatch(expert: expert))
        }
      }
      if count > 0 {
        generic[numbers[0]] = "{i}"
        match.layer = Int(parts[numbers[0]])
      }
      if count > 1 {
        generic[numbers[1]] = "{e}"
        match.expert = Int(parts[numbers[1]])
      }
      // A number that does not fit is no layer.
      if count > 0, match.layer == nil || count > 1 && match.expert == nil { continue }
      if let found = rules[generic.joined(separator: ".")] { return (found, match) }
      guard let last = generic.last, last == "weight" || last == "bias" else { continue }
      match.suffix = String(last)
      generic[generic.count - 1] = "*"
      if let found = rules[generic.joined(separator: ".")] { return (found, match) }
    }
    return nil
  }
}
