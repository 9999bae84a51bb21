internal import OrderedCollections
internal import OunceCore

/// Walks a model: its description, then what its kind holds.
struct CoreMLReader {
  let file: InputFile
  let root: ProtobufReader
  var siblings: SiblingFiles
  /// The files beside the model whose beginning was checked.
  var checkedSiblings: Set<Int> = []
  private var metadata: Metadata = [:]
  private var tensors: [Tensor] = []
  private var remarks: [Remark] = []
  private var names = DerivedNames()

  static let remedy = "the file is damaged or was cut short; fetch it again"

  /// The kinds of models, by their fields.
  static let kinds: [Int: String] = [
    200: "pipelineClassifier", 201: "pipelineRegressor", 202: "pipeline", 300: "glmRegressor",
    301: "supportVectorRegressor", 302: "treeEnsembleRegressor", 303: "neuralNetworkRegressor",
    304: "bayesianProbitRegressor", 400: "glmClassifier", 401: "supportVectorClassifier",
    402: "treeEnsembleClassifier", 403: "neuralNetworkClassifier", 404: "kNearestNeighborsClassifier",
    500: "neuralNetwork", 501: "itemSimilarityRecommender", 502: "mlProgram", 555: "customModel", 556: "linkedModel",
    560: "classConfidenceThresholding", 600: "oneHotEncoder", 601: "imputer", 602: "featureVectorizer",
    603: "dictVectorizer", 604: "scaler", 606: "categoricalMapping", 607: "normalizer", 609: "arrayFeatureExtractor",
    610: "nonMaximumSuppression", 900: "identity", 2000: "textClassifier", 2001: "wordTagger",
    2002: "visionFeaturePrint", 2003: "soundAnalysisPreprocessing", 2004: "gazetteer", 2005: "wordEmbedding",
    2006: "audioFeaturePrint", 3000: "serializedModel",
  ]
  /// Kinds that only arrange the values of others: that they have no tensors is no loss.
  private static let arrangements: Set<Int> = [555, 556, 560, 600, 602, 603, 606, 607, 609, 610, 900]

  init(_ file: InputFile) {
    self.file = file
    root = ProtobufReader(file, remedy: Self.remedy)
    siblings = SiblingFiles(file)
  }

  mutating func model() throws(OunceError) -> Model {
    try model(0..<file.byteCount, prefix: "", depth: 0)
    return Model(
      path: file.path, container: "Core ML", metadata: metadata, tensors: tensors, files: [file] + siblings.files,
      remarks: remarks)
  }

