#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif
internal import SystemPackage

/// Every system call of the library, and nothing else. Errors are `Errno`; the callers say which file.
enum System {
  /// What identifies a file whatever its name, and whether it changed.
  struct Status: Equatable {
    var device: UInt64
    var inode: UInt64
    var byteCount: Int
    var modifiedSeconds: Int
    var modifiedNanoseconds: Int
    var isFile: Bool
    var isFolder: Bool
  }

  static func open(_ path: String, _ mode: FileDescriptor.AccessMode, options: FileDescriptor.OpenOptions = [])
    throws(Errno) -> FileDescriptor
  {
    try converting { () throws in
      try FileDescriptor.open(
        FilePath(path), mode, options: options.union(.closeOnExec),
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
    }
  }

  static func status(of path: String) throws(Errno) -> Status {
    var info = stat()
    guard unsafe stat(path, &info) == 0 else { throw Errno(rawValue: errno) }
    return Status(info)
  }

  static func status(of descriptor: FileDescriptor) throws(Errno) -> Status {
    var info = stat()
    guard unsafe fstat(descriptor.rawValue, &info) == 0 else { throw Errno(rawValue: errno) }
    return Status(info)
  }

  /// What a file takes on disk: less than its size where it has holes.
  static func allocatedByteCount(of path: String) throws(Errno) -> Int {
    var info = stat()
    guard unsafe stat(path, &info) == 0 else { throw Errno(rawValue: errno) }
    return Int(info.st_blocks) * 512
  }

  /// Fills `bytes` from `offset` on and returns how many bytes the file had.
  static func read(_ descriptor: FileDescriptor, at offset: Int, into bytes: inout MutableRawSpan) throws(Errno) -> Int
  {
    var done = 0
    while done < bytes.byteCount {
      let wanted = min(bytes.byteCount - done, 1 << 30)
      let count = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe pread(descriptor.rawValue, buffer.baseAddress?.advanced(by: done), wanted, off_t(offset + done))
      }
      if count == 0 { break }
      if count < 0 {
        if errno == EINTR { continue }
        throw Errno(rawValue: errno)
      }
      done += count
    }
    return done
  }

