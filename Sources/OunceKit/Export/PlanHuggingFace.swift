internal import OunceContainers
internal import OunceCore
internal import OunceEncoding

extension Model {
  /// Plans a folder that transformers loads. Everything that may have no way back is looked at here, before anything
  /// is written.
  func planHuggingFace(_ request: ConvertRequest) throws(OunceError) -> Plan {
    try planFolder(request, [:])
  }

  /// Plans a folder that mlx-lm loads: its weights are safetensors that say so.
  func planMLX(_ request: ConvertRequest) throws(OunceError) -> Plan {
    try planFolder(request, ["format": .string("mlx")])
  }

  private func planFolder(_ request: ConvertRequest, _ metadata: Metadata) throws(OunceError) -> Plan {
    guard !request.isBigEndian, !request.translation.vocabularyOnly else {
      throw OunceError(.request, "a checkpoint folder has weights, and their words begin with the least byte")
    }
    let content = container == "GGUF" ? try exported(request.dtype ?? floatType) : try copied(request.dtype)
    // As paths of files in it spell it: without a slash at its end.
    let folder = Paths.folder(of: Paths.join(request.output ?? Self.folderName(path), "model.safetensors"))
    if Paths.exists(folder), !Paths.isFolder(folder) {
      throw OunceError(.request, "is no folder", file: folder, remedy: "name a folder with -o; it is made if needed")
    }
    let limits = request.split == ShardLimits() ? ShardLimits(byteCount: Self.usualShardByteCount) : request.split
    let set = try SafetensorsContainer().split(metadata, content.infos, name: "model.safetensors", limits: limits)
    var planned = PlannedFiles()
    planned.add(Paths.join(folder, "model.safetensors"), set, content.tensors, as: content.infos)
    for (name, bytes) in content.files { planned.add(Paths.join(folder, name), bytes) }
    var plan = Plan(
      planned, notes: remarkNotes + content.notes, inputs: self.files, allowsNonFinite: request.allowsNonFinite)
    plan.newFolder = folder
    return plan
  }

  private typealias FolderContent = (
    tensors: [Tensor], infos: [TensorInfo], files: [(name: String, bytes: [UInt8])], notes: [String]
  )

  /// The rules of the family from right to left.
  private func exported(_ dtype: String) throws(OunceError) -> FolderContent {
    let export = try HuggingFaceExport(self, dtype: dtype)
    let infos = try export.tensors.map { (tensor) throws(OunceError) in
      try tensor.info.fitting(SafetensorsContainer(), dtype: export.dtype(of: tensor.info.name, dtype))
    }
    return (export.tensors, infos, export.files, export.notes)
  }

  /// A checkpoint as it is, with the files beside it: tensors have their names already.
  private func copied(_ dtype: String?) throws(OunceError) -> FolderContent {
    guard companions["config.json"] != nil else {
      throw OunceError(
        .request, "has no config.json, which a checkpoint folder needs", file: path,
        remedy: "--to safetensors writes the tensors alone")
    }
    let infos = try tensors.map { (tensor) throws(OunceError) in
      try tensor.info.fitting(SafetensorsContainer(), dtype: dtype)
    }
    var files: [(String, [UInt8])] = []
    var notes: [String] = []
    for (name, file) in companions.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      guard !name.contains("/"), Self.textEndings.contains(where: name.hasSuffix) || name == "tokenizer.model" else {
        continue
      }
      guard file.byteCount <= Limits.companionByteCount else {
        notes.append("\(name) is left out: it has \(file.byteCount) bytes")
        continue
      }
      if name.hasSuffix("index.json") { continue }
      files.append((name, try file.wholeContent(atMost: Limits.companionByteCount)))
    }
    if tensors.contains(where: { $0.stored != nil || $0.info.encoding.kind == .quantized }) {
      let all = files
      files = []
      for (name, bytes) in all {
        if let kept = try Self.withoutQuantization(name, bytes) { files.append((name, kept)) }
      }
    }
    return (tensors, infos, files, notes)
  }

  /// Settings of weights that are floats now say nothing of their quantization; nil: the file said nothing else.
  private static func withoutQuantization(_ name: String, _ bytes: [UInt8]) throws(OunceError) -> [UInt8]? {
    if ["quantize_config.json", "hf_quant_config.json"].contains(name) { return nil }
    guard name == "config.json", var settings = try JSONParser.parse(bytes).object else { return bytes }
    for key in ["quantization_config", "quantization"] { settings.removeValue(forKey: key) }
    return Array((JSONWriter.write(.object(settings), isIndented: true) + "\n").utf8)
  }

  /// Settings, tokenizers, templates and cards.
  private static let textEndings = [".json", ".txt", ".jinja", ".model", ".tiktoken", ".md"]

  /// The type of floats where the user names none: that of the first matrix of floats, and BF16, in which models are
  /// published, where all matrices are quantized.
  private var floatType: String {
    let matrices = tensors.filter { $0.info.shape.count >= 2 }
    let isQuantized = matrices.contains { $0.info.encoding.kind == .quantized }
    return isQuantized ? "BF16" : matrices.highestOutputType
  }

  /// Bytes of one file where the user says nothing, as transformers cuts models.
  private static let usualShardByteCount = 5_000_000_000

  /// `model-00001-of-00002.gguf` becomes `model`.
  private static func folderName(_ path: String) -> String {
    var name = Paths.resolvedName(of: path)
    if name.lowercased().hasSuffix(".gguf") { name.removeLast(5) }
    if let shard = name.firstMatch(of: /-\d{5}-of-\d{5}$/) { name.removeSubrange(shard.range) }
    return name
  }
}