  private mutating func model(_ range: Range<Int>, prefix: String, depth: Int) throws(OunceError) {
    try checkDepth(depth, at: range)
    var reader = root.nested(range)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .integer(let version)) where depth == 0:
        metadata["coreml.specification_version"] = .int64(Int64(truncatingIfNeeded: version))
      case (2, .bytes(let range)) where depth == 0: try description(range)
      case (let field, .bytes(let range)):
        guard let kind = Self.kinds[field] else { continue }
        if depth == 0 { metadata["coreml.type"] = .string(kind) }
        switch field {
        case 200, 201: try pipelineOfTask(range, prefix: prefix, depth: depth)
        case 202: try pipeline(range, prefix: prefix, depth: depth)
        case 303, 403, 500: try network(range, prefix: prefix, depth: depth)
        case 502: try program(range, prefix: prefix)
        default:
          guard !Self.arrangements.contains(field) else { break }
          try remark(prefix.isEmpty ? kind : prefix + kind, at: range, "holds no tensors that this build reads")
        }
      default: break
      }
    }
  }

  func checkDepth(_ depth: Int, at range: Range<Int>) throws(OunceError) {
    guard depth <= Limits.protobufNesting else {
      throw root.malformed("models are nested deeper than \(Limits.protobufNesting)", at: range.lowerBound)
    }
  }

  // MARK: - Metadata

  private mutating func description(_ range: Range<Int>) throws(OunceError) {
    var reader = root.nested(range)
    while let (field, value) = try reader.next() {
      guard field == 100, case .bytes(let range) = value else { continue }
      var reader = root.nested(range)
      while let (field, value) = try reader.next() {
        guard case .bytes(let range) = value else { continue }
        switch field {
        case 1: try keep(range, as: "coreml.description")
        case 2: try keep(range, as: "coreml.version")
        case 3: try keep(range, as: "coreml.author")
        case 4: try keep(range, as: "coreml.license")
        case 100:
          let (key, text) = try entry(range)
          if let text { try keep(text, as: "coreml.metadata.\(key)") }
        default: break
        }
        guard metadata.count <= Limits.metadataKeys else {
          throw reader.malformed("more than the limit of \(Limits.metadataKeys) properties", at: range.lowerBound)
        }
      }
    }
  }

  private mutating func keep(_ range: Range<Int>, as key: String) throws(OunceError) {
    guard !range.isEmpty else { return }
    guard range.count <= Limits.protobufTextByteCount else {
      remarks.append(Remark(.note, subject: key, "is left out: a text of \(range.count) bytes"))
      return
    }
    var reader = root
    metadata[key] = .string(try reader.text(range, atMost: Limits.protobufTextByteCount))
  }

  /// One entry of a map: its key, and where its value is.
  func entry(_ range: Range<Int>) throws(OunceError) -> (key: String, value: Range<Int>?) {
    var reader = root.nested(range)
    var key = ""
    var place: Range<Int>?
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .bytes(let range)): key = try reader.text(range)
      case (2, .bytes(let range)): place = range
      default: break
      }
    }
    return (key, place)
  }

  // MARK: - Pipelines

  private mutating func pipelineOfTask(_ range: Range<Int>, prefix: String, depth: Int) throws(OunceError) {
    var reader = root.nested(range)
    while let (field, value) = try reader.next() {
      if field == 1, case .bytes(let range) = value { try pipeline(range, prefix: prefix, depth: depth) }
    }
  }

  private mutating func pipeline(_ range: Range<Int>, prefix: String, depth: Int) throws(OunceError) {
    var reader = root.nested(range)
    var models: [Range<Int>] = []
    var labels: [Range<Int>] = []
    while let (field, value) = try reader.next() {
      guard case .bytes(let range) = value else { continue }
      if field == 1 { models.append(range) }
      if field == 2 { labels.append(range) }
      guard models.count + labels.count <= Limits.shards else {
        throw reader.malformed("more than the limit of \(Limits.shards) models", at: range.lowerBound)
      }
    }
    for (index, range) in models.enumerated() {
      let label = index < labels.count ? try reader.text(labels[index]) : ""
      let place = prefix + (label.isEmpty ? "models[\(index)]" : label)
      try model(range, prefix: try distinct(place, at: range) + "::", depth: depth + 1)
    }
  }

  // MARK: - Results

  mutating func distinct(_ name: String, at range: Range<Int>) throws(OunceError) -> String {
    try names.distinct(name, at: range.lowerBound, root)
  }

  mutating func append(_ tensor: Tensor, at range: Range<Int>) throws(OunceError) {
    guard tensors.count < Limits.tensors else {
      throw root.malformed("more than the limit of \(Limits.tensors) tensors", at: range.lowerBound)
    }
    tensors.append(tensor)
  }

  mutating func remark(_ name: String, at range: Range<Int>, _ text: String) throws(OunceError) {
    try note(Remark(.unsupported, subject: try distinct(name, at: range), text), at: range)
  }

  mutating func note(_ remark: Remark, at range: Range<Int>) throws(OunceError) {
    remarks.append(remark)
    guard remarks.count <= Limits.tensors else {
      throw root.malformed("more than the limit of \(Limits.tensors) tensors", at: range.lowerBound)
    }
  }

  /// The same error with the tensor that it is about.
  func located(_ error: OunceError, _ name: String, _ range: Range<Int>) -> OunceError {
    var error = error.located(file: file.path, subject: "tensor \(name)")
    error.offset = error.offset ?? range.lowerBound
    error.remedy = error.remedy ?? Self.remedy
    return error
  }
}
