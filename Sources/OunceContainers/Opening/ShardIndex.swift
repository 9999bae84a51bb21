internal import OunceCore

/// `model.safetensors.index.json` and `pytorch_model.bin.index.json`: which tensor is in which shard, as transformers
/// writes it.
///
/// ```
/// {"metadata": {"total_size": 1234}, "weight_map": {"lm_head.weight": "model-00002-of-00002.safetensors", …}}
/// ```
struct ShardIndex {
  static let ending = ".index.json"

  /// The shards, sorted by name.
  let shards: [String]
  private let path: String
  private let pool: DescriptorPool
  private let shardOfTensor: [ExactString: String]

  init(path: String, pool: DescriptorPool) throws(OunceError) {
    self.path = path
    self.pool = pool
    let map: [ExactString: String]
    do { map = try Self.map(try InputFile(path: path, pool: pool)) } catch { throw error.withRemedyForDamage }
    shardOfTensor = map
    shards = Set(map.values).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    guard shards.count <= Limits.shards else {
      throw OunceError(
        .malformed, "\(shards.count) shards are more than the limit of \(Limits.shards)", file: path)
    }
  }

  private static func map(_ file: InputFile) throws(OunceError) -> [ExactString: String] {
    let content = try file.wholeContent(atMost: Limits.jsonByteCount)
    // A pointer or an error page in place of the index.
    guard content.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") else {
      throw Probe.explain(file, Array(content.prefix(4096)))
    }
    var json = JSONParser(content, file: file.path)
    var map: [ExactString: String]?
    try json.members { (json, key, offset) throws(OunceError) in
      guard key == "weight_map" else {
        _ = try json.value()
        return
      }
      guard map == nil else { throw json.malformed("\"weight_map\" appears twice", atOffset: offset) }
      map = try weightMap(&json)
    }
    try json.finish()
    guard let map else { throw OunceError(.malformed, "has no \"weight_map\"", file: file.path) }
    guard !map.isEmpty else { throw OunceError(.malformed, "names no shard", file: file.path) }
    return map
  }

  private static func weightMap(_ json: inout JSONParser) throws(OunceError) -> [ExactString: String] {
    var map: [ExactString: String] = [:]
    try json.members { (json, tensor, offset) throws(OunceError) in
      let shard = try json.text()
      guard isInside(shard) else {
        throw json.malformed(
          "the shard \"\(shard)\" of tensor \(tensor) is not inside of the folder", atOffset: offset,
          remedy: "an index may only name files of its own folder")
      }
      guard map.updateValue(shard, forKey: ExactString(tensor)) == nil else {
        throw json.malformed("the tensor \"\(tensor)\" appears twice", atOffset: offset)
      }
    }
    return map
  }

  /// Whether a path from a file stays inside the folder of that file.
  private static func isInside(_ path: String) -> Bool {
    guard path.utf8.count <= Limits.pathByteCount, !path.utf8.contains(0) else { return false }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    return parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
  }

  func open() throws(OunceError) -> Model {
    let folder = Paths.folder(of: path)
    try Shards.checkPresent(shards, in: folder, neededBy: "of \(shards.count) shards in \(Paths.name(of: path))")
    var model = try Shards.join(shards, in: folder, pool)
    model.path = path
    try check(model, folder)
    return model
  }

  /// The index and the shards name the same tensors in the same places.
  private func check(_ model: Model, _ folder: String) throws(OunceError) {
    var found: [ExactString: String] = [:]
    var unlisted: [String] = []
    let paths = Dictionary(shards.map { (Paths.join(folder, $0), $0) }, uniquingKeysWith: { first, _ in first })
    for tensor in model.tensors {
      let key = ExactString(tensor.info.name)
      found[key] = paths[model.files[tensor.fileIndex].path]
      if shardOfTensor[key] == nil { unlisted.append(tensor.info.name) }
    }
    let missing = shardOfTensor.keys.filter { found[$0] != shardOfTensor[$0] }.map(\.string)
    let remedy = "index and shards do not belong together; fetch them again into an empty folder"
    guard missing.isEmpty else {
      let sorted = missing.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      throw OunceError(
        .malformed, "\(missing.count) tensors are not in the shards that the index names: \(listed(sorted))",
        file: path, remedy: remedy)
    }
    guard unlisted.isEmpty else {
      throw OunceError(
        .malformed, "\(unlisted.count) tensors of the shards are not in the index: \(listed(unlisted))",
        file: path, remedy: remedy)
    }
  }
}
