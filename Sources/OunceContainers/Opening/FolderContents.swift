internal import OunceCore

/// Finds the weights of a folder.
struct FolderContents {
  private let path: String
  private let pool: DescriptorPool
  /// The names of files that are not hidden, sorted.
  private let names: [String]

  init(_ path: String, _ pool: DescriptorPool) throws(OunceError) {
    self.path = path
    self.pool = pool
    names = try Paths.names(in: path).filter { !$0.hasPrefix(".") && !Paths.isFolder(Paths.join(path, $0)) }
  }

  /// Whether files in this folder describe the weights beside them.
  static func isCheckpoint(_ folder: String) -> Bool {
    ["config.json", "adapter_config.json", "modules.json", "tokenizer_config.json", "params.json"].contains {
      Paths.isFile(Paths.join(folder, $0))
    }
  }

  func open() throws(OunceError) -> Model {
    if let index = try one(
      names.filter { $0.hasSuffix(SafetensorsIndex.ending) }, preferred: "model.safetensors.index.json")
    {
      return try SafetensorsIndex(path: Paths.join(path, index), pool: pool).open()
    }
    let safetensors = names.filter { $0.hasSuffix(".safetensors") }
    // A folder may hold the same weights twice: `consolidated…` is Mistral's own spelling of `model…`.
    let named = safetensors.filter { $0.hasPrefix("model") }
    let rest = safetensors.filter { !$0.hasPrefix("consolidated") && !$0.hasPrefix("adapter") }
    for choice in [named, rest, safetensors] where !choice.isEmpty {
      return try open(choice, preferred: "model.safetensors")
    }
    let gguf = names.filter { $0.hasSuffix(".gguf") }
    if !gguf.isEmpty { return try open(gguf, preferred: nil) }
    throw nothing()
  }

  /// Opens files that should be one model.
  private func open(_ names: [String], preferred: String?) throws(OunceError) -> Model {
    if let preferred, names.contains(preferred) { return try Open.file(Paths.join(path, preferred), pool) }
    let sets = Dictionary(grouping: names) { name in
      ShardName(name).map { ShardName.name($0.base, 1, of: $0.count, ending: $0.ending) } ?? name
    }
    guard let chosen = try one(sets.keys.sorted(), preferred: nil), let member = sets[chosen]?.first else {
      throw nothing()
    }
    return try Open.file(Paths.join(path, member), pool)
  }

  /// The only name, or the preferred one of several; nil when there is none.
  private func one(_ names: [String], preferred: String?) throws(OunceError) -> String? {
    if names.count < 2 { return names.first }
    if let preferred, names.contains(preferred) { return preferred }
    throw OunceError(
      .request, "the folder holds \(names.count) models: \(listed(names))", file: path,
      remedy: "name the one to open")
  }

  /// Weight files of other kinds, by how their names end.
  private static let otherEndings = [
    ".bin", ".pt", ".pth", ".ckpt", ".h5", ".keras", ".msgpack", ".onnx", ".npz", ".npy", ".tflite", ".mlmodel",
    ".mlpackage", ".llamafile", ".ggml",
  ]

  private func nothing() -> OunceError {
    if let unfinished = names.lazy.compactMap({ Probe.unfinished(Paths.join(path, $0)) }).first { return unfinished }
    let others = names.filter { name in Self.otherEndings.contains(where: name.hasSuffix) }
    if !others.isEmpty {
      return OunceError(
        .unsupported, "the folder holds weights of a kind that this build cannot read yet: \(listed(others))",
        file: path, remedy: "download the safetensors files of the model, or convert these first")
    }
    return OunceError(
      .request, "the folder holds no weights", file: path,
      remedy: "expected model.safetensors, shards with model.safetensors.index.json, or a .gguf file")
  }
}

/// The files beside the weights.
enum Companions {
  /// Every regular file of `folder` and of its subfolders that is not hidden, by its name relative to `folder`.
  static func files(
    in folder: String, except weights: [InputFile], _ pool: DescriptorPool
  ) throws(OunceError) -> [String: InputFile] {
    let weightPaths = Set(weights.map { ExactString(Paths.name(of: $0.path)) })
    var names: [String] = []
    var subfolders: [String] = []
    for name in try Paths.names(in: folder) where !name.hasPrefix(".") {
      if Paths.isFolder(Paths.join(folder, name)) { subfolders.append(name) } else { names.append(name) }
    }
    names.removeAll { weightPaths.contains(ExactString($0)) }
    for subfolder in subfolders {
      // A subfolder that is closed to this user holds nothing that is needed.
      guard let inner = try? Paths.names(in: Paths.join(folder, subfolder)) else { continue }
      names += inner.filter { !$0.hasPrefix(".") }.map { "\(subfolder)/\($0)" }
    }
    var files: [String: InputFile] = [:]
    for name in names {
      let path = Paths.join(folder, name)
      guard Paths.isFile(path) else { continue }
      guard files.count < Limits.companions else {
        throw OunceError(
          .request, "the folder holds more than \(Limits.companions) files", file: folder,
          remedy: "put the model into a folder of its own")
      }
      files[name] = try InputFile(path: path, pool: pool, isDeferred: true)
    }
    return files
  }
}
