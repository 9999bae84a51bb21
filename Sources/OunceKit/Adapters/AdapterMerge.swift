internal import OrderedCollections
public import OunceCore
internal import OunceEncoding

extension Model {
  /// This checkpoint with the weights of adapters added, one after the other. Nothing is computed before rows are read.
  ///
  /// Sums are rounded once, to the type that the tensor has.
  ///
  /// - Throws: `OunceError` when an adapter was made for another model: it names a tensor that is not there, or one of
  ///   another shape.
  public func merging(_ adapters: [Adapter]) throws(OunceError) -> Model {
    var model = self
    for adapter in adapters { model = try model.merging(adapter) }
    return model
  }

  private func merging(_ adapter: Adapter) throws(OunceError) -> Model {
    if container == "GGUF" { return try mergingUnderGGUFNames(adapter) }
    var merged = self
    var places: [String: Int] = [:]
    for (index, tensor) in tensors.enumerated() { places[tensor.info.name] = index }
    for (name, change) in adapter.changes {
      guard let place = places[name] ?? places[name.withoutModelPrefix] else {
        let near = NearNames.find(name, among: tensors.map(\.info.name))
        throw OunceError(
          .request, "the adapter changes it, but the model has no such tensor", file: adapter.path,
          subject: "tensor \(name)",
          remedy: near.isEmpty
            ? "the adapter was made for another model" : "the model has \(near.joined(separator: ", "))"
        )
      }
      do { merged.tensors[place] = try merged.tensors[place].applying(change, adapter.isTransposed) } catch {
        throw error.located(file: adapter.path, subject: "tensor \(name)")
      }
      if let bias = change.bias { try merged.add(bias, change.scale, besides: name, places, adapter) }
    }
    try merged.takeVocabulary(of: adapter)
    merged.files += adapter.files
    return merged
  }

  /// Adds to the bias beside a weight.
  private mutating func add(
    _ bias: Tensor, _ scale: Float, besides name: String, _ places: [String: Int], _ adapter: Adapter
  ) throws(OunceError) {
    let biasName = name.dropLast("weight".count) + "bias"
    guard let place = places[String(biasName)] else {
      throw OunceError(
        .unsupported, "the adapter adds a bias where the model has none", file: adapter.path, subject: "tensor \(name)",
        remedy: "merge it with PEFT's merge_and_unload first")
    }
    let (base, columns) = (tensors[place], bias.info.elementCount)
    guard base.info.elementCount == columns else { throw .mismatch(base.info.shape, bias.info.shape, adapter.path) }
    let addend = try bias.floats()
    tensors[place] = Tensor(
      info: base.info,
      data: Mapped(
        base.data, from: base.info.encoding, to: try base.info.writableEncoding(), columnCount: columns
      ) { elements in
        for index in 0..<columns { elements[index] += scale * addend[index] }
      })
  }

  /// An adapter with more tokens than its base has brings its tokenizer, and the configuration follows.
  private mutating func takeVocabulary(of adapter: Adapter) throws(OunceError) {
    let embeddings = adapter.changes.first { $0.key.hasSuffix("embed_tokens.weight") || $0.key.hasSuffix("wte.weight") }
    guard let rows = embeddings?.value.replacement?.info.shape.first, let file = companions["config.json"],
      var config = try json("config.json")?.object
    else { return }
    let size = config["vocab_size"]?.integer
    guard size != rows else { return }
    config["vocab_size"] = .integer(rows)
    companions["config.json"] = InputFile(path: file.path, bytes: Array(JSONWriter.write(.object(config)).utf8))
    for (name, file) in adapter.companions where name != "adapter_config.json" && name != "README.md" {
      companions[name] = file
    }
  }
}

extension Tensor {
  /// This tensor after a change.
  fileprivate func applying(_ change: Adapter.Change, _ isTransposed: Bool) throws(OunceError) -> Tensor {
    var base = self
    if let replacement = change.replacement {
      let isResized = info.shape.count == 2 && replacement.info.shape.last == info.shape.last
      guard replacement.info.shape == info.shape || isResized else {
        throw .mismatch(info.shape, replacement.info.shape, nil)
      }
      base = replacement.renamed(info.name)
    }
    guard let a = change.a, let b = change.b else { return base }
    let turns = change.isEmbedding || isTransposed
    let (rows, columns) = turns ? (a.info.shape[1], b.info.shape[0]) : (b.info.shape[0], a.info.shape[1])
    guard base.info.shape == [rows, columns] else { throw .mismatch(base.info.shape, [rows, columns], nil) }
    var magnitudes: [Float]?
    if let magnitude = change.magnitude {
      guard !turns else {
        throw OunceError(
          .unsupported, "a magnitude for each column is not supported", remedy: "merge it with PEFT first")
      }
      guard magnitude.info.elementCount == rows else { throw .mismatch([rows], magnitude.info.shape, nil) }
      magnitudes = try magnitude.floats()
    }
    let target = try base.info.writableEncoding()
    let data = LowRankSum(
      base: base.data, source: base.info.encoding, target: target, columnCount: columns,
      left: try Factor(turns ? a : b, isTransposed: turns), right: try Factor(turns ? b : a, isTransposed: turns),
      scale: change.scale, magnitudes: magnitudes)
    return Tensor(info: try TensorInfo(name: info.name, shape: base.info.shape, encoding: target), data: data)
  }
}

extension TensorInfo {
  /// The encoding that a sum is rounded to: the tensor's own where it is one of floats, else F32.
  fileprivate func writableEncoding() throws(OunceError) -> any WritableEncoding {
    guard encoding.kind == .float || encoding.kind == .quantized else {
      throw OunceError(.unsupported, "is \(encoding.name), to which nothing can be added")
    }
    if encoding.kind == .float, let own = encoding as? any WritableEncoding { return own }
    guard let f32 = Encodings.writable("F32") else { throw OunceError(.unsupported, "there is no encoding F32") }
    return f32
  }
}

extension OunceError {
  fileprivate static func mismatch(_ base: [Int], _ adapter: [Int], _ path: String?) -> OunceError {
    OunceError(
      .request, "the adapter is made for \(adapter), but the model has \(base)", file: path,
      remedy: "give the model that the adapter was trained on")
  }
}

extension String {
  /// Checkpoints of the bare model leave out what adapters of a model with a head have in front.
  fileprivate var withoutModelPrefix: String { hasPrefix("model.") ? String(dropFirst(6)) : self }
}
