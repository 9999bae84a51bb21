internal import OunceContainers
internal import OunceCore
internal import OunceEncoding

extension Model {
  /// Plans a folder that transformers loads. Everything that may have no way back is looked at here, before anything
  /// is written.
  func planHuggingFace(_ request: ConvertRequest) throws(OunceError) -> Plan {
    guard !request.isBigEndian, !request.translation.vocabularyOnly else {
      throw OunceError(.request, "a folder for transformers has weights, and their words begin with the least byte")
    }
    let dtype = request.dtype ?? floatType
    let export = try HuggingFaceExport(self, dtype: dtype)
    let infos = try export.tensors.map { (tensor) throws(OunceError) in
      try tensor.info.forSafetensors(dtype: export.dtype(of: tensor.info.name, dtype))
    }
    // As paths of files in it spell it: without a slash at its end.
    let folder = Paths.folder(of: Paths.join(request.output ?? Self.folderName(path), "model.safetensors"))
    if Paths.exists(folder), !Paths.isFolder(folder) {
      throw OunceError(.request, "is no folder", file: folder, remedy: "name a folder with -o; it is made if needed")
    }
    let limits = request.split == ShardLimits() ? ShardLimits(byteCount: Self.usualShardByteCount) : request.split
    let set = try SafetensorsContainer().split([:], infos, name: "model.safetensors", limits: limits)
    var planned = PlannedFiles()
    planned.add(Paths.join(folder, "model.safetensors"), set, export.tensors, as: infos)
    for (name, bytes) in export.files { planned.add(Paths.join(folder, name), bytes) }
    var plan = Plan(planned, notes: export.notes, inputs: self.files, allowsNonFinite: request.allowsNonFinite)
    plan.newFolder = folder
    return plan
  }

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
