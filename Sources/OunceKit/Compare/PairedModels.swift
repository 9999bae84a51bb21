internal import OrderedCollections
internal import OunceContainers
internal import OunceCore
internal import OunceEncoding

/// Two models whose tensors are paired by name.
struct PairedModels {
  let a: Model
  let b: Model
  let pairs: [TensorPair]
  let onlyInA: [Tensor]
  let onlyInB: [Tensor]
  private let isTranslated: (a: Bool, b: Bool)
  private let notes: [String]

  init(_ a: Model, _ b: Model, _ options: CompareOptions) throws(OunceError) {
    var (a, b) = (a, b)
    var notes = a.remarkNotes + b.remarkNotes
    // Where hardly a name is shared, one side speaks another language: that of a checkpoint.
    let isForeign = 2 * Self.sharedNameCount(a, b) < min(a.tensors.count, b.tensors.count)
    isTranslated = (
      isForeign && !options.usesOriginalNames && (a.isCheckpoint || options.translation.rulesFile != nil),
      isForeign && !options.usesOriginalNames && b.isCheckpoint
    )
    if isTranslated.a { a = try Self.translated(a, options.translation, &notes) }
    if isTranslated.b { b = try Self.translated(b, options.translation, &notes) }
    if !options.prunedLayers.isEmpty { try LayerPruning(options.prunedLayers, of: a).apply(to: &a) }
    if let filter = options.filter {
      a.tensors.removeAll { !filter.matches($0.info.name) }
      b.tensors.removeAll { !filter.matches($0.info.name) }
      if a.tensors.isEmpty, b.tensors.isEmpty {
        throw OunceError(
          .request, "no tensor of either model matches the filter",
          remedy: "`ounce inspect --tensors` lists the names; a checkpoint against GGUF has those of GGUF")
      }
    }
    if isTranslated.a { Self.leaveOutRecipe(&b.metadata, besides: a.metadata) }
    if isTranslated.b { Self.leaveOutRecipe(&a.metadata, besides: b.metadata) }
    (self.a, self.b, self.notes) = (a, b, notes)
    // A name that is there twice is paired twice, in order.
    var places: [ExactString: [Int]] = [:]
    for (index, tensor) in b.tensors.enumerated().reversed() {
      places[ExactString(tensor.info.name), default: []].append(index)
    }
    var (pairs, onlyInA): ([TensorPair], [Tensor]) = ([], [])
    var isPaired = [Bool](repeating: false, count: b.tensors.count)
    for tensor in a.tensors {
      guard let index = places[ExactString(tensor.info.name)]?.popLast() else {
        onlyInA.append(tensor)
        continue
      }
      isPaired[index] = true
      pairs.append(try TensorPair(tensor, b.tensors[index]))
    }
    (self.pairs, self.onlyInA) = (pairs, onlyInA)
    onlyInB = zip(b.tensors, isPaired).filter { !$0.1 }.map(\.0)
    if pairs.isEmpty, let first = onlyInA.first?.info.name, let second = onlyInB.first?.info.name {
      throw OunceError(
        .request, "no tensor has the same name in \(a.path) and \(b.path): one has \(first), the other \(second)",
        remedy: "a checkpoint is translated where its folder has config.json; `ounce edit --rename` renames tensors")
    }
  }

  /// What is known before anything is read.
  var comparison: Comparison {
    Comparison(
      a: Comparison.Subject(a, isTranslated: isTranslated.a), b: Comparison.Subject(b, isTranslated: isTranslated.b),
      onlyInA: onlyInA.map(TensorDescription.init), onlyInB: onlyInB.map(TensorDescription.init),
      metadata: MetadataDifference.list(a.metadata, b.metadata), notes: notes)
  }

  private static func sharedNameCount(_ a: Model, _ b: Model) -> Int {
    let names = Set(a.tensors.lazy.map { ExactString($0.info.name) })
    return b.tensors.count { names.contains(ExactString($0.info.name)) }
  }

  /// Removes what a file says of its own types, which a checkpoint has no answer to.
  private static func leaveOutRecipe(_ metadata: inout Metadata, besides translated: Metadata) {
    for key in ["general.file_type", "general.quantization_version"] where translated[key] == nil {
      metadata.removeValue(forKey: key)
    }
  }

  private static func translated(
    _ model: Model, _ options: TranslationOptions, _ notes: inout [String]
  ) throws(OunceError) -> Model {
    var options = options
    options.toleratesMissingTokenizer = true
    do throws(OunceError) {
      let translation = try model.translated(options)
      notes += translation.notes
      var result = translation.model
      result.path = model.path
      result.files = model.files
      result.metadata = translation.convertedMetadata(fileType: nil)
      return result
    } catch {
      var error = error.located(file: model.path)
      error.remedy = (error.remedy.map { "\($0); " } ?? "") + "to compare, --no-map pairs equal names only"
      throw error
    }
  }
}

extension LayerPruning {
  /// Leaves out the layers' tensors, and gives the others the names and settings that they then have.
  fileprivate func apply(to model: inout Model) {
    model.tensors = model.tensors.compactMap { tensor in name(tensor.info.name).map(tensor.renamed) }
    adjust(&model.metadata, matchesReference: false)
  }
}

extension Model {
  /// Whether its tensors can be given the names that they have in GGUF.
  fileprivate var isCheckpoint: Bool { container != "GGUF" && companions["config.json"] != nil }
}

extension Comparison.Subject {
  fileprivate init(_ model: Model, isTranslated: Bool) {
    let tensors = model.tensors.map(TensorDescription.init)
    var sizes: OrderedDictionary<String, Int> = [:]
    for tensor in tensors { sizes[tensor.dtype, default: 0] += tensor.byteCount }
    self.init(
      path: model.path, container: model.container, tensorCount: tensors.count,
      byteCount: tensors.reduce(0) { $0 + $1.byteCount }, isTranslated: isTranslated,
      sizes: sizes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) })
  }
}
