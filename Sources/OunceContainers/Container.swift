public import OunceCore

/// A file format for tensors: a pure mapping between a file's header and a model.
///
/// Conformers say where things are; they never touch an element.
public protocol Container: Sendable {
  /// What people call it: "GGUF".
  var name: String { get }
  /// Without dots, the usual one first.
  var fileExtensions: [String] { get }
  /// Whether a file with these first bytes (up to 4096 of them) is of this format. Names are never consulted.
  func recognizes(_ head: [UInt8], byteCount: Int) -> Bool
  /// Reads the header of one file.
  func read(_ file: InputFile) throws(OunceError) -> Model
}

/// A container that can be written.
public protocol WritableContainer: Container {
  /// This container under each of its options, the usual ones first: together they can reproduce what other programs
  /// write.
  var variants: [any WritableContainer] { get }
  /// Places every byte before any element exists; touches no file.
  ///
  /// - Throws: `OunceError` when the container cannot hold a tensor or a value.
  func layout(_ metadata: Metadata, _ tensors: [TensorInfo]) throws(OunceError) -> FileLayout
}

extension WritableContainer {
  public var variants: [any WritableContainer] { [self] }
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
