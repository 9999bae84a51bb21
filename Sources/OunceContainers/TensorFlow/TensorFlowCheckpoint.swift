public import OunceCore

/// TensorFlow's checkpoints of version 2: the variables of `tf.train.Saver`, `tf.train.Checkpoint`, Keras'
/// `save_weights` and the folder `variables` of a SavedModel.
///
/// Source: `tensorflow/core/protobuf/tensor_bundle.proto`, `tensorflow/core/util/tensor_bundle`
///
/// | file | what |
/// |---|---|
/// | `NAME.index` | a `SortedTable`: the key "" holds the header, the name of each tensor where it is |
/// | `NAME.data-00000-of-00002` | bytes of tensors, one after the other |
/// | `NAME.meta` | the graph, not needed here |
/// | `checkpoint` | which of several checkpoints of the folder is the last |
///
/// | message | fields |
/// |---|---|
/// | `BundleHeaderProto` | 1 number of shards, 2 endianness (1: big), 3 version {1 producer, 2 least consumer} |
/// | `BundleEntryProto` | 1 dtype, 2 shape, 3 shard, 4 offset, 5 byte count, 6 CRC-32C (fixed32), 7 slices |
/// | `TensorSliceProto` | 1 extent of each dimension {1 start, 2 length; no length: all of it} |
///
/// Names stay as the file spells them, `conv/kernel/.ATTRIBUTES/VARIABLE_VALUE` included. A variable that was
/// partitioned has an entry that lists its slices; each slice is an entry of its own, under a key that begins with a
/// zero byte (`TensorSlice`).
public struct TensorFlowCheckpointContainer: Container {
  static let title = "TensorFlow checkpoint"
  /// The version of the format: what a file demands of its reader must not be more.
  static let version: UInt64 = 1

  public let name = title
  public let fileExtensions = ["index"]

  public init() {}

  /// The magic number stands at the end, where a download that was cut short lacks it: then the header tells.
  public func recognizes(_ candidate: Candidate) -> Bool {
    SortedTable.isTable(candidate.file) || Self.beginsWithHeader(candidate.head)
  }

  public func read(_ file: InputFile) throws(OunceError) -> Model {
    var reader = CheckpointReader(file)
    return try reader.model()
  }

  /// The first entry of a block that is not packed: an empty key, and a header of one to three short fields.
  private static func beginsWithHeader(_ head: [UInt8]) -> Bool {
    guard head.count > 8, head[0] == 0, head[1] == 0, (6...16).contains(head[2]), head[3] == 0x08 else { return false }
    var cursor = BlockCursor(head[4...])
    guard cursor.variableInteger() != nil else { return false }
    var next = cursor.byte()
    if next == 0x10 {
      guard cursor.variableInteger() != nil else { return false }
      next = cursor.byte()
    }
    return next == 0x1A && cursor.byte().map { $0 <= 8 } == true && cursor.byte() == 0x08
  }
}

/// A folder of checkpoints, with the file that says which one is the last.
public struct TensorFlowCheckpointFolder: FolderContainer {
  public let name = TensorFlowCheckpointContainer.title

  public init() {}

  public func recognizes(_ folder: Folder) -> Bool {
    folder.names.contains(CheckpointFiles.stateName)
      && folder.names.contains { name in
        guard name.hasSuffix(CheckpointFiles.ending) else { return false }
        let prefix = "\(name.dropLast(CheckpointFiles.ending.count)).data-"
        return folder.names.contains { $0.hasPrefix(prefix) }
      }
  }

  public func read(_ folder: Folder) throws(OunceError) -> Model {
    let state = try folder.file(CheckpointFiles.stateName)
    return try Containers.read(try folder.file(try CheckpointFiles.last(state, among: folder.names)))
  }
}
