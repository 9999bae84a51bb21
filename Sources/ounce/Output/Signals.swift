#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif
import Synchronization

/// Signals that ask to stop. The first one lets the work clean up after itself; the second ends at once.
enum Signals {
  private static let received = Atomic<CInt>(0)

  static var isCancelled: Bool { received.load(ordering: .relaxed) != 0 }

  /// The exit code that shells give a program that this signal ended; 130 when none came.
  static var exitCode: CInt {
    let signal = received.load(ordering: .relaxed)
    return 128 + (signal == 0 ? SIGINT : signal)
  }

  /// Takes over the signals. A closed pipe and a file-size limit are errors of a write, not the end.
  static func handle() {
    // The handler may touch nothing that is not made yet.
    _ = isCancelled
    // A parent that blocks signals, as the worker threads of some libraries do, hands that down.
    var stopping = sigset_t()
    unsafe sigemptyset(&stopping)
    for signal in [SIGINT, SIGTERM, SIGHUP] {
      unsafe sigaddset(&stopping, signal)
      install(signal) { number in
        let before = Signals.received.exchange(number, ordering: .relaxed)
        if before != 0 { _exit(128 + number) }
      }
    }
    unsafe sigprocmask(SIG_UNBLOCK, &stopping, nil)
    install(SIGPIPE, SIG_IGN)
    install(SIGXFSZ, SIG_IGN)
  }

  private static func install(_ number: CInt, _ handler: (@convention(c) (CInt) -> Void)?) {
    #if canImport(Glibc)
      _ = Glibc.signal(number, handler)
    #elseif canImport(Musl)
      _ = Musl.signal(number, handler)
    #else
      _ = Darwin.signal(number, handler)
    #endif
  }
}
