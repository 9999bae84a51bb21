internal import OunceCore

/// Tensors by the rules of an architecture, in the order in which the reference converter meets them.
extension Checkpoint {
  /// - Throws: `OunceError` naming the tensors that no rule knows.
  mutating func translateTensors(by architecture: Architecture) throws(OunceError) -> [Tensor] {
    let table = RuleTable(architecture.tensors)
    let computed = try architecture.computed(self)
    var result: [Tensor] = []
    var last: [Tensor] = []
    var unknown: [String] = []
    var found: [(tensor: Tensor, rules: [TensorRule], match: NameMatch)] = []
    var stackedParts: [Int: Int] = [:]
    let sources = try dequantized(orderedTensors, by: architecture.unscale)
    for tensor in sources.tensors {
      guard let cleaned = architecture.names.cleaned(tensor.info.name),
        let renamed = try architecture.rename(cleaned, self)
      else { continue }
      for name in try architecture.repeated(renamed, self) {
        guard let (rules, match) = table.match(name) else {
          unknown.append(tensor.info.name)
          continue
        }
        try checkLayer(match, of: tensor)
        for rule in rules where rule.stacks { stackedParts[ExpertStacks.group(rule, match), default: 0] += 1 }
        found.append((tensor, rules, match))
      }
    }
    var stacks = ExpertStacks(architecture.tensors, remaining: stackedParts)
    for (tensor, rules, match) in found {
      for rule in rules {
        guard let target = rule.target else { continue }
        var view = tensor
        for transform in rule.transforms { view = try transform.apply(view, self, match) }
        let finished = rule.stacks ? try stacks.add(view, rule, match) : [view.renamed(match.fill(target))]
        let isWanted8 = options.storesFP8AsQ8 && sources.wereFP8.contains(tensor.info.name)
        let own =
          keepsEncodings && ["BF16", "F32"].contains(tensor.info.encoding.name) ? tensor.info.encoding.name : nil
        if let encoding = rule.encoding ?? (isWanted8 ? "Q8_0" : own) {
          for tensor in finished { forcedEncodings[tensor.info.name] = encoding }
        }
        if rule.isLast { last += finished } else { result += finished }
      }
    }
    result = computed + (try Fusion(self).apply(to: result, &forcedEncodings)) + last
    guard unknown.isEmpty else { throw unmapped(unknown, architecture) }
    try checkUnique(result)
    return result
  }

  /// By file, and by name inside each: Python's order of UTF-8 strings.
  var orderedTensors: [Tensor] {
    var ranks: [String: Int] = [:]
    for (index, file) in model.files.enumerated() { ranks[file.path] = index }
    let keyed = model.tensors.map { tensor in
      (rank: ranks[(tensor.data as? FileRegion)?.file.path ?? ""] ?? 0, name: Array(tensor.info.name.utf8), tensor)
    }
    return keyed.sorted { a, b in
      a.rank != b.rank ? a.rank < b.rank : a.name.lexicographicallyPrecedes(b.name)
    }.map(\.2)
  }

  private func checkLayer(_ match: NameMatch, of tensor: Tensor) throws(OunceError) {
    guard let layer = match.layer, layer >= Limits.blocks else { return }
    throw OunceError(
      .malformed, "belongs to layer \(layer), beyond the limit of \(Limits.blocks)",
      subject: "tensor \(tensor.info.name)")
  }

  private func unmapped(_ names: [String], _ architecture: Architecture) -> OunceError {
    let shown = names.prefix(5).joined(separator: ", ")
    let more = names.count > 5 ? " and \(names.count - 5) more" : ""
    return OunceError(
      .unsupported, "the \(architecture.name) rules know no place for \(shown)\(more)", file: model.path,
      remedy: "the checkpoint may be of a newer variant; --no-map converts tensors 1:1 under their own names")
  }

  private func checkUnique(_ tensors: [Tensor]) throws(OunceError) {
    var seen = Set<String>()
    for tensor in tensors where !seen.insert(tensor.info.name).inserted {
      throw OunceError(
        .malformed, "two tensors of the checkpoint become \(tensor.info.name)", file: model.path,
        remedy: "the folder may hold the same weights twice; remove one")
    }
  }
}

/// Experts that wait until their layer is complete. The stacks of one layer leave together, in the order of the rules.
private struct ExpertStacks {
  private struct Stack {
    let order: Int
    let joinsRows: Bool
    var parts: [Int: Tensor] = [:]
  }
  /// The stacks that leave together: those of a layer, and what lies one after the other apart from them.
  static func group(_ rule: TensorRule, _ match: NameMatch) -> Int {
    (match.layer ?? 0) * 2 + (rule.joinsRows ? 1 : 0)
  }

  /// By group, then by target name.
  private var layers: [Int: [String: Stack]] = [:]
  /// How many parts of each group are still to come.
  private var remaining: [Int: Int]
  private let orders: [String: Int]

  init(_ rules: [TensorRule], remaining: [Int: Int]) {
    self.remaining = remaining
    let targets = rules.filter(\.stacks).compactMap(\.target)
    orders = Dictionary(targets.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Takes a part; returns the stacks of its layer when it was the last.
  mutating func add(_ tensor: Tensor, _ rule: TensorRule, _ match: NameMatch) throws(OunceError) -> [Tensor] {
    guard let target = rule.target, let expert = match.expert else { return [] }
    let group = Self.group(rule, match)
    let empty = Stack(order: orders[target] ?? 0, joinsRows: rule.joinsRows)
    layers[group, default: [:]][match.fill(target), default: empty].parts[expert] = tensor
    remaining[group, default: 0] -= 1
    guard remaining[group] == 0 else { return [] }
    return try finish(group)
  }

  private mutating func finish(_ group: Int) throws(OunceError) -> [Tensor] {
    var result: [Tensor] = []
    for (name, stack) in (layers.removeValue(forKey: group) ?? [:]).sorted(by: { $0.value.order < $1.value.order }) {
      let experts = stack.parts.keys.sorted()
      if let missing = experts.indices.first(where: { experts[$0] != $0 }) {
        throw OunceError(
          .malformed, "expert \(missing) is missing", subject: "tensor \(name)",
          remedy: "a shard may be missing; download all files of the model")
      }
      let parts = experts.compactMap { stack.parts[$0] }
      result.append(
        stack.joinsRows
          ? try Tensor.concatenated(parts, name: name).renamed(name) : try Tensor.stacked(parts, name: name))
    }
    return result
  }
}
