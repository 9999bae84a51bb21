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

  let model: Model
  let origin: Origin
  let notes: [String]

  init(_ source: Model, _ options: TranslationOptions) throws(OunceError) {
    if source.container == "GGUF" {
      model = source
      origin = .gguf
      notes = []
    } else {
      let translation = try source.translated(options)
      model = translation.model
      origin = .checkpoint(translation, outputType: source.tensors.highestOutputType)
      notes = translation.notes
    }
  }

  var isGGUF: Bool { if case .gguf = origin { true } else { false } }

  /// The encoding that a tensor has before a recipe sees it.
  func encodingBeforeRecipe(_ info: TensorInfo) throws(OunceError) -> any Encoding {
    guard case .checkpoint(_, let outputType) = origin, info.encoding.kind == .float else { return info.encoding }
    return try Encodings.require(info.converterEncoding(outputType))
  }

  /// The metadata as the reference writes it.
  ///
  /// - Parameter isQuantized: whether llama-quantize has the last word; else the converter has.
  func metadata(fileType: UInt32, isQuantized: Bool) -> Metadata {
    switch origin {
    case .checkpoint(let translation, _):
      return isQuantized
        ? translation.quantizedMetadata(fileType: fileType) : translation.convertedMetadata(fileType: fileType)
    case .gguf:
      var metadata = model.metadata
      metadata.removeValue(forKey: "general.quantization_version")
      metadata.removeValue(forKey: "general.file_type")
      metadata["general.quantization_version"] = .uint32(2)
      metadata["general.file_type"] = .uint32(fileType)
      return metadata
    }
  }

  /// The name of an output file, extension included.
  func fileName(encoding: String) -> String {
    switch origin {
    case .checkpoint(let translation, _): translation.defaultFileStem(encoding: encoding) + ".gguf"
    case .gguf: Self.stem(of: model.path) + "-\(encoding).gguf"
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
    for tensor in self where tensor.info.shape.count >= 2 && tensor.info.encoding.kind == .float {
      return ["BF16", "F16"].contains(tensor.info.encoding.name) ? tensor.info.encoding.name : "F32"
    }
    return "F32"
  }
}
