internal import OrderedCollections
internal import OunceCore
internal import OunceEncoding

/// A source under the names that a GGUF file will hold, whatever it was before.
struct Prepared {
  /// Where the tensors come from, which decides what they keep where no recipe touches them.
  enum Origin {
    /// A checkpoint: what the reference converter would have written with this output type.
    case checkpoint(Translation, outputType: String)
    /// A GGUF file: as it is.
    case gguf
  }

  /// What is written: without layers that go.
  let model: Model
  let origin: Origin
  let notes: [String]
  private let pruning: LayerPruning?
  /// The names that tensors had before pruning, by which importance matrices know them.
  private let namesBefore: [String]?

  /// - Throws: `OunceError` when a checkpoint cannot be translated, or a layer to leave out is not there.
  init(_ source: Model, _ options: TranslationOptions, prunedLayers: [Int] = []) throws(OunceError) {
    let whole: Model
    if source.container == "GGUF" {
      whole = source
      origin = .gguf
      notes = source.remarkNotes
    } else {
      let translation = try source.translated(options)
      whole = translation.model
      origin = .checkpoint(translation, outputType: source.tensors.highestOutputType)
      notes = source.remarkNotes + translation.notes
    }
    guard !prunedLayers.isEmpty else {
      (model, pruning, namesBefore) = (whole, nil, nil)
      return
    }
    let pruning = try LayerPruning(prunedLayers, of: whole)
    var kept = whole
    kept.tensors = []
    var names: [String] = []
    for tensor in whole.tensors {
      guard let name = pruning.name(tensor.info.name) else { continue }
      kept.tensors.append(tensor.renamed(name))
      names.append(tensor.info.name)
    }
    (model, self.pruning, namesBefore) = (kept, pruning, names)
  }

  var isGGUF: Bool { if case .gguf = origin { true } else { false } }

  /// The type of floats that the source has where it is a checkpoint; nil: tensors keep their own.
  var outputType: String? { if case .checkpoint(_, let own) = origin { own } else { nil } }

  /// The name that tensor `index` had before pruning, by which importance matrices know it.
  func importanceName(_ index: Int) -> String { namesBefore?[index] ?? model.tensors[index].info.name }

  /// The encoding that tensor `index` has before a recipe sees it.
  func encodingBeforeRecipe(_ index: Int) throws(OunceError) -> any Encoding {
    let info = model.tensors[index].info
    guard case .checkpoint(_, let outputType) = origin, info.encoding.becomesFloats else { return info.encoding }
    return try converterEncoding(index, outputType)
  }

  /// The encoding in which the reference converter stores tensor `index`.
  func converterEncoding(_ index: Int, _ outputType: String) throws(OunceError) -> any Encoding {
    var info = model.tensors[index].info
    guard case .checkpoint(let translation, _) = origin else {
      return try Encodings.require(info.converterEncoding(outputType))
    }
    info.name = importanceName(index)
    return try Encodings.require(translation.converterEncoding(of: info, outputType))
  }

  /// The metadata as the reference writes it.
  ///
  /// - Parameters:
  ///   - fileType: nil: what the source says, or what its encodings suggest.
  ///   - isQuantized: whether llama-quantize has the last word; else the converter has.
  func metadata(fileType: UInt32?, isQuantized: Bool) -> Metadata {
    let type = fileType ?? fileTypeOfSource
    switch origin {
    case .checkpoint(let translation, _):
      return isQuantized ? translation.quantizedMetadata(fileType: type) : translation.convertedMetadata(fileType: type)
    case .gguf:
      var metadata = model.metadata
      metadata.setLast(.uint32(2), forKey: "general.quantization_version")
      metadata.setLast(.uint32(type), forKey: "general.file_type")
      return metadata
    }
  }

  /// Tells of layers that go.
  func adjustForPruning(_ metadata: inout Metadata, matchesReference: Bool) {
    pruning?.adjust(&metadata, matchesReference: matchesReference)
  }

  /// The file type of a checkpoint whose weights are blocks already, which the reference converter names after them.
  var fileTypeOfBlocks: UInt32? {
    guard !isGGUF else { return nil }
    let names = Set(model.tensors.lazy.map(\.info.encoding.name))
    return names.contains("NVFP4") ? 39 : names.contains("MXFP4") ? 38 : nil
  }

  /// `general.file_type` of the source; where it has none, the type that most tensors suggest, marked as a guess.
  private var fileTypeOfSource: UInt32 {
    if case .checkpoint(_, let outputType) = origin { return Recipes.named(outputType)?.fileType ?? 0 }
    if let known = model.metadata["general.file_type"]?.integer { return UInt32(clamping: known) }
    var counts: [String: Int] = [:]
    var most = (name: "F32", count: 0)
    let tensors = model.tensors.map(\.info)
    for index in TensorOrder.canonical(tensors) {
      let name = tensors[index].encoding.name
      counts[name, default: 0] += 1
      if let count = counts[name], count > most.count { most = (name, count) }
    }
    return Self.guessed | (most.name == "MXFP4" ? 0 : Recipes.named(most.name)?.fileType ?? 0)
  }

  /// The bit of a file type that nobody recorded (LLAMA_FTYPE_GUESSED).
  private static let guessed: UInt32 = 1024

  /// The name of an output file, extension included.
  ///
  /// - Parameter encoding: nil: there are no weights.
  func fileName(encoding: String?) -> String {
    switch origin {
    case .checkpoint(let translation, _): translation.defaultFileStem(encoding: encoding) + ".gguf"
    case .gguf: Self.stem(of: model.path) + "-\(encoding ?? "vocab").gguf"
    }
  }

  /// The name of a GGUF file without shard number, extension and encoding.
  private static func stem(of path: String) -> String {
    var stem = Paths.resolvedName(of: path)
    if stem.lowercased().hasSuffix(".gguf") { stem.removeLast(5) }
    if let shard = stem.firstMatch(of: /-\d{5}-of-\d{5}$/) { stem.removeSubrange(shard.range) }
    if let last = stem.split(separator: "-").last, stem.count > last.count,
      Recipes.named(String(last)) != nil, Int(last) == nil
    {
      stem.removeLast(last.count + 1)
    }
    return stem
  }
}

extension [Tensor] {
  /// The output type with which the reference converter loses nothing of this checkpoint: its first matrix's own.
  var highestOutputType: String {
    for tensor in planes where tensor.info.shape.count >= 2 && tensor.info.encoding.becomesFloats {
      // Blocks that are named after the type of their scales hold values of that type.
      let name = tensor.info.encoding.name
      return ["BF16", "F16"].first { name == $0 || name.hasSuffix("_\($0)") } ?? "F32"
    }
    return "F32"
  }
}

extension Encoding {
  /// Whether the converter chooses the type: of floats, and of blocks that ggml has no type for.
  var becomesFloats: Bool { kind == .float || kind == .quantized && ggmlType == nil }
}
