internal import OrderedCollections
internal import OunceContainers
public import OunceCore
internal import OunceEncoding

/// A transform that only takes rows from other places: of a product, it takes rows of the left factor.
protocol RowTransform: TensorTransform {}

extension Interleaved: RowTransform {}
extension RowSlice: RowTransform {}
extension Rows: RowTransform {}
extension FusedHeads: RowTransform {}
extension GroupedPart: RowTransform {}
extension HalvesApart: RowTransform {}

extension Architecture {
  /// The rules for a tensor of the checkpoint, and the parts of its name; nil: there are none.
  func rules(
    for name: String, in table: RuleTable, _ checkpoint: Checkpoint
  ) throws(OunceError) -> (rules: [TensorRule], match: NameMatch)? {
    guard let cleaned = names.cleaned(name), let known = try rename(cleaned, checkpoint) else { return nil }
    return table.match(known)
  }
}

extension Adapter {
  /// Plans the GGUF file that llama.cpp adds to a model with `--lora`: two tensors, `lora_a` and `lora_b`, for each
  /// weight, under the names and in the order of rows that the base model has as GGUF.
  ///
  /// llama.cpp knows one alpha for all weights and divides it by each weight's rank. Where the adapter's own scale is
  /// another one, `lora_b` holds the quotient.
  ///
  /// - Parameters:
  ///   - base: the checkpoint folder of the model that the adapter was trained on; only its configuration counts.
  ///   - dtype: the encoding of the factors; nil: F32.
  /// - Throws: `OunceError` when the family is unknown, or llama.cpp's adapters cannot hold what this one does.
  public func plan(
    base: Model, dtype: String? = nil, output: String? = nil, options: TranslationOptions = .init()
  ) throws(OunceError) -> Plan {
    let (checkpoint, architecture) = try base.checkpoint(options)
    let tensors = try translated(checkpoint, architecture)
    let outputType = dtype ?? "F32"
    var infos: [TensorInfo] = []
    for tensor in tensors {
      let encoding = try Encodings.require(tensor.info.adapterEncoding(outputType))
      infos.append(try TensorInfo(name: tensor.info.name, shape: tensor.info.shape, encoding: encoding))
    }
    let (metadata, name) = try metadata(checkpoint, options)
    let fileName = name.fileStem(encoding: outputType) + "-LoRA.gguf"
    let path = output.map { Paths.isFolder($0) ? Paths.join($0, fileName) : $0 } ?? fileName
    let layout = try GGUFContainer().layout(metadata, infos)
    var planned = PlannedFiles()
    planned.add(path, layout, tensors, as: infos)
    return Plan(planned, notes: checkpoint.notes, inputs: files)
  }

  private func metadata(
    _ checkpoint: Checkpoint, _ options: TranslationOptions
  ) throws(OunceError) -> (Metadata, ModelName) {
    // The card and the name are the adapter's own.
    let own = Model(path: path, container: "safetensors", companions: companions, files: files)
    let card = Checkpoint(
      model: own, options: options, configuration: checkpoint.configuration,
      architectureName: checkpoint.architectureName, className: checkpoint.className)
    let general = try GeneralMetadata(card, parameters: [Tensor]().parameters)
    var writer = MetadataWriter(architectureName: checkpoint.architectureName)
    writer.set("general.architecture", .string(checkpoint.architectureName))
    writer.set("general.type", .string("adapter"))
    writer.set("adapter.type", .string("lora"))
    general.write(to: &writer)
    writer.set("adapter.lora.alpha", .float32(Float(settings.alpha)))
    if !settings.invocationTokens.isEmpty {
      writer.set(
        "adapter.alora.invocation_tokens", .array(.uint32(settings.invocationTokens.map { UInt32(clamping: $0) })))
    }
    writer.set("general.quantization_version", .uint32(2))
    return (writer.metadata, general.name)
  }

  /// The factors under GGUF names, in the order of the adapter's tensors.
  private func translated(
    _ checkpoint: Checkpoint, _ architecture: Architecture
  ) throws(OunceError) -> [Tensor] {
    let table = RuleTable(architecture.tensors)
    var result: [Tensor] = []
    var stacks = try ProductStacks(architecture, self, checkpoint, table)
    for (name, change) in changes {
      guard let (rules, match) = try architecture.rules(for: name, in: table, checkpoint) else {
        throw OunceError(
          .unsupported, "the \(architecture.name) rules know no such tensor", file: path, subject: "tensor \(name)",
          remedy: "the adapter was made for another model than \(checkpoint.model.path)")
      }
      do throws(OunceError) {
        for rule in rules {
          guard let target = rule.target.map(match.fill) else { continue }
          if let replacement = change.replacement, try !change.keepsBase(checkpoint) {
            guard replacement.info.shape.count == 1 else { throw Self.cannotHold("whole matrices") }
            var view = replacement
            for transform in rule.transforms { view = try transform.apply(view, checkpoint, match) }
            result.append(view.renamed(target))
          }
          guard var product = try product(change, name) else { continue }
          for transform in rule.transforms { product = try product.applying(transform, checkpoint, match) }
          if rule.stacks {
            result += try stacks.add(product, rule, match)
          } else {
            result += try product.tensors(target)
          }
        }
      } catch { throw error.located(file: path, subject: "tensor \(name)") }
    }
    return result
  }

