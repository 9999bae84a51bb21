public import OunceCore

/// Zarr: a folder of arrays, each a folder with a description and a file for each block ("chunk") of its elements. Also
/// the checkpoints of Orbax that are made of such arrays.
///
/// | file | what |
/// |---|---|
/// | `.zgroup`, `zarr.json` with `"node_type": "group"` | a folder of arrays and of folders |
/// | `.zarray` | version 2: shape, chunks, dtype, order, compressor, filters, fill value |
/// | `0.1`, `0/1` | version 2: the chunk at row 0 and column 1 of the grid |
/// | `zarr.json` with `"node_type": "array"` | version 3: shape, chunk grid, data type, codecs, fill value |
/// | `c/0/1` | version 3: the chunk at row 0 and column 1 of the grid |
///
/// A chunk has the same size wherever it is; what reaches beyond the array is not looked at. One that is not there is
/// full of the fill value. A shard is a chunk of chunks, with an index of their places at its end or at its beginning.
/// Checksums (`crc32c`) are passed over.
///
/// The name of a tensor is the path of its folder with dots in place of slashes, as Orbax writes the keys of a tree
/// (`params.dense.kernel`).
///
/// Arrays compressed with anything but zstd, gzip or zlib are named, but not read. Orbax keeps the files of its arrays
/// in a database unless told otherwise: `OCDBT`.
///
/// Specifications: https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html, …/v3/core/index.html and
/// …/v3/codecs/sharding-indexed/index.html
public struct ZarrContainer: FolderContainer {
  public let name = "Zarr"

  public init() {}

  public func recognizes(_ folder: Folder) -> Bool {
    let marks = [
      ".zarray", ".zgroup", ".zmetadata", "zarr.json", "manifest.ocdbt", "_METADATA", "_CHECKPOINT_METADATA",
    ]
    return marks.contains { folder.hasFile($0) }
  }

  public func read(_ folder: Folder) throws(OunceError) -> Model {
    var tree = ZarrTree(ZarrFolder(folder))
    return try tree.read()
  }
}

/// Walks the folders and gathers the arrays.
private struct ZarrTree {
  private let root: ZarrFolder
  private var model: Model
  private var names = Set<ExactString>()
  private var folderCount = 0
  /// Why the first array that could not be read was not.
  private var refusal: OunceError?

  init(_ root: ZarrFolder) {
    self.root = root
    model = Model(path: root.path, container: "Zarr")
  }

  mutating func read() throws(OunceError) -> Model {
    try visit(root, "", depth: 0)
    guard !model.tensors.isEmpty else {
      throw refusal
        ?? OunceError(
          .malformed, "holds no array", file: root.path,
          remedy: "name the folder of a step, or of the item that holds the weights")
    }
    return model
  }

  private mutating func visit(_ folder: ZarrFolder, _ name: String, depth: Int) throws(OunceError) {
    guard depth <= Limits.folderNesting else {
      throw OunceError(
        .malformed, "more than \(Limits.folderNesting) folders are inside each other", file: folder.path)
    }
    folderCount += 1
    guard folderCount <= Limits.folderEntries else {
      throw OunceError(.malformed, "more than \(Limits.folderEntries) folders are inside", file: root.path)
    }
    let folder = try folder.opened()
    if let description = try ZarrDescription(folder) {
      if description.isArray { return try array(description, folder, name.isEmpty ? "data" : name) }
    }
    for inner in folder.names where !inner.hasPrefix(".") && folder.hasFolder(inner) {
      // Orbax's name for what is saved without one.
      let isItem = inner == "default" && folder.hasFolder("default") && folder.hasFile("_CHECKPOINT_METADATA")
      let path = isItem ? name : (name.isEmpty ? inner : "\(name).\(inner)")
      try visit(try folder.folder(inner), path, depth: depth + 1)
    }
  }

  private mutating func array(
    _ description: ZarrDescription, _ folder: ZarrFolder, _ name: String
  ) throws(OunceError) {
    guard names.count < Limits.tensors, names.insert(ExactString(name)).inserted else {
      throw OunceError(.malformed, "two arrays have the name \(name)", file: folder.path)
    }
    do throws(OunceError) {
      let array = try ZarrArray(description)
      let info = try TensorInfo(name: name, shape: array.shape, encoding: array.encoding)
      let chunks = try ZarrChunks(array, folder)
      var tensor = Tensor(info: info, data: chunks.data(info))
      tensor.fileIndex = model.files.count
      model.files.append(description.file)
      model.files += chunks.files
      model.tensors.append(tensor)
    } catch {
      var error = error
      error.file = error.file ?? description.file.path
      guard error.kind == .unsupported else { throw error }
      refusal = refusal ?? error
      model.remarks.append(Remark(.unsupported, subject: name, error.problem))
    }
  }
}
