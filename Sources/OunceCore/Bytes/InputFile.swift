internal import Synchronization
internal import SystemPackage

/// A file that is only read, by position, from any thread. Also what stands for one: bytes in memory, a part of another
/// file, and a member of an archive that is unpacked as far as it is read.
///
/// Reads are `pread`: a file that is cut short while it is read is an error with an offset, never a signal. Descriptors
/// are opened when needed and shared through a pool, so that a thousand shards need no thousand descriptors.
public final class InputFile: Sendable {
  /// The path as the user spelled it; errors show it.
  public let path: String
  public let byteCount: Int
  private let content: Content

  private enum Content: Sendable {
    case memory([UInt8])
    case file(System.Status, DescriptorPool)
    case part(of: InputFile, offset: Int)
    case unpacked(SpilledContent, from: InputFile)
  }

  /// Opens a regular file.
  ///
  /// - Throws: `OunceError` when there is none, or when it is a folder or a device.
  public convenience init(path: String) throws(OunceError) {
    try self.init(path: path, pool: .init())
  }

  /// The same, sharing descriptors with other files of one model. A deferred file is opened by its first read.
  public init(path: String, pool: DescriptorPool, isDeferred: Bool = false) throws(OunceError) {
    self.path = path
    let status: System.Status
    do { status = try System.status(of: path) } catch {
      throw OunceError(
        error == .noSuchFileOrDirectory ? .notFound : .io, "cannot be opened: \(error)", file: path,
        remedy: error == .noSuchFileOrDirectory ? "check the path" : nil)
    }
    if status.isFolder {
      throw OunceError(.request, "expected a file, found a folder", file: path)
    }
    guard status.isFile else {
      throw OunceError(
        .request, "is not a regular file", file: path,
        remedy: "weights are read by position, which a pipe or a device cannot do; save it to a file first")
    }
    byteCount = status.byteCount
    content = .file(status, pool)
    if !isDeferred { _ = try pool.descriptor(for: path, expecting: status) }
  }

  /// Bytes that stand for a file.
  public init(path: String, bytes: [UInt8]) {
    self.path = path
    byteCount = bytes.count
    content = .memory(bytes)
  }

  /// Bytes of another file under a name of their own: a member that an archive stores as it is. The caller has checked
  /// that `range` is inside.
  public init(path: String, part range: Range<Int>, of file: InputFile) {
    self.path = path
    byteCount = range.count
    content = .part(of: file, offset: range.lowerBound)
  }

  /// What a stream gives that is read from `file`, `byteCount` bytes of it. It is unpacked when it is read, as far as
  /// that, into a file without a name.
  public init(path: String, unpacking stream: sending any ByteStream, byteCount: Int, from file: InputFile) {
    self.path = path
    self.byteCount = byteCount
    content = .unpacked(SpilledContent(stream, byteCount: byteCount, in: file.spillSpace), from: file)
  }

  /// All that a stream gives that is read from `file` and does not say how much that is: unpacked at once, into a file
  /// without a name. nil when it has more than `limit` bytes.
  public init?(
    path: String, unpackingAll stream: sending any ByteStream, atMost limit: Int, from file: InputFile
  ) throws(OunceError) {
    let unpacked: SpilledContent?
    do { unpacked = try SpilledContent(whole: stream, atMost: limit, beside: file.spillSpace) } catch {
      throw error.located(file: path)
    }
    guard let content = unpacked else { return nil }
    self.path = path
    byteCount = content.byteCount
    self.content = .unpacked(content, from: file)
  }

  /// The file on disk that holds these bytes; this one unless it is a part of another.
  public var container: InputFile {
    switch content {
    case .memory, .file: self
    case .part(let file, _), .unpacked(_, let file): file.container
    }
  }

  private var spillSpace: SpillSpace {
    switch content {
    case .memory: SpillSpace()
    case .file(_, let pool): pool.spillSpace
    case .part(let file, _), .unpacked(_, let file): file.spillSpace
    }
  }

  /// Another file of the same folder.
  ///
  /// - Throws: `OunceError` when there is none.
  public func sibling(_ name: String) throws(OunceError) -> InputFile {
    let path = Paths.join(Paths.folder(of: container.path), name)
    guard case .file(_, let pool) = container.content else {
      throw OunceError(.notFound, "is needed, but there is no folder to look for it", file: path)
    }
    return try InputFile(path: path, pool: pool)
  }

  /// Fills all of `bytes` from byte `offset` on.
  ///
  /// - Throws: `OunceError` when the file ends before or the read fails.
  public func read(at offset: Int, into bytes: inout MutableRawSpan) throws(OunceError) {
    let wanted = bytes.byteCount
    let found: Int
    switch content {
    case .memory(let stored):
      found = max(0, min(wanted, stored.count - offset))
      if found > 0 { stored.withRawSpan { bytes.copy($0.extracting(offset..<offset + found)) } }
    case .file(let status, let pool):
      let open = try pool.descriptor(for: path, expecting: status)
      do { found = try System.read(open.descriptor, at: offset, into: &bytes) } catch {
        throw OunceError(.io, "reading \(wanted) bytes failed: \(error)", file: path, offset: offset)
      }
    case .part(let file, let start):
      guard offset + wanted <= byteCount else {
        found = max(0, byteCount - offset)
        break
      }
      return try file.read(at: start + offset, into: &bytes)
    case .unpacked(let content, _):
      do { found = try content.read(at: offset, into: &bytes) } catch { throw error.located(file: path) }
    }
    guard found == wanted else {
      let shrank = offset + wanted <= byteCount
      if case .unpacked = content, shrank {
        throw OunceError(
          .malformed, "unpacks to \(offset + found) bytes instead of \(byteCount)", file: path, offset: offset + found,
          remedy: "the file is damaged; fetch it again")
      }
      throw OunceError(
        .malformed, "expected \(wanted) more bytes, but the file ends after \(found)", file: path, offset: offset,
        remedy: shrank
          ? "the file shrank while it was read; find out what else writes it"
          : "the download was cut short; fetch it again")
    }
  }

