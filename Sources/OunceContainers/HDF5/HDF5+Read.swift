internal import OrderedCollections
internal import OunceCore
internal import OunceEncoding

/// Reads an HDF5 file: walks its groups from the root, in the order of names.
struct HDF5Reader {
  private let source: HDF5Source
  private let rootPlace: Int
  private let cache = HDF5ChunkCache()
  /// What was read, by the place of its header: a path that leads to the same object reads nothing again.
  private var objects: [Int: HDF5Object] = [:]
  private var tensors: [Tensor] = []
  private var remarks: [Remark] = []
  private var names: Set<ExactString> = []
  /// The groups from the root to here.
  private var path: [Int] = []
  private var linkCount = 0
  /// A link takes some bytes of the file, but one group may be reached by many paths.
  private let linkLimit: Int
  private var nameByteCount = 0
  private var byteCount = 0

  init(_ file: InputFile) throws(OunceError) {
    let superblock = try HDF5Superblock(file)
    source = superblock.source
    rootPlace = superblock.rootPlace
    linkLimit = min(Limits.hdf5Links, Limits.hdf5SmallFilePaths + file.byteCount / 8)
  }

  mutating func model() throws(OunceError) -> Model {
    do throws(OunceError) {
      let metadata = try metadata()
      guard case .group(let links) = try object(at: rootPlace) else {
        throw source.malformed("the root of the file is no group", at: rootPlace)
      }
      if let text = metadata[KerasConfiguration.key]?.string { remarks += KerasConfiguration.remarks(text) }
      path = [rootPlace]
      try walk(links, under: "")
      if tensors.isEmpty, let remark = remarks.first(where: { $0.kind == .unsupported }) {
        throw OunceError(
          .unsupported, "holds no tensor that can be read: \(remark.subject) \(remark.text)", file: source.file.path,
          remedy: "write its numbers to another file with h5py")
      }
      return Model(
        path: source.file.path, container: "HDF5", metadata: metadata, tensors: tensors, files: [source.file],
        remarks: remarks)
    } catch { throw error.located(file: source.file.path) }
  }

  /// The attributes of the root group.
  private func metadata() throws(OunceError) -> Metadata {
    var reader = HDF5AttributeReader(source)
    var metadata: Metadata = [:]
    for (name, value) in try reader.attributes(try source.messages(at: rootPlace)) {
      guard name.utf8.count <= Limits.metadataKeyByteCount else {
        throw source.malformed("an attribute has a name of \(name.utf8.count) bytes", at: rootPlace)
      }
      if let known = metadata.index(forKey: name) {
        throw source.malformed(repeated(name, metadata.keys[known]), at: rootPlace)
      }
      metadata[name] = value
    }
    return metadata
  }

  private mutating func walk(_ links: [HDF5Link], under prefix: String) throws(OunceError) {
    for link in links {
      let name = prefix + link.name
      linkCount += 1
      nameByteCount += name.utf8.count
      guard linkCount <= linkLimit, nameByteCount <= Limits.hdf5NameByteCount else {
        throw source.malformed(
          "more than the limit of \(linkLimit) paths, or of \(Limits.hdf5NameByteCount) bytes in them",
          at: path.last ?? rootPlace)
      }
      switch link.target {
      case .object(let place): try visit(place, name)
      case .path(let target):
        remarks.append(Remark(.note, subject: name, "is another name of \(target.prefix(200)), which is left aside"))
      case .elsewhere(let file):
        remarks.append(Remark(.note, subject: name, "is in the file \(file.prefix(200)), which is left aside"))
      }
    }
  }

  private mutating func visit(_ place: Int, _ name: String) throws(OunceError) {
    guard name.utf8.count <= Limits.tensorNameByteCount else {
      throw source.malformed("a path of \(name.utf8.count) bytes is beyond the limit", at: place)
    }
    let object: HDF5Object
    do throws(OunceError) { object = try self.object(at: place) } catch {
      throw error.located(subject: "object \(name)")
    }
    switch object {
    case .other: return
    case .unsupported(let reason): remarks.append(Remark(.unsupported, subject: name, reason))
    case .dataset(let dataset):
      guard names.insert(ExactString(name)).inserted else {
        throw source.malformed("the path \"\(name)\" appears twice", at: place)
      }
      let tensor = try Tensor(name: name, shape: dataset.shape, encoding: dataset.encoding, data: dataset.data)
      // A dataset with many names, or of which nothing was written, may be larger than its file.
      let (sum, overflow) = byteCount.addingReportingOverflow(tensor.info.byteCount)
      byteCount = overflow ? .max : sum
      try Unpacking.check(byteCount, from: source.file)
      tensors.append(tensor)
    case .group(let links):
      guard !path.contains(place) else {
        remarks.append(Remark(.note, subject: name, "leads back to a group that it is in"))
        return
      }
      guard path.count < Limits.hdf5Nesting else {
        throw source.malformed("groups are nested deeper than \(Limits.hdf5Nesting)", at: place)
      }
      path.append(place)
      try walk(links, under: name + "/")
      path.removeLast()
    }
  }

  private mutating func object(at place: Int) throws(OunceError) -> HDF5Object {
    if let object = objects[place] { return object }
    let messages = try source.messages(at: place)
    let object: HDF5Object
    let kinds = messages.map(\.kind)
    if kinds.contains(where: { [.symbolTable, .linkInfo, .link, .groupInfo].contains($0) }) {
      var reader = HDF5LinkReader(source)
      object = .group(try reader.links(messages, at: place))
    } else if kinds.contains(.layout) || kinds.contains(.dataspace) {
      object = try HDF5DatasetReader(source: source, cache: cache, place: place, messages: messages).object()
    } else {
      object = .other
    }
    objects[place] = object
    return object
  }
}