  private static func cannotHold(_ what: String) -> OunceError {
    OunceError(
      .unsupported, "llama.cpp's adapters cannot hold \(what)",
      remedy: "merge the adapter into the model instead: ounce quantize MODEL --lora ADAPTER --to …")
  }

  private func product(_ change: Change, _ name: String) throws(OunceError) -> Product? {
    guard let a = change.a, let b = change.b else { return nil }
    if change.magnitude != nil { throw Self.cannotHold("magnitudes (DoRA)") }
    if change.bias != nil { throw Self.cannotHold("biases") }
    let rank = a.info.shape[0]
    let factor = change.scale / Float(settings.alpha / Double(rank))
    let left = factor == 1 ? b : try b.scaled(by: factor)
    return isTransposed && !change.isEmbedding
      ? Product(a: try left.exchangingLastDimensions(), b: try a.exchangingLastDimensions())
      : Product(a: a, b: left)
  }
}

extension Adapter.Change {
  /// Whether the replacement is the base's own tensor: no tokens were added to it.
  fileprivate func keepsBase(_ checkpoint: Checkpoint) throws(OunceError) -> Bool {
    guard isBaseLayer, let rows = replacement?.info.shape.first else { return false }
    return rows == checkpoint.configuration.integer("vocab_size")
  }
}

/// A matrix as the product of two: `b` of the rows and `a` of the columns.
private struct Product: Sendable {
  var a: Tensor
  var b: Tensor

  /// The factors of the transformed matrix.
  func applying(
    _ transform: any TensorTransform, _ checkpoint: Checkpoint, _ match: NameMatch
  ) throws(OunceError) -> Product {
    if transform is any RowTransform { return Product(a: a, b: try transform.apply(b, checkpoint, match)) }
    if transform is Exchanged {
      return Product(a: try b.exchangingLastDimensions(), b: try a.exchangingLastDimensions())
    }
    throw OunceError(
      .unsupported, "the family changes this weight in a way that is no product of two factors",
      remedy: "merge the adapter into the model instead: ounce quantize MODEL --lora ADAPTER --to …")
  }

  /// The two tensors of a GGUF adapter. llama.cpp takes rows of the embedding's first factor.
  func tensors(_ name: String) throws(OunceError) -> [Tensor] {
    let first = name == "token_embd.weight" ? try a.exchangingLastDimensions() : a
    return [first.renamed(name + ".lora_a"), b.renamed(name + ".lora_b")]
  }
}

/// Products of experts that wait until their layer is complete: the stacks of a layer leave together, in the order of
/// the rules.
private struct ProductStacks {
  private let targets: [String]
  private var parts: [Int: [String: [Int: Product]]] = [:]
  /// How many parts of each layer are still to come.
  private var remaining: [Int: Int] = [:]

  init(_ architecture: Architecture, _ adapter: Adapter, _ checkpoint: Checkpoint, _ table: RuleTable)
    throws(OunceError)
  {
    targets = architecture.tensors.filter(\.stacks).compactMap(\.target)
    for (name, change) in adapter.changes where change.a != nil {
      guard let (rules, match) = try architecture.rules(for: name, in: table, checkpoint) else { continue }
      for rule in rules where rule.stacks { remaining[match.layer ?? 0, default: 0] += 1 }
    }
  }

  /// Takes a part; gives the factors of the layer's stacks when it was the last.
  mutating func add(_ product: Product, _ rule: TensorRule, _ match: NameMatch) throws(OunceError) -> [Tensor] {
    guard let target = rule.target, let expert = match.expert else { return [] }
    let layer = match.layer ?? 0
    parts[layer, default: [:]][target, default: [:]][expert] = product
    remaining[layer, default: 0] -= 1
    guard remaining[layer] == 0, let stacks = parts.removeValue(forKey: layer) else { return [] }
    var result: [Tensor] = []
    for target in targets {
      guard let stack = stacks[target] else { continue }
      let name = match.fill(target)
      let experts = stack.keys.sorted()
      if let missing = experts.indices.first(where: { experts[$0] != $0 }) {
        throw OunceError(
          .malformed, "expert \(missing) is missing", subject: "tensor \(name)",
          remedy: "merge the adapter into the model instead: ounce quantize MODEL --lora ADAPTER --to …")
      }
      let products = experts.compactMap { stack[$0] }
      let whole = Product(
        a: try Tensor.stacked(products.map(\.a), name: name), b: try Tensor.stacked(products.map(\.b), name: name))
      result += try whole.tensors(name)
    }
    return result
  }
}

extension Tensor {
  /// The same numbers times `factor`, as F32.
  fileprivate func scaled(by factor: Float) throws(OunceError) -> Tensor {
    guard let f32 = Encodings.writable("F32") else { throw OunceError(.unsupported, "there is no encoding F32") }
    return try Tensor(
      name: info.name, shape: info.shape, encoding: f32,
      data: Mapped(data, from: info.encoding, to: f32, columnCount: info.columnCount) { elements in
        for index in elements.indices { elements[index] *= factor }
      })
  }
}

extension TensorInfo {
  /// The encoding of a factor: vectors and norms stay F32, and rows that are no whole blocks become F16.
  fileprivate func adapterEncoding(_ outputType: String) -> String {
    if shape.count <= 1 || name.hasSuffix("_norm.weight") { return "F32" }
    let block = Encodings.named(outputType)?.elementsPerBlock ?? 1
    return columnCount % block == 0 ? outputType : "F16"
  }
}
