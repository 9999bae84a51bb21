public import OunceCore
internal import OunceEncoding

/// Checkpoints of torch.distributed: a folder in which every rank wrote its parts of the tensors.
///
/// | file | what |
/// |---|---|
/// | `.metadata` | a pickle of `torch.distributed.checkpoint.metadata.Metadata`: shapes, types, and the pieces |
/// | `__0_0.distcp`, … | pieces one after the other, each a checkpoint of its own with a single tensor |
///
/// Source of the format: https://github.com/pytorch/pytorch/blob/main/torch/distributed/checkpoint/metadata.py
public struct DistributedContainer: FolderContainer {
  public let name = "PyTorch distributed"

  private static let metadataName = ".metadata"

  public init() {}

  public func recognizes(_ folder: Folder) -> Bool {
    folder.hasFile(Self.metadataName) && folder.names.contains { $0.hasSuffix(".distcp") }
  }

  public func read(_ folder: Folder) throws(OunceError) -> Model {
    let pickle = try PickleMachine.run(try folder.file(Self.metadataName))
    var reader = DistributedReader(folder, pickle)
    return try reader.model(name)
  }
}

/// Follows the metadata to the pieces.
private struct DistributedReader {
  private let folder: Folder
  private let pickle: Pickle
  private var files: [InputFile] = []
  private var fileIndices: [ExactString: Int] = [:]
  private var remarks: [Remark] = []

  /// A part of a file.
  private struct Place {
    let name: String
    let range: Range<Int>
  }

  init(_ folder: Folder, _ pickle: Pickle) {
    self.folder = folder
    self.pickle = pickle
  }

  mutating func model(_ container: String) throws(OunceError) -> Model {
    let metadata = pickle.attributes(pickle.root)
    guard let list = metadata["state_dict_metadata"].flatMap({ pickle.node($0, .dictionary) }),
      let places = metadata["storage_data"].flatMap({ pickle.node($0, .dictionary) })
    else { throw malformed("does not say what the checkpoint holds") }
    let placed = try self.places(places.values)
    var tensors: [Tensor] = []
    var names: Set<ExactString> = []
    for index in stride(from: 0, to: list.values.count - 1, by: 2) {
      guard let name = pickle.text(list.values[index]) else { throw malformed("names a tensor by what is no text") }
      let attributes = pickle.attributes(list.values[index + 1])
      guard attributes["chunks"] != nil else { continue }
      guard names.insert(ExactString(name)).inserted else { throw malformed("names the tensor \(name) twice") }
      guard tensors.count < Limits.tensors else {
        throw malformed("names more tensors than the limit of \(Limits.tensors)")
      }
      if let tensor = try tensor(name, attributes, placed) { tensors.append(tensor) }
    }
    return Model(
      path: folder.path, container: container, tensors: tensors, files: files,
      remarks: PickleGlobals.remarks(pickle) + remarks)
  }

  private func malformed(_ problem: String, _ name: String? = nil) -> OunceError {
    OunceError(
      .malformed, problem, file: pickle.file.path, offset: 0, subject: name.map { "tensor \($0)" },
      remedy: "the checkpoint is damaged or incomplete; copy the whole folder again")
  }

  /// Where each piece is, by its key.
  private func places(_ entries: [PickleValue]) throws(OunceError) -> [ExactString: Place] {
    var places: [ExactString: Place] = [:]
    for index in stride(from: 0, to: entries.count - 1, by: 2) {
      let key = pickle.attributes(entries[index])
      let info = pickle.attributes(entries[index + 1])
      guard let name = key["fqn"].flatMap(pickle.text), let file = info["relative_path"].flatMap(pickle.text),
        let offset = info["offset"].flatMap(pickle.integer), let count = info["length"].flatMap(pickle.integer)
      else { throw malformed("does not say where a piece is") }
      guard Self.isInside(file) else {
        throw malformed("names the file \"\(file)\", which is not inside of the folder", name)
      }
      guard offset >= 0, count >= 0, !offset.addingReportingOverflow(count).overflow else {
        throw malformed("places \(count) bytes at byte \(offset)", name)
      }
      guard info["transform_descriptors"] ?? .null == .null else {
        throw OunceError(
          .unsupported, "its pieces are transformed (compressed) by the program that wrote them",
          file: pickle.file.path, offset: 0, subject: "tensor \(name)",
          remedy: "save the checkpoint again without transforms")
      }
      let offsets = key["offset"].flatMap(pickle.integers) ?? []
      places[Self.key(name, offsets)] = Place(name: file, range: offset..<offset + count)
    }
    return places
  }

  private static func key(_ name: String, _ offsets: [Int]) -> ExactString {
    ExactString("\(name)\n\(offsets.map(String.init).joined(separator: ","))")
  }

  /// Whether a path stays inside of its folder.
  private static func isInside(_ path: String) -> Bool {
    guard path.utf8.count <= Limits.pathByteCount, !path.utf8.contains(0) else { return false }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    return parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
  }

