internal import Synchronization
internal import SystemPackage

/// A file that appears whole under its final name, or not at all.
///
/// Bytes go to `.<name>.ounce-partial` in the same folder, by position and from any thread. `commit` makes them durable
/// and renames; a value that is dropped without it removes what it wrote, unless `keep` was called. The partial file is
/// locked as long as this value lives, so that two runs never write one file.
public struct OutputFile: ~Copyable, Sendable {
  /// What happens to the partial file when the value is dropped.
  private enum Fate { case removed, kept, committed }

  /// Which file on disk this is, whatever its name.
  public struct Identity: Hashable, Sendable {
    public let device: UInt64
    public let inode: UInt64

    public init(device: UInt64, inode: UInt64) {
      self.device = device
      self.inode = inode
    }

    /// That of the file of this name; nil: there is none.
    public init?(path: String) {
      guard let status = try? System.status(of: path) else { return nil }
      self.init(device: status.device, inode: status.inode)
    }
  }

  /// The final name, as the user spelled it.
  public let path: String
  private let partialPath: String
  private let descriptor: FileDescriptor
  private let fate: Mutex<Fate>
  /// Whether the file has its final name already: it is only read.
  public let isFinished: Bool

  /// Where the bytes of `path` are until they are whole.
  public static func partialPath(of path: String) -> String {
    Paths.join(Paths.folder(of: path), ".\(Paths.name(of: path)).ounce-partial")
  }

  /// Creates the partial file, or takes over the one of a run that was interrupted.
  ///
  /// - Parameter resumes: whether what is in it stays.
  /// - Throws: `OunceError` of kind `.output` when the folder is missing or closed to this user, or when another run
  ///   writes the file.
  public init(path: String, resumes: Bool = false) throws(OunceError) {
    let partialPath = Self.partialPath(of: path)
    let descriptor = try Self.locked(partialPath, for: path)
    do throws(OunceError) { if !resumes { try Self.resize(descriptor, to: 0, path) } } catch {
      try? System.remove(partialPath)
      try? descriptor.close()
      throw error
    }
    self.init(path: path, partialPath: partialPath, descriptor: descriptor, isFinished: false)
  }

  /// Opens a file that an interrupted run finished, to look whether it is what it should be.
  public init(finished path: String) throws(OunceError) {
    let descriptor: FileDescriptor
    do { descriptor = try System.open(path, .readOnly) } catch {
      throw OunceError(.output, "cannot be opened: \(error)", file: path)
    }
    self.init(path: path, partialPath: path, descriptor: descriptor, isFinished: true)
  }

  private init(path: String, partialPath: String, descriptor: FileDescriptor, isFinished: Bool) {
    self.path = path
    self.partialPath = partialPath
    self.descriptor = descriptor
    self.isFinished = isFinished
    fate = Mutex(isFinished ? .committed : .removed)
  }

  deinit {
    // Removed while it is still locked: who waits for the lock then sees that the name is gone.
    if fate.withLock({ $0 }) == .removed { try? System.remove(partialPath) }
    try? descriptor.close()
  }

  private static func locked(_ partialPath: String, for path: String) throws(OunceError) -> FileDescriptor {
    while true {
      let descriptor: FileDescriptor
      do { descriptor = try System.open(partialPath, .readWrite, options: [.create, .noFollow]) } catch {
        throw OunceError(
          .output, "cannot be created: \(error)", file: path,
          remedy: error == .noSuchFileOrDirectory ? "make the folder first" : nil)
      }
      guard System.lock(descriptor) else {
        try? descriptor.close()
        throw OunceError(
          .output, "is being written by another run", file: path, remedy: "wait for it, or choose another name with -o")
      }
      // Between opening and locking another run may have finished or removed it.
      if let status = try? System.status(of: descriptor), let named = Identity(path: partialPath),
        named == Identity(device: status.device, inode: status.inode)
      {
        return descriptor
      }
      try? descriptor.close()
    }
  }

  /// Which file on disk holds the bytes.
  public var identity: Identity? {
    guard let status = try? System.status(of: descriptor) else { return nil }
    return Identity(device: status.device, inode: status.inode)
  }

  /// Writes `bytes` at byte `offset`.
  public borrowing func write(_ bytes: RawSpan, at offset: Int) throws(OunceError) {
    guard !isFinished else {
      throw OunceError(
        .output, "is not what the interrupted run wrote", file: path, offset: offset,
        remedy: "run without --resume, with --force, to make it anew")
    }
    do { try System.write(descriptor, bytes, at: offset) } catch {
      throw OunceError(
        .output, "writing \(bytes.byteCount) bytes failed: \(error)", file: path, offset: offset,
        remedy: error == .noSpace ? "make room or choose another disk with -o" : nil)
    }
  }

  /// Fills `bytes` with what was written from byte `offset` on; whether there was enough.
  public borrowing func read(at offset: Int, into bytes: inout MutableRawSpan) throws(OunceError) -> Bool {
    do { return try System.read(descriptor, at: offset, into: &bytes) == bytes.byteCount } catch {
      throw OunceError(.output, "reading \(bytes.byteCount) bytes failed: \(error)", file: path, offset: offset)
    }
  }

  /// Gives the file its full size, so that a missing tail reads as zeros.
  public borrowing func resize(to byteCount: Int) throws(OunceError) {
    if !isFinished { try Self.resize(descriptor, to: byteCount, path) }
  }

  private static func resize(_ descriptor: FileDescriptor, to byteCount: Int, _ path: String) throws(OunceError) {
    do { try System.truncate(descriptor, to: byteCount) } catch {
      throw OunceError(.output, "cannot take \(byteCount) bytes: \(error)", file: path)
    }
  }

  /// Leaves the partial file where it is when the value is dropped.
  public borrowing func keep() {
    fate.withLock { if $0 == .removed { $0 = .kept } }
  }

  /// Makes the bytes durable. A failed fsync is final.
  public borrowing func synchronize() throws(OunceError) {
    do { try System.synchronize(descriptor) } catch {
      throw OunceError(.output, "cannot be made durable: \(error)", file: path)
    }
  }

  /// Makes the bytes durable, gives the file its name and makes the name durable.
  public consuming func commit() throws(OunceError) {
    guard !isFinished else { return }
    try synchronize()
    do { try System.rename(partialPath, to: path) } catch {
      throw OunceError(.output, "cannot be finished: \(error)", file: path)
    }
    fate.withLock { $0 = .committed }
    // Some file systems refuse fsync on a folder; the rename itself is atomic all the same.
    if let folder = try? System.open(Paths.folder(of: path), .readOnly) {
      try? System.synchronize(folder)
      try? folder.close()
    }
  }
}