  /// Tells the system that `range` is read soon. A hint: it cannot fail.
  public func prefetch(_ range: Range<Int>) {
    if case .part(let file, let offset) = content {
      return file.prefetch(offset + range.lowerBound..<offset + range.upperBound)
    }
    guard case .file(let status, let pool) = content,
      let open = try? pool.descriptor(for: path, expecting: status)
    else { return }
    System.prefetch(open.descriptor, range)
  }

  /// The bytes of `range`.
  public func bytes(_ range: Range<Int>) throws(OunceError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: range.count)
    try bytes.withMutableRawSpan { (span) throws(OunceError) in try read(at: range.lowerBound, into: &span) }
    return bytes
  }

  /// The first bytes, at most `count`, for recognizing a format.
  public func head(_ count: Int = 4096) throws(OunceError) -> [UInt8] { try bytes(0..<min(count, byteCount)) }

  /// All bytes of a small file.
  public func wholeContent(atMost limit: Int) throws(OunceError) -> [UInt8] {
    guard byteCount <= limit else {
      throw OunceError(.malformed, "has \(byteCount) bytes, more than the limit of \(limit)", file: path)
    }
    return try bytes(0..<byteCount)
  }

  /// Whether the file on disk still has the size and the time of modification that it had when it was opened.
  ///
  /// - Throws: `OunceError` when it changed.
  public func checkUnchanged() throws(OunceError) {
    guard case .file(let status, let pool) = container.content else { return }
    let path = container.path
    let open = try pool.descriptor(for: path, expecting: status)
    guard let now = try? System.status(of: open.descriptor), now == status else {
      throw OunceError(
        .io, "changed while it was read", file: path, remedy: "find out what else writes it, then run again")
    }
  }

  /// The file on disk as it was when it was opened: its name, size and time of modification, in words that are equal
  /// only for the same. nil: it is on no disk.
  public var stamp: String? {
    guard case .file(let status, _) = container.content else { return nil }
    return "\(Paths.name(of: container.path)): \(status.byteCount) bytes of "
      + "\(status.modifiedSeconds).\(status.modifiedNanoseconds)"
  }

  /// Whether `path` names this very file, whatever its spelling: compared by device and inode.
  public func isSameFile(as path: String) -> Bool {
    guard case .file(let status, _) = container.content, let other = try? System.status(of: path) else { return false }
    return status.device == other.device && status.inode == other.inode
  }
}

/// Open descriptors, at most `limit` at a time: the least recently used one is closed first.
public final class DescriptorPool: Sendable {
  final class Open: Sendable {
    let descriptor: FileDescriptor
    init(_ descriptor: FileDescriptor) { self.descriptor = descriptor }
    deinit { try? descriptor.close() }
  }

  private let limit: Int
  /// Most recently used last. A reader that still holds an evicted entry keeps it open until it is done.
  private let entries = Mutex<[(path: ExactString, open: Open)]>([])

  /// Asks the system for as many open files as it gives to this process: outputs of many parts are written together.
  public static func raiseLimit() { System.raiseDescriptorLimit() }

  /// Where archives among the files are unpacked.
  public let spillSpace: SpillSpace

  public init(limit: Int = 32, spillSpace: SpillSpace = SpillSpace()) {
    // Half of what a process may have stays for its outputs and pipes.
    self.limit = max(1, min(limit, System.descriptorLimit / 2 - 4))
    self.spillSpace = spillSpace
  }

  func descriptor(for path: String, expecting status: System.Status) throws(OunceError) -> Open {
    let key = ExactString(path)
    let cached: Open? = entries.withLock { entries in
      guard let index = entries.lastIndex(where: { $0.path == key }) else { return nil }
      let entry = entries[index]
      if index != entries.count - 1 {
        entries.remove(at: index)
        entries.append(entry)
      }
      return entry.open
    }
    if let cached { return cached }
    let open: Open
    let found: System.Status
    do {
      open = Open(try opened(path))
      found = try System.status(of: open.descriptor)
    } catch {
      throw OunceError(
        error == .noSuchFileOrDirectory || error == .permissionDenied ? .notFound : .io,
        "cannot be opened: \(error)", file: path)
    }
    guard found == status else {
      throw OunceError(.io, "was replaced while it was in use", file: path, remedy: "run again on the new file")
    }
    entries.withLock { entries in
      entries.append((key, open))
      if entries.count > limit { entries.removeFirst() }
    }
    return open
  }

  /// Opens a file; where the process may have no more of them, those that are not in use make room.
  private func opened(_ path: String) throws(Errno) -> FileDescriptor {
    do { return try System.open(path, .readOnly) } catch {
      guard error == .tooManyOpenFiles else { throw error }
    }
    entries.withLock { $0.removeAll() }
    return try System.open(path, .readOnly)
  }
}