  /// nil: it cannot be read, which a remark says.
  private mutating func tensor(
    _ name: String, _ attributes: [String: PickleValue], _ places: [ExactString: Place]
  ) throws(OunceError) -> Tensor? {
    guard let shape = attributes["size"].flatMap(pickle.integers),
      let chunks = attributes["chunks"].flatMap(pickle.items), !chunks.isEmpty
    else { throw malformed("has no shape or no pieces", name) }
    // The state of the properties is a tuple that begins with the type.
    let properties = attributes["properties"].flatMap(pickle.addition)?.states.first.flatMap(pickle.items) ?? []
    guard let path = properties.first.flatMap(pickle.path) else { throw malformed("has no type", name) }
    guard let encoding = TorchType.element(path)?.encoding, shape.count <= Limits.dimensions else {
      remarks.append(Remark(.unsupported, subject: name, "has \(shape.count) dimensions of \(path)"))
      return nil
    }
    let info: TensorInfo
    do {
      info = try TensorInfo(name: name, shape: shape, encoding: try Encodings.require(encoding))
    } catch { throw error.located(file: pickle.file.path) }
    var tiles: [Tiles.Tile] = []
    var total = 0
    var fileIndex = 0
    var starts: Set<[Int]> = []
    for chunk in chunks {
      let chunk = pickle.attributes(chunk)
      guard let offsets = chunk["offsets"].flatMap(pickle.integers),
        let sizes = chunk["sizes"].flatMap(pickle.integers), offsets.count == shape.count, sizes.count == shape.count,
        zip(shape, zip(offsets, sizes)).allSatisfy({ $1.0 >= 0 && $1.1 >= 0 && $1.0 <= $0 && $1.1 <= $0 - $1.0 })
      else { throw malformed("has a piece outside of its shape \(shape)", name) }
      // Cannot exceed the shape; where that has a zero, so have these.
      let count = sizes.reduce(1, &*)
      guard count > 0 || chunks.count == 1 else { continue }
      guard starts.insert(offsets).inserted, count <= info.elementCount - total else {
        throw malformed("has pieces that overlap", name)
      }
      total += count
      guard let place = places[Self.key(name, offsets)] else {
        throw malformed("its piece at \(offsets) is nowhere", name)
      }
      let piece = try piece(place, name, sizes, info)
      fileIndex = piece.fileIndex
      tiles.append(.init(offsets: offsets, shape: sizes, data: piece.data))
    }
    guard total == info.elementCount else {
      throw malformed("its pieces have \(total) elements, but it has \(info.elementCount)", name)
    }
    let isWhole = tiles.count == 1 && tiles[0].shape == shape
    let data: any TensorData =
      isWhole ? tiles[0].data : Tiles(tiles, shape: shape, elementByteCount: info.encoding.bytesPerBlock)
    var tensor = Tensor(info: info, data: data)
    tensor.fileIndex = fileIndex
    return tensor
  }

  /// A checkpoint of a single tensor, in the middle of a file.
  private mutating func piece(
    _ place: Place, _ name: String, _ shape: [Int], _ info: TensorInfo
  ) throws(OunceError) -> Tensor {
    let index: Int
    if let known = fileIndices[ExactString(place.name)] {
      index = known
    } else {
      index = files.count
      guard index < Limits.shards else { throw malformed("names more files than the limit of \(Limits.shards)") }
      guard folder.hasFile(place.name) else {
        throw OunceError(
          .notFound, "is missing, but .metadata names it", file: Paths.join(folder.path, place.name),
          remedy: "copy the whole folder again")
      }
      files.append(try folder.file(place.name))
      fileIndices[ExactString(place.name)] = index
    }
    let file = files[index]
    guard place.range.upperBound <= file.byteCount else {
      throw OunceError(
        .malformed, "a piece ends at byte \(place.range.upperBound), but the file at \(file.byteCount)",
        file: file.path, offset: place.range.lowerBound, subject: "tensor \(name)",
        remedy: "the download was cut short; fetch it again")
    }
    let part = InputFile(path: file.path, part: place.range, of: file)
    let model = try TorchArchive(try ZipArchive(part)).model()
    for remark in model.remarks where !remarks.contains(remark) { remarks.append(remark) }
    guard model.tensors.count == 1, var tensor = model.tensors.first else {
      throw OunceError(
        .malformed, "a piece holds \(model.tensors.count) tensors, where one is expected", file: file.path,
        offset: place.range.lowerBound, subject: "tensor \(name)")
    }
    guard tensor.info.shape == shape, tensor.info.encoding.name == info.encoding.name else {
      throw OunceError(
        .malformed,
        "a piece is \(tensor.info.encoding.name) of shape \(tensor.info.shape), where .metadata says "
          + "\(info.encoding.name) of shape \(shape)", file: file.path, offset: place.range.lowerBound,
        subject: "tensor \(name)")
    }
    tensor.fileIndex = index
    return tensor
  }
}

extension Pickle {
  /// The attributes of an object whose state is a dictionary.
  fileprivate func attributes(_ value: PickleValue) -> [String: PickleValue] {
    var attributes: [String: PickleValue] = [:]
    for state in addition(value)?.states ?? [] {
      guard let node = node(state, .dictionary) else { continue }
      for index in stride(from: 0, to: node.values.count - 1, by: 2) {
        if let key = text(node.values[index]) { attributes[key] = node.values[index + 1] }
      }
    }
    return attributes
  }
}
