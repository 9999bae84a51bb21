internal import OunceContainers
public import OunceCore

extension Check {
  /// The models that are meant by `paths`, in their order.
  ///
  /// A folder that is no model, or holds several, stands for every weight file and every folder with a model in it, at
  /// any depth; one without any stands for itself, so that its check fails. Hidden files and folders are passed over.
  ///
  /// - Throws: `OunceError` when a folder cannot be listed.
  public static func subjects(of paths: [String]) throws(OunceError) -> [String] {
    var subjects: [String] = []
    for path in paths {
      guard Paths.isFolder(path) else {
        subjects.append(path)
        continue
      }
      var search = SubjectSearch()
      try search.look(in: path, depth: 0)
      subjects += search.found.isEmpty ? [path] : search.found
    }
    return subjects
  }
}

/// Looks for models in a folder and its folders.
private struct SubjectSearch {
  private(set) var found: [String] = []
  /// Folders without links: a link may lead back to where it stands.
  private var visited: Set<String> = []

  init() {}

  mutating func look(in folder: String, depth: Int) throws(OunceError) {
    guard depth <= Limits.folderNesting, visited.insert(Paths.resolved(folder) ?? folder).inserted else { return }
    guard case .failure(let error) = Self.opened(folder), error.kind == .request else {
      found.append(folder)
      return
    }
    var siblings: Set<String> = []
    let names = try Paths.names(in: folder).filter { !$0.hasPrefix(".") }
    for name in names where !Paths.isFolder(Paths.join(folder, name)) {
      let path = Paths.join(folder, name)
      guard Self.mayBeWeights(name, path) else { continue }
      if siblings.contains(name) { continue }
      // Any shard opens its set: the first stands for it. Of a set that is not whole, each is looked at for itself.
      if ShardName(name) != nil, case .success(let model) = Self.opened(path) {
        siblings.formUnion(model.files.lazy.map { Paths.name(of: $0.path) })
      }
      found.append(path)
    }
    for name in names {
      let path = Paths.join(folder, name)
      guard Paths.isFolder(path) else { continue }
      // A folder that is closed to this user is one that was not checked.
      do throws(OunceError) { try look(in: path, depth: depth + 1) } catch { found.append(path) }
    }
  }

  private static func opened(_ path: String) -> Result<Model, OunceError> {
    do throws(OunceError) { return .success(try Open.model(at: path)) } catch { return .failure(error) }
  }

  private static func mayBeWeights(_ name: String, _ path: String) -> Bool {
    guard let ending = name.split(separator: ".").last.map(String.init), ending.utf8.count < name.utf8.count else {
      return false
    }
    guard endings.contains(ending), !besides.contains(where: name.hasPrefix) else { return false }
    guard vague.contains(ending), case .failure(let error) = opened(path) else { return true }
    return error.kind != .unsupported
  }

  private static let endings = Set(Containers.all.flatMap(\.fileExtensions))
  /// Endings that files of all kinds have: they count where a container knows the content, or it is a damaged download.
  private static let vague: Set<String> = ["bin", "raw", "index", "meta", "pb"]
  /// Files of training and of tokenizers that have the ending of weights.
  private static let besides = [
    "training_args", "optimizer", "scheduler", "rng_state", "random_states", "scaler", "tokenizer", "fingerprint",
    "keras_metadata", "added_tokens",
  ]
}
