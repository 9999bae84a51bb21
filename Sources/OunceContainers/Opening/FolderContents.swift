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
    checkpointNames.contains { Paths.isFile(Paths.join(folder, $0)) }
  }

  static let checkpointNames = [
    "config.json", "adapter_config.json", "modules.json", "tokenizer_config.json", "params.json",
  ]

  /// Weight files in the order in which a folder is searched for them: how their names end, and which is meant where
  /// there are several.
  private static let kinds: [(endings: [String], preferred: [String])] = [
    ([".gguf"], []),
    (["pytorch_model.bin"], []),
    // Files beside a graph may be called `.bin`, too: they hold its weights.
    ([".onnx"], ["model.onnx"]),
    ([".bin", ".pt", ".pth", ".ckpt"], ["model.bin"]),
    ([".msgpack"], ["flax_model.msgpack"]),
    ([".h5", ".hdf5", ".keras"], ["tf_model.h5"]),
    ([".npz", ".npy"], ["weights.npz"]),
    ([".index"], []),
    ([".tflite", ".pb", ".mlmodel", ".ggml", ".llamafile"], []),
  ]
  /// Files of training and of tokenizers that have the ending of weights.
  static let besides = [
    "training_args", "optimizer", "scheduler", "rng_state", "random_states", "scaler", "tokenizer", "fingerprint",
    "keras_metadata", "added_tokens",
  ]

  func open() throws(OunceError) -> Model {
    let indices = names.filter { $0.hasSuffix(ShardIndex.ending) }
    if let model = try openSafetensors(indices.filter { $0.hasSuffix(".safetensors" + ShardIndex.ending) }) {
      return model
    }
    let folder = try Folder(path, pool)
    if let container = Containers.folders.first(where: { $0.recognizes(folder) }) {
      do { return try container.read(folder) } catch { throw error.withRemedyForDamage }
    }
    if let index = try one(indices, preferred: ["pytorch_model.bin" + ShardIndex.ending]) {
      return try ShardIndex(path: Paths.join(path, index), pool: pool).open()
    }
    for kind in Self.kinds {
      let files = names.filter { name in
        kind.endings.contains(where: name.hasSuffix) && !Self.besides.contains(where: name.hasPrefix)
      }
      if !files.isEmpty { return try open(files, preferred: kind.preferred) }
    }
    throw nothing()
  }

  /// nil when there are none.
  private func openSafetensors(_ indices: [String]) throws(OunceError) -> Model? {
    if let index = try one(indices, preferred: ["model.safetensors" + ShardIndex.ending]) {
      return try ShardIndex(path: Paths.join(path, index), pool: pool).open()
    }
    let safetensors = names.filter { $0.hasSuffix(".safetensors") }
    // A folder may hold the same weights twice: `consolidated…` is Mistral's own spelling of `model…`.
    let named = safetensors.filter { $0.hasPrefix("model") }
    let rest = safetensors.filter { !$0.hasPrefix("consolidated") && !$0.hasPrefix("adapter") }
    for choice in [named, rest, safetensors] where !choice.isEmpty {
      return try open(choice, preferred: ["model.safetensors"])
    }
    return nil
  }

  /// Opens files that should be one model.
  private func open(_ names: [String], preferred: [String]) throws(OunceError) -> Model {
    let sets = Dictionary(grouping: names) { name in
      ShardName(name).map { ShardName.name($0.base, 1, of: $0.count, ending: $0.ending) } ?? name
    }
    guard let chosen = try one(sets.keys.sorted(), preferred: preferred), let member = sets[chosen]?.first else {
      throw nothing()
    }
    return try Open.file(Paths.join(path, member), pool)
  }

  /// The only name, or the preferred one of several; nil when there is none.
  private func one(_ names: [String], preferred: [String]) throws(OunceError) -> String? {
    if names.count < 2 { return names.first }
    if let name = preferred.first(where: names.contains) { return name }
    throw OunceError(
      .request, "the folder holds \(names.count) models: \(listed(names))", file: path,
      remedy: "name the one to open")
  }

  private func nothing() -> OunceError {
    let unfinished = Probe.unfinishedNames(in: path).lazy.compactMap { Probe.unfinished(Paths.join(path, $0)) }
    if let unfinished = unfinished.first { return unfinished }
    let inner = ((try? Paths.names(in: path)) ?? []).filter { name in
      let folder = Paths.join(path, name)
      return !name.hasPrefix(".") && Paths.isFolder(folder) && Self.isCheckpoint(folder)
    }
    let remedy =
      inner.isEmpty
      ? "expected model.safetensors, shards with model.safetensors.index.json, a .gguf file or another weight file"
      : "name one of its folders that hold a model: \(listed(inner))"
    return OunceError(.request, "the folder holds no weights", file: path, remedy: remedy)
  }
}

/// The files beside the weights.
enum Companions {
  /// Every regular file of `folder` and of its subfolders that is not hidden, by its name relative to `folder`.
  static func files(
    in folder: String, except weights: [InputFile], _ pool: DescriptorPool
  ) throws(OunceError) -> [String: InputFile] {
    let weightPaths = Set(weights.map { ExactString(Paths.name(of: $0.container.path)) })
    // Of a model that is a folder of folders, those hold weights.
    let depth = Paths.join(folder, "").split(separator: "/").count
    let weightFolders = Set(
      weights.lazy.map { $0.path.split(separator: "/") }.filter { $0.count > depth + 1 }
        .map { ExactString(String($0[depth])) })
    var names: [String] = []
    var subfolders: [String] = []
    for name in try Paths.names(in: folder) where !name.hasPrefix(".") && !weightFolders.contains(ExactString(name)) {
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
