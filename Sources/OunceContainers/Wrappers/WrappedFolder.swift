internal import OunceCore

/// The files of an archive, among which there should be one model.
struct WrappedFolder {
  enum Archive {
    case zip(ZipArchive)
    case tar(TarArchive)
  }

  private struct Entry {
    let name: String
    let file: InputFile
    /// The folder of the archive that it is in, with a slash behind it.
    var folder: String { name.lastIndex(of: "/").map { String(name[...$0]) } ?? "" }
    var lastName: String { String(name.dropFirst(folder.count)) }
  }

  private let archive: Archive
  private let depth: Int

  init(_ archive: Archive, depth: Int) {
    self.archive = archive
    self.depth = depth
  }

  private var file: InputFile {
    switch archive {
    case .zip(let zip): zip.file
    case .tar(let tar): tar.file
    }
  }

  private var what: String {
    switch archive {
    case .zip: "zip archive"
    case .tar: "tar archive"
    }
  }

  func model() throws(OunceError) -> Model {
    let entries = try entries()
    var weights: [Entry] = []
    var wrapped: [Entry] = []
    for entry in entries {
      let candidate = try Candidate(entry.file)
      if Containers.recognizing(candidate) != nil {
        weights.append(entry)
      } else if Wrappers.kind(candidate) != nil {
        wrapped.append(entry)
      }
    }
    if let chosen = choose(weights) { return try read(chosen, among: entries) }
    if weights.isEmpty, wrapped.count == 1, let inner = wrapped.first {
      return try Containers.read(inner.file, depth: depth + 1)
    }
    throw unclear(weights.isEmpty ? wrapped : weights, of: entries)
  }

  private func unclear(_ models: [Entry], of entries: [Entry]) -> OunceError {
    guard models.isEmpty else {
      return OunceError(
        .request, "is a \(what) of \(models.count) models: \(listed(models.map(\.name)))", file: file.path, offset: 0,
        remedy: "unpack it first, then name the model that is wanted")
    }
    return OunceError(
      .malformed,
      entries.isEmpty
        ? "is a \(what) without files" : "is a \(what) without a weight file: \(listed(entries.map(\.name)))",
      file: file.path, offset: 0, remedy: "check that it is the right file; expected one with weights in it")
  }

  /// Files that are neither hidden nor outside of the archive.
  private func entries() throws(OunceError) -> [Entry] {
    func isPlain(_ name: String) -> Bool {
      let parts = name.split(separator: "/", omittingEmptySubsequences: false)
      return !name.utf8.contains(0) && name.utf8.count <= Limits.tensorNameByteCount && parts.first != "__MACOSX"
        && parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") }
    }
    /// Archives made in a folder have "./" before each name.
    func plain(_ name: String) -> String { name.hasPrefix("./") ? String(name.dropFirst(2)) : name }
    var entries: [Entry] = []
    switch archive {
    case .zip(let zip):
      for member in zip.members where isPlain(member.name) && entries.count <= Limits.wrapperMembers {
        entries.append(Entry(name: member.name, file: try zip.open(member)))
      }
    case .tar(let tar):
      for member in tar.members where isPlain(plain(member.name)) && entries.count <= Limits.wrapperMembers {
        entries.append(Entry(name: plain(member.name), file: tar.open(member)))
      }
    }
    guard entries.count <= Limits.wrapperMembers else {
      throw OunceError(
        .unsupported, "is a \(what) of more than \(Limits.wrapperMembers) files", file: file.path, offset: 0,
        remedy: "unpack it first, then name the model that is wanted")
    }
    return entries
  }

  /// The only weight file, the one that a folder of several means, or a whole set of shards; nil when it is unclear.
  private func choose(_ weights: [Entry]) -> [Entry]? {
    if weights.count == 1 { return weights }
    let rest = weights.filter { entry in !FolderContents.besides.contains(where: entry.lastName.hasPrefix) }
    if rest.count == 1 { return rest }
    let named = rest.filter { $0.lastName == "model.safetensors" }
    if named.count == 1 { return named }
    let shards = rest.filter { ShardName($0.lastName)?.ending == "safetensors" }
    guard let first = shards.first, let set = ShardName(first.lastName)?.names, set.count == shards.count,
      shards.allSatisfy({ $0.folder == first.folder })
    else { return nil }
    let sorted = shards.sorted { $0.lastName.utf8.lexicographicallyPrecedes($1.lastName.utf8) }
    return sorted.map(\.lastName) == set ? sorted : nil
  }

  private func read(_ chosen: [Entry], among entries: [Entry]) throws(OunceError) -> Model {
    var models: [Model] = []
    for entry in chosen { models.append(try Containers.read(entry.file, depth: depth + 1)) }
    guard let first = models.first, let folder = chosen.first?.folder else {
      throw OunceError(.malformed, "is a \(what) without files", file: file.path)
    }
    var model = models.count == 1 ? first : try Shards.join(models, path: file.path)
    let beside = entries.filter { $0.name.hasPrefix(folder) }
    func named(_ entry: Entry) -> String { String(entry.name.dropFirst(folder.count)) }
    guard beside.contains(where: { FolderContents.checkpointNames.contains(named($0)) }) else { return model }
    let weights = Set(chosen.map { ExactString($0.name) })
    for entry in beside where !weights.contains(ExactString(entry.name)) {
      // As in a folder: its files and those of its subfolders.
      if named(entry).utf8.count(where: { $0 == UInt8(ascii: "/") }) < 2 { model.companions[named(entry)] = entry.file }
    }
    return model
  }
}
