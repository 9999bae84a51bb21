public import OunceCore

/// A file format for tensors: a pure mapping between a file's header and a model.
///
/// Conformers say where things are; they never touch an element.
public protocol Container: Sendable {
  /// What people call it: "GGUF".
  var name: String { get }
  /// Without dots, the usual one first.
  var fileExtensions: [String] { get }
  /// Whether a file says how long it is, so that one that was cut short is an error. A protocol buffer does not: cut
  /// between two fields it is a shorter message.
  var tellsItsEnd: Bool { get }
  /// Whether tensors may share bytes, or take more than the file has since they are packed in it.
  var sharesBytes: Bool { get }
  /// Whether a file is of this format, by its content. Names are never consulted.
  func recognizes(_ candidate: Candidate) -> Bool
  /// Reads the header of one file, and of the files that belong to it.
  func read(_ file: InputFile) throws(OunceError) -> Model
}

extension Container {
  public var tellsItsEnd: Bool { true }
  public var sharesBytes: Bool { false }
}

/// A model that is a folder of files which mean little alone.
public protocol FolderContainer: Sendable {
  /// What people call it: "Zarr".
  var name: String { get }
  /// Whether a folder is of this format, by the names in it.
  func recognizes(_ folder: Folder) -> Bool
  func read(_ folder: Folder) throws(OunceError) -> Model
}

/// A container that can be written.
public protocol WritableContainer: Container {
  /// This container under each of its options, the usual ones first: together they can reproduce what other programs
  /// write.
  var variants: [any WritableContainer] { get }
  /// How many tensors a file holds at most; nil: any number.
  var tensorLimit: Int? { get }
  /// Places every byte before any element exists; touches no file.
  ///
  /// - Throws: `OunceError` when the container cannot hold a tensor or a value.
  func layout(_ metadata: Metadata, _ tensors: [TensorInfo]) throws(OunceError) -> FileLayout
}

extension WritableContainer {
  public var variants: [any WritableContainer] { [self] }
  public var tensorLimit: Int? { nil }
}

/// A container whose models may be spread over several files.
public protocol SplittableContainer: WritableContainer {
  /// Lays out one file, or several when the limits ask for it.
  ///
  /// - Parameters:
  ///   - name: what a single file is called; the names of shards derive from it.
  func split(
    _ metadata: Metadata, _ tensors: [TensorInfo], name: String, limits: ShardLimits
  ) throws(OunceError) -> ShardedLayout
}
