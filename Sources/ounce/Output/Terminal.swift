#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the tool writes to: results on standard output, all else on standard error.
enum Terminal {
  static let output = Stream(descriptor: 1)
  static let errors = Stream(descriptor: 2)

  /// The value of an environment variable; nil when it is unset or empty.
  static func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// Threads: the option, else `OUNCE_JOBS`, else nil.
  static func jobs(_ option: Int?) -> Int? {
    option ?? environment("OUNCE_JOBS").flatMap(Int.init).flatMap { (1...1024).contains($0) ? $0 : nil }
  }

  /// Whether text may hold more than ASCII, as the locale says: the first of these that is set decides.
  static var isUnicode: Bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment($0) }.first
    guard let locale = locale?.uppercased() else { return false }
    return locale.contains("UTF-8") || locale.contains("UTF8")
  }

  /// Seconds on a clock that only goes forward.
  static var now: Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// One of the two standard streams.
struct Stream: Sendable {
  let descriptor: CInt

  var isTerminal: Bool { isatty(descriptor) == 1 }

  /// Columns of the terminal; 80 where nobody says.
  var width: Int {
    if let columns = Terminal.environment("COLUMNS").flatMap(Int.init), columns > 0 { return columns }
    var size = winsize()
    guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Columns that a table should fit into; nil: any number, since no terminal shows it.
  var tableWidth: Int? { isTerminal ? width : nil }

  /// Writes all of `text`. A reader that went away ends the program quietly, as it does other tools in a pipe.
  func write(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        #if canImport(Glibc)
          unsafe Glibc.write(descriptor, buffer.baseAddress, buffer.count)
        #elseif canImport(Musl)
          unsafe Musl.write(descriptor, buffer.baseAddress, buffer.count)
        #else
          unsafe Darwin.write(descriptor, buffer.baseAddress, buffer.count)
        #endif
      }
      if count < 0 {
        if errno == EINTR { continue }
        if errno == EPIPE { exit(0) }
        // Standard error that cannot be written has nobody to tell.
        if descriptor == 2 { return }
        let reason = unsafe String(cString: strerror(errno))
        Terminal.errors.line("error: standard output cannot be written: \(reason).")
        exit(2)
      }
      bytes = bytes.dropFirst(count)
    }
  }

  func line(_ text: String) { write(text + "\n") }
}
