internal import OunceContainers
public import OunceCore

extension Check {
  /// The models that are meant by `paths`, in their order.
  ///
  /// A checkpoint's folder, or one that is a model as a whole, is one. Any other stands for every weight file and every
  /// folder with a model in it, at any depth; one without any stands for itself, so that its check fails. Hidden files
  /// and folders are passed over.
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
    switch Self.opened(folder) {
    case .failure(let error) where error.kind == .request: break
    case .success(let model) where !Self.isOne(folder, model): break
    default:
      found.append(folder)
      return
    }
    var siblings: Set<String> = []
    let names = try Paths.names(in: folder).filter { !$0.hasPrefix(".") }
    for name in names where !Paths.isFolder(Self.join(folder, name)) {
      let path = Self.join(folder, name)
      guard !siblings.contains(name), Self.mayBeWeights(name, path) else { continue }
      // Any shard opens its set: the first stands for it. Of a set that is not whole, each is looked at for itself.
      if ShardName(name) != nil, case .success(let model) = Self.opened(path) {
        siblings.formUnion(model.files.lazy.map { Paths.name(of: $0.path) })
      }
      found.append(path)
    }
    for name in names {
      let path = Self.join(folder, name)
      guard Paths.isFolder(path) else { continue }
      // A folder that is closed to this user is one that was not checked.
      do throws(OunceError) { try look(in: path, depth: depth + 1) } catch { found.append(path) }
    }
  }

  /// Whether a folder is one model, and not just a place where one lies.
  private static func isOne(_ folder: String, _ model: Model) -> Bool {
    if settings.contains(where: { Paths.isFile(Paths.join(folder, $0)) }) { return true }
    let place = Paths.folder(of: Paths.join(folder, "x"))
    return !model.files.allSatisfy { Paths.folder(of: $0.path) == place }
  }

  /// Names in the working folder stand alone: pipelines know files by their paths from there.
  private static func join(_ folder: String, _ name: String) -> String {
    folder == "." ? name : Paths.join(folder, name)
  }

  private static func opened(_ path: String) -> Result<Model, OunceError> {
    do throws(OunceError) { return .success(try Open.model(at: path)) } catch { return .failure(error) }
  }

  private static func mayBeWeights(_ name: String, _ path: String) -> Bool {
    guard WeightNames.include(name) else { return false }
    guard WeightNames.isVague(name), case .failure(let error) = opened(path) else { return true }
    return error.kind != .unsupported
  }

  /// Files that describe the weights beside them.
  private static let settings = [
    "config.json", "adapter_config.json", "modules.json", "tokenizer_config.json", "params.json",
  ]
}

/// What names say of files: whether they may hold weights.
enum WeightNames {
  static func include(_ name: String) -> Bool {
    guard let ending = ending(name) else { return false }
    return endings.contains(ending) && !besides.contains(where: name.hasPrefix)
  }

  /// Whether files of all kinds are called so: one counts where a container knows its content, or it is a damaged
  /// download.
  static func isVague(_ name: String) -> Bool { ending(name).map(vague.contains) ?? false }

  private static func ending(_ name: String) -> String? {
    guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return nil }
    return String(name[name.index(after: dot)...])
  }

  private static let endings = Set(Containers.all.flatMap(\.fileExtensions))
  private static let vague: Set<String> = ["bin", "raw", "index", "meta", "pb"]
  /// Files of training and of tokenizers that have the ending of weights.
  private static let besides = [
    "training_args", "optimizer", "scheduler", "rng_state", "random_states", "scaler", "tokenizer", "fingerprint",
    "keras_metadata", "added_tokens",
  ]
}
