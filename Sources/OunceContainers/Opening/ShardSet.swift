internal import OunceCore

/// Safetensors or PyTorch files that their names alone make one model: there is no index.
struct ShardSet {
  private let folder: String
  private let name: ShardName
  private let pool: DescriptorPool

  init(path: String, _ name: ShardName, _ pool: DescriptorPool) {
    folder = Paths.folder(of: path)
    self.name = name
    self.pool = pool
  }

  init(folder: String, _ name: ShardName, _ pool: DescriptorPool) {
    self.folder = folder
    self.name = name
    self.pool = pool
  }

  func open() throws(OunceError) -> Model {
    guard name.count <= Limits.shards else {
      throw OunceError(
        .malformed, "names \(name.count) shards, more than the limit of \(Limits.shards)", file: folder,
        remedy: "the shard has another name than it was made with; fetch all of them again")
    }
    try Shards.checkPresent(name.names, in: folder, neededBy: "of \(name.count) shards")
    return try Shards.join(name.names, in: folder, pool)
  }
}

/// What sets of shards have in common.
enum Shards {
  /// - Throws: `OunceError` that names the files that are not there.
  static func checkPresent(_ names: [String], in folder: String, neededBy reason: String) throws(OunceError) {
    let missing = names.filter { !Paths.isFile(Paths.join(folder, $0)) }
    guard !missing.isEmpty else { return }
    let unfinished = missing.filter { Probe.isUnfinished(Paths.join(folder, $0)) }
    throw OunceError(
      .notFound, "\(missing.count) \(reason) are missing: \(listed(missing))", file: folder,
      remedy: unfinished.isEmpty
        ? "download them into this folder" : "finish the download of \(listed(unfinished))")
  }

  /// Reads files of one container one after the other into one model.
  static func join(_ names: [String], in folder: String, _ pool: DescriptorPool) throws(OunceError) -> Model {
    var models: [Model] = []
    for name in names {
      let path = Paths.join(folder, name)
      if let error = Probe.unfinished(path) { throw error }
      models.append(try Containers.read(try InputFile(path: path, pool: pool)))
    }
    return try join(models, path: folder)
  }

  /// Joins models whose files are shards of one. The metadata is that of the first.
  static func join(_ models: [Model], path: String) throws(OunceError) -> Model {
    guard let first = models.first else {
      throw OunceError(.malformed, "names no shard", file: path)
    }
    var joined = Model(path: path, container: first.container, metadata: first.metadata)
    var names = Set<ExactString>(minimumCapacity: models.reduce(0) { $0 + $1.tensors.count })
    for model in models {
      guard model.container == first.container else {
        throw OunceError(
          .malformed, "is \(model.container), but the first shard is \(first.container)", file: model.path,
          remedy: "the shards do not belong together; fetch them again into an empty folder")
      }
      for tensor in model.tensors where !names.insert(ExactString(tensor.info.name)).inserted {
        throw OunceError(
          .malformed, "is in an earlier shard, too", file: model.path, subject: "tensor \(tensor.info.name)",
          remedy: "the shards do not belong together; fetch them again into an empty folder")
      }
      for var tensor in model.tensors {
        tensor.fileIndex = joined.files.count
        joined.tensors.append(tensor)
      }
      joined.files += model.files
      // The same class is noted in each shard; a tensor is remarked on in one.
      for remark in model.remarks where remark.kind == .unsupported || !joined.remarks.contains(remark) {
        joined.remarks.append(remark)
      }
    }
    guard joined.tensors.count <= Limits.tensors else {
      throw OunceError(
        .malformed, "\(joined.tensors.count) tensors are more than the limit of \(Limits.tensors)", file: path)
    }
    return joined
  }
}
