internal import OrderedCollections
internal import OunceCore

/// A GGUF that was split into several files: each says which one of how many it is.
struct GGUFSplitSet {
  private let opened: Model
  private let path: String
  private let name: ShardName
  private let pool: DescriptorPool

  /// The set that the file of `first` belongs to; nil when it stands alone.
  ///
  /// - Throws: `OunceError` when what the file says and its name disagree.
  init?(first model: Model, path: String, _ pool: DescriptorPool) throws(OunceError) {
    guard let count = model.metadata[GGUFContainer.splitCountKey]?.integer, count != 1 else { return nil }
    guard count > 1, count <= Limits.shards else {
      throw OunceError(
        .malformed, "\(count) shards are not between 1 and \(Limits.shards)", file: path,
        subject: "key \(GGUFContainer.splitCountKey)")
    }
    guard let name = ShardName(Paths.name(of: path)), name.count == count else {
      throw OunceError(
        .malformed, "is one of \(count) shards, but its name does not end in -0000N-of-\(Self.digits(count)).gguf",
        file: path, remedy: "give the shards their original names, so that they find each other")
    }
    opened = model
    self.path = path
    self.name = name
    self.pool = pool
  }

  private static func digits(_ count: Int) -> String {
    String(ShardName.name("", 1, of: count, ending: "").dropLast().suffix(5))
  }

  func open() throws(OunceError) -> Model {
    let folder = Paths.folder(of: path)
    try Shards.checkPresent(name.names, in: folder, neededBy: "of \(name.count) shards")
    var models: [Model] = []
    for (index, name) in name.names.enumerated() {
      let path = Paths.join(folder, name)
      if let error = Probe.unfinished(path) { throw error }
      let isOpened = index + 1 == self.name.number
      let model = isOpened ? opened : try Containers.read(try InputFile(path: path, pool: pool))
      try check(model, index: index, path: path)
      models.append(model)
    }
    var joined = try Shards.join(models, path: path)
    if let expected = opened.metadata[GGUFContainer.splitTensorCountKey]?.integer, expected != joined.tensors.count {
      throw OunceError(
        .malformed, "the shards hold \(joined.tensors.count) tensors instead of \(expected)", file: path,
        subject: "key \(GGUFContainer.splitTensorCountKey)",
        remedy: "the shards do not belong together; fetch them again into an empty folder")
    }
    for key in GGUFContainer.splitKeys { joined.metadata.removeValue(forKey: key) }
    return joined
  }

  /// A shard says the number that its name says.
  private func check(_ model: Model, index: Int, path: String) throws(OunceError) {
    let expected = [GGUFContainer.splitNumberKey: index, GGUFContainer.splitCountKey: name.count]
    for key in [GGUFContainer.splitNumberKey, GGUFContainer.splitCountKey] {
      guard let value = expected[key], model.metadata[key]?.integer != value else { continue }
      let found = model.metadata[key]?.integer.map { "found \($0)" } ?? "there is none"
      throw OunceError(
        .malformed, "expected \(value), \(found)", file: path, subject: "key \(key)",
        remedy: "the shards do not belong together; fetch them again into an empty folder")
    }
  }
}