  /// Reads what a pipe or a device has next; 0 at its end.
  static func readNext(_ descriptor: FileDescriptor, into bytes: inout MutableRawSpan) throws(Errno) -> Int {
    while true {
      let count = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe Self.libcRead(descriptor.rawValue, buffer.baseAddress, buffer.count)
      }
      if count >= 0 { return count }
      if errno != EINTR { throw Errno(rawValue: errno) }
    }
  }

  /// Writes all of `bytes` at `offset`.
  static func write(_ descriptor: FileDescriptor, _ bytes: RawSpan, at offset: Int) throws(Errno) {
    var done = 0
    while done < bytes.byteCount {
      let wanted = min(bytes.byteCount - done, 1 << 30)
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe pwrite(descriptor.rawValue, buffer.baseAddress?.advanced(by: done), wanted, off_t(offset + done))
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw Errno(rawValue: errno)
      }
      // A regular file that takes no byte and gives no reason would loop for ever.
      if count == 0 { throw .ioError }
      done += count
    }
  }

  static func prefetch(_ descriptor: FileDescriptor, _ range: Range<Int>) {
    #if !canImport(Darwin)
      _ = posix_fadvise(descriptor.rawValue, off_t(range.lowerBound), off_t(range.count), POSIX_FADV_WILLNEED)
    #endif
  }

  static func synchronize(_ descriptor: FileDescriptor) throws(Errno) {
    while fsync(descriptor.rawValue) != 0 {
      if errno != EINTR { throw Errno(rawValue: errno) }
    }
  }

  static func truncate(_ descriptor: FileDescriptor, to byteCount: Int) throws(Errno) {
    while ftruncate(descriptor.rawValue, off_t(byteCount)) != 0 {
      if errno != EINTR { throw Errno(rawValue: errno) }
    }
  }

  /// Takes the lock of a file, which its last descriptor gives back; whether nobody else has it. File systems without
  /// locks say yes.
  static func lock(_ descriptor: FileDescriptor) -> Bool {
    while flock(descriptor.rawValue, LOCK_EX | LOCK_NB) != 0 {
      if errno == EWOULDBLOCK { return false }
      if errno != EINTR { return true }
    }
    return true
  }

  static func rename(_ old: String, to new: String) throws(Errno) {
    guard Self.libcRename(old, new) == 0 else { throw Errno(rawValue: errno) }
  }

  static func remove(_ path: String) throws(Errno) {
    guard unsafe unlink(path) == 0 else { throw Errno(rawValue: errno) }
  }

  /// Removes a folder that is empty.
  static func removeFolder(_ path: String) throws(Errno) {
    guard unsafe rmdir(path) == 0 else { throw Errno(rawValue: errno) }
  }

  static func makeFolder(_ path: String) throws(Errno) {
    guard unsafe mkdir(path, 0o777) == 0 else { throw Errno(rawValue: errno) }
  }

  /// The bytes that this user may still write on the file system of `path`.
  static func freeByteCount(at path: String) throws(Errno) -> Int {
    var info = statvfs()
    guard unsafe statvfs(path, &info) == 0 else { throw Errno(rawValue: errno) }
    return Int(clamping: UInt64(info.f_bavail).multipliedReportingOverflow(by: UInt64(info.f_frsize)).partialValue)
  }

  static func blockByteCount(at path: String) throws(Errno) -> Int {
    var info = statvfs()
    guard unsafe statvfs(path, &info) == 0 else { throw Errno(rawValue: errno) }
    return Int(clamping: info.f_frsize)
  }

  static func canWrite(_ path: String) -> Bool { unsafe access(path, W_OK) == 0 }

  /// The names in a folder, sorted by their bytes, without `.` and `..`.
  static func names(in path: String) throws(Errno) -> [String] {
    guard let folder = unsafe opendir(path) else { throw Errno(rawValue: errno) }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while let entry = unsafe readdir(folder) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The path without links and dots; nil when there is nothing there.
  static func realPath(_ path: String) -> String? {
    guard let resolved = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
  }

  static var processID: Int { Int(getpid()) }

  /// Where files go that nobody needs to find.
  static var temporaryFolder: String {
    guard let value = unsafe getenv("TMPDIR") else { return "/tmp" }
    let path = unsafe String(cString: value)
    return path.isEmpty ? "/tmp" : path
  }

  /// A new file in `folder` that has no name.
  static func openUnnamed(in folder: String) throws(Errno) -> FileDescriptor {
    var template = Array("\(folder)/.ounce-spill-XXXXXX".utf8CString)
    let number = unsafe mkstemp(&template)
    guard number >= 0 else { throw Errno(rawValue: errno) }
    _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    unsafe unlink(template)
    return FileDescriptor(rawValue: number)
  }

  private static func libcRead(_ descriptor: CInt, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    #if canImport(Glibc)
      unsafe Glibc.read(descriptor, buffer, count)
    #elseif canImport(Musl)
      unsafe Musl.read(descriptor, buffer, count)
    #else
      unsafe Darwin.read(descriptor, buffer, count)
    #endif
  }

  private static func libcRename(_ old: String, _ new: String) -> CInt {
    #if canImport(Glibc)
      unsafe Glibc.rename(old, new)
    #elseif canImport(Musl)
      unsafe Musl.rename(old, new)
    #else
      unsafe Darwin.rename(old, new)
    #endif
  }

  private static func converting<R>(_ body: () throws -> R) throws(Errno) -> R {
    do { return try body() } catch let error as Errno { throw error } catch { throw .ioError }
  }
}

extension System.Status {
  fileprivate init(_ info: stat) {
    #if canImport(Darwin)
      let modified = info.st_mtimespec
    #else
      let modified = info.st_mtim
    #endif
    self.init(
      device: UInt64(truncatingIfNeeded: info.st_dev), inode: UInt64(truncatingIfNeeded: info.st_ino),
      byteCount: Int(info.st_size), modifiedSeconds: Int(modified.tv_sec), modifiedNanoseconds: Int(modified.tv_nsec),
      isFile: info.st_mode & S_IFMT == S_IFREG, isFolder: info.st_mode & S_IFMT == S_IFDIR)
  }
}
