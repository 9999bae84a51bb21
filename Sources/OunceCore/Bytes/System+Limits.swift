#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif
internal import SystemPackage

/// What the system lets this process have.
extension System {
  #if canImport(Glibc)
    private static let openFiles = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    private static let addressSpace = __rlimit_resource_t(RLIMIT_AS.rawValue)
  #else
    private static let openFiles = RLIMIT_NOFILE
    private static let addressSpace = RLIMIT_AS
  #endif

  /// How many files this process may have open at a time.
  static var descriptorLimit: Int {
    var limit = rlimit()
    return unsafe getrlimit(openFiles, &limit) == 0 ? Int(clamping: limit.rlim_cur) : 256
  }

  /// Raises the limit of open files to the most that this process may have.
  static func raiseDescriptorLimit() {
    var limit = rlimit()
    guard unsafe getrlimit(openFiles, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
    // Darwin refuses more than its constant whatever the hard limit says.
    limit.rlim_cur = min(limit.rlim_max, max(limit.rlim_cur, 10_240))
    _ = unsafe setrlimit(openFiles, &limit)
  }

  /// What the limit of the address space leaves to this process; nil: there is none, or the system does not tell.
  static var addressSpaceLeft: Int? {
    var limit = rlimit()
    guard unsafe getrlimit(addressSpace, &limit) == 0, let limit = Int(exactly: limit.rlim_cur),
      let pages = addressSpacePages
    else { return nil }
    return limit - pages * sysconf(Int32(_SC_PAGESIZE))
  }

  /// The size of the address space, which Linux tells as the first number of a file.
  private static var addressSpacePages: Int? {
    guard let file = try? open("/proc/self/statm", .readOnly) else { return nil }
    defer { try? file.close() }
    var text = [UInt8](repeating: 0, count: 64)
    let count: Int? = try? text.withMutableRawSpan { (span) throws(Errno) in try readNext(file, into: &span) }
    guard let count else { return nil }
    let digits = text.prefix(count).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return Int(String(decoding: digits, as: UTF8.self))
  }
}
