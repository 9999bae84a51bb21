internal import OunceCore
internal import OunceEncoding

/// Tensors of a GGUF file under the names of the checkpoint: the rules of an architecture from right to left.
struct TensorReversal {
  private let form: HuggingFaceForm
  private let checkpoint: Checkpoint
  private let source: ExportSource
  private let table: RuleTable
  /// How many rules share a source, by its pattern: what is split joins again.
  private let siblings: [String: [TensorRule]]

  init(_ form: HuggingFaceForm, _ checkpoint: Checkpoint, _ source: ExportSource) {
    self.form = form
    self.source = source
    self.checkpoint = checkpoint
    table = RuleTable(form.tensors.compactMap(\.reversed))
    var siblings: [String: [TensorRule]] = [:]
    for rule in form.tensors where rule.target != nil { siblings[rule.source, default: []].append(rule) }
    self.siblings = siblings
  }

  /// - Throws: `OunceError` that names the tensor, and the rule that has no inverse.
  func tensors() throws(OunceError) -> [Tensor] {
    var result: [Tensor] = []
    var done = Set<String>()
    for tensor in source.model.tensors where !HuggingFaceForm.computed.contains(tensor.info.name) {
      guard !done.contains(tensor.info.name) else { continue }
      guard let (rules, match) = table.match(tensor.info.name) else {
        throw OunceError(
          .unsupported, "the \(source.architectureName) rules know no place for it in a checkpoint",
          file: source.model.path, subject: "tensor \(tensor.info.name)",
          remedy: "--to safetensors writes it under its own name")
      }
      guard let (rule, parts) = choice(rules, match) else {
        throw noInverse(tensor.info.name, rules)
      }
      for part in parts { done.insert(part.tensor.info.name) }
      result += try restored(rule, parts, match)
    }
    return result
  }

  /// The first rule whose parts are all there, with the parts in the order of the rules.
  private func choice(_ rules: [TensorRule], _ match: NameMatch) -> (TensorRule, [RowProbe.Part])? {
    for rule in rules {
      guard let pattern = rule.target else { continue }
      let family = siblings[pattern] ?? []
      let parts = family.compactMap { sibling -> RowProbe.Part? in
        guard let tensor = source.tensor(match.fill(sibling.target ?? "")) else { return nil }
        return RowProbe.Part(tensor: tensor, transforms: sibling.transforms)
      }
      if parts.count == family.count { return (rule, parts) }
    }
    return nil
  }

  private func restored(
    _ rule: TensorRule, _ parts: [RowProbe.Part], _ match: NameMatch
  ) throws(OunceError) -> [Tensor] {
    let pattern = rule.target ?? ""
    guard rule.unstacks else {
      let name = form.name(match.fill(pattern), source)
      return [try inverse(parts, rule, name: name, match).asMatrix(where: HuggingFaceForm.singleRows)]
    }
    guard let whole = parts.first, parts.count == 1, !rule.joinsRows, whole.tensor.info.shape.count > 1 else {
      throw noInverse(rule.source, [rule])
    }
    let shape = whole.tensor.info.shape
    guard shape[0] <= Limits.modelSize else {
      throw OunceError(.malformed, "stacks \(shape[0]) parts", subject: "tensor \(whole.tensor.info.name)")
    }
    return try (0..<shape[0]).map { (expert) throws(OunceError) in
      let slice = try whole.tensor.gathering(1) { _ in expert }.reshaped(Array(shape.dropFirst()))
      var place = match
      place.expert = expert
      let name = form.name(place.fill(pattern), source)
      return try inverse([.init(tensor: slice, transforms: whole.transforms)], rule, name: name, place)
    }
  }

  /// Transforms undone: those that know how from both ends, what chooses rows between them by probing.
  private func inverse(
    _ parts: [RowProbe.Part], _ rule: TensorRule, name: String, _ match: NameMatch
  ) throws(OunceError) -> Tensor {
    let hasTransforms = parts.contains { !$0.transforms.isEmpty }
    var parts = parts
    if hasTransforms {
      parts = try parts.map { (part) throws(OunceError) in
        .init(tensor: try part.tensor.decoded(), transforms: part.transforms)
      }
    }
    // What was applied last is undone first.
    for index in parts.indices {
      var (tensor, transforms) = (parts[index].tensor, parts[index].transforms)
      while let inverse = transforms.last?.inverse {
        transforms.removeLast()
        tensor = try inverse.apply(tensor, checkpoint, match)
      }
      parts[index] = .init(tensor: tensor, transforms: transforms)
    }
    guard parts.count > 1 || parts.contains(where: { !$0.transforms.isEmpty }) else {
      guard let only = parts.first else { throw noInverse(rule.source, [rule]) }
      return only.tensor.renamed(name)
    }
    let leading = parts.first.map { $0.transforms.prefix { $0.inverse != nil } } ?? []
    let rest = parts.map { RowProbe.Part(tensor: $0.tensor, transforms: Array($0.transforms.dropFirst(leading.count))) }
    guard var joined = try RowProbe.joined(rest, name: name, checkpoint, match) else {
      throw noInverse(match.fill(rule.source), [rule])
    }
    for transform in leading.reversed() {
      if let inverse = transform.inverse { joined = try inverse.apply(joined, checkpoint, match) }
    }
    return joined.renamed(name)
  }

  private func noInverse(_ name: String, _ rules: [TensorRule]) -> OunceError {
    let listed = rules.map { rule in
      let steps = rule.transforms.map { "\(type(of: $0))" }.joined(separator: ", ")
      return "\(rule.target ?? "") → \(rule.source)" + (steps.isEmpty ? "" : " (\(steps))")
    }
    return OunceError(
      .unsupported, "the rule \(listed.joined(separator: " or ")) has no way back", subject: "tensor \(name)",
      remedy: "--to safetensors writes it under its own name")
  }
}

extension Tensor {
  /// A row as a matrix of one row, where the checkpoint's name ends so: llama-quantize drops the size of 1.
  fileprivate func asMatrix(where endings: [String]) throws(OunceError) -> Tensor {
    guard info.shape.count == 1, endings.contains(where: { info.name.hasSuffix($0) }) else { return self }
    return try reshaped([1] + info.shape)
  }

  /// Blocks as floats, so that elements can be moved and computed with.
  func decoded() throws(OunceError) -> Tensor {
    guard info.encoding.kind == .quantized else { return self }
    guard let target = Encodings.named("F32") as? any WritableEncoding else {
      throw OunceError(.unsupported, "F32 is not in the catalog")
    }
    let data = Mapped(data, from: info.encoding, to: target, columnCount: info.columnCount) { _ in }
    return try Tensor(name: info.name, shape: info.shape, encoding: target, data: data)
  }
}
