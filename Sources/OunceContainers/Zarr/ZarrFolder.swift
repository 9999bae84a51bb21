internal import OunceCore

/// A folder that arrays are looked for in: one on disk, or a part of the keys of a database.
struct ZarrFolder {
  /// Files and folders by their names.
  final class Node {
    var files: [ExactString: InputFile] = [:]
    var folders: [ExactString: Node] = [:]
  }

  let path: String
  /// What is in it, sorted by bytes.
  let names: [String]
  private let place: Place

  private enum Place {
    case disk(Folder)
    case keys(Node)
  }

  init(_ folder: Folder) {
    path = folder.path
    names = folder.names
    place = .disk(folder)
  }

  private init(_ node: Node, path: String) {
    self.path = path
    names = (node.files.keys.map(\.string) + node.folders.keys.map(\.string))
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    place = .keys(node)
  }

  /// The keys of a database as folders: a slash separates their parts.
  init(path: String, _ entries: [(key: String, file: InputFile)]) throws(OunceError) {
    let root = Node()
    for (key, file) in entries {
      var node = root
      let parts = key.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count <= Limits.folderNesting, !parts.contains("") else {
        throw OunceError(.malformed, "the key \"\(key)\" is no path", file: path)
      }
      for part in parts.dropLast() {
        let name = ExactString(String(part))
        let next = node.folders[name] ?? Node()
        node.folders[name] = next
        node = next
      }
      let name = ExactString(String(parts.last ?? ""))
      guard node.files.updateValue(file, forKey: name) == nil else {
        throw OunceError(.malformed, "the key \"\(key)\" appears twice", file: path)
      }
    }
    self.init(root, path: path)
  }

  func hasFile(_ name: String) -> Bool {
    switch place {
    case .disk(let folder): folder.hasFile(name)
    case .keys(let node): node.files[ExactString(name)] != nil
    }
  }

  func hasFolder(_ name: String) -> Bool {
    switch place {
    case .disk(let folder): folder.hasFolder(name)
    case .keys(let node): node.folders[ExactString(name)] != nil
    }
  }

  func file(_ name: String) throws(OunceError) -> InputFile {
    switch place {
    case .disk(let folder): return try folder.file(name)
    case .keys(let node):
      guard let file = node.files[ExactString(name)] else { throw missing(name) }
      return file
    }
  }

  func folder(_ name: String) throws(OunceError) -> ZarrFolder {
    switch place {
    case .disk(let folder): return ZarrFolder(try folder.folder(name))
    case .keys(let node):
      guard let inner = node.folders[ExactString(name)] else { throw missing(name) }
      return ZarrFolder(inner, path: "\(path)/\(name)")
    }
  }

  /// The same folder, or what a database in it holds.
  func opened() throws(OunceError) -> ZarrFolder {
    guard case .disk(let folder) = place, folder.hasFile("manifest.ocdbt") else { return self }
    var database = OCDBT(folder)
    return try ZarrFolder(path: path, try database.entries())
  }

  private func missing(_ name: String) -> OunceError {
    OunceError(.notFound, "there is no \(name)", file: path)
  }
}
