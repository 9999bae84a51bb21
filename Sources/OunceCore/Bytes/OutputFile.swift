internal import Synchronization
internal import SystemPackage

/// A file that appears whole under its final name, or not at all.
///
/// Bytes go to `<name>.ounce-partial-<pid>` in the same folder, by position and from any thread. `commit` makes them
/// durable and renames; a value that is dropped without it removes what it wrote.
public struct OutputFile: ~Copyable, Sendable {
  /// The final name, as the user spelled it.
  public let path: String
  private let partialPath: String
  private let descriptor: FileDescriptor
  private let isCommitted = Mutex(false)

  /// Creates the partial file.
  ///
  /// - Throws: `OunceError` of kind `.output` when the folder is missing or closed to this user.
  public init(path: String) throws(OunceError) {
    self.path = path
    partialPath = "\(path).ounce-partial-\(System.processID)"
    do { descriptor = try System.open(partialPath, .readWrite, options: [.create, .truncate]) } catch {
      throw OunceError(
        .output, "cannot be created: \(error)", file: path,
        remedy: error == .noSuchFileOrDirectory ? "make the folder first" : nil)
    }
  }

  deinit {
    try? descriptor.close()
    if !isCommitted.withLock({ $0 }) { try? System.remove(partialPath) }
  }

  /// Writes `bytes` at byte `offset`.
  public borrowing func write(_ bytes: RawSpan, at offset: Int) throws(OunceError) {
    do { try System.write(descriptor, bytes, at: offset) } catch {
      throw OunceError(
        .output, "writing \(bytes.byteCount) bytes failed: \(error)", file: path, offset: offset,
        remedy: error == .noSpace ? "make room or choose another disk with -o; nothing was left behind" : nil)
    }
  }

  /// Gives the file its full size, so that a missing tail reads as zeros.
  public borrowing func resize(to byteCount: Int) throws(OunceError) {
    do { try System.truncate(descriptor, to: byteCount) } catch {
      throw OunceError(.output, "cannot take \(byteCount) bytes: \(error)", file: path)
    }
  }

  /// Makes the bytes durable. A failed fsync is final.
  public borrowing func synchronize() throws(OunceError) {
    do { try System.synchronize(descriptor) } catch {
      throw OunceError(.output, "cannot be made durable: \(error)", file: path)
    }
  }

  /// Makes the bytes durable, gives the file its name and makes the name durable.
  public consuming func commit() throws(OunceError) {
    try synchronize()
    do { try System.rename(partialPath, to: path) } catch {
      throw OunceError(.output, "cannot be finished: \(error)", file: path)
    }
    isCommitted.withLock { $0 = true }
    // Some file systems refuse fsync on a folder; the rename itself is atomic all the same.
    if let folder = try? System.open(Paths.folder(of: path), .readOnly) {
      try? System.synchronize(folder)
      try? folder.close()
    }
  }
}
