import Foundation
import OunceCore

/// One run of the program: how it ended, what it printed, the time and the memory it took.
struct MeasuredRun {
  /// The exit code; nil: a signal ended it.
  let exit: Int32?
  /// The signal that ended it, else 0.
  let signal: Int32
  let output: String
  let errors: String
  let seconds: Double
  /// The largest resident size, in bytes; nil: not known, since the system counts the size of the process that started
  /// this one, and that was larger.
  let peakByteCount: Int?

  /// Runs `ounce` in `folder`. Starts it without Foundation's `Process`, which does not tell how much memory a process
  /// took.
  init(_ arguments: [String], in folder: String) throws {
    let base = folder + "/.run-\(UUID().uuidString)"
    defer { for ending in [".out", ".err"] { try? FileManager.default.removeItem(atPath: base + ending) } }
    // A shell changes the folder, and then becomes the program.
    let command = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", folder, Program.built] + arguments
    var environment = ProcessInfo.processInfo.environment
    environment["NO_COLOR"] = "1"
    environment["COLUMNS"] = "120"
    let variables = environment.map { "\($0)=\($1)" }
    #if os(Linux)
      var actions = posix_spawn_file_actions_t()
    #else
      var actions: posix_spawn_file_actions_t?
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, base + ".out", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, base + ".err", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    let own = Self.ownPeakByteCount
    let start = Date()
    var process: pid_t = 0
    let argv = command.map { strdup($0) } + [nil]
    let envp = variables.map { strdup($0) } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    let status = posix_spawn(&process, "/bin/sh", &actions, nil, argv, envp)
    guard status == 0 else { throw OunceError(.io, "cannot start a process: \(status)") }
    var state: Int32 = 0
    var usage = rusage()
    while wait4(process, &state, 0, &usage) < 0, errno == EINTR {}
    seconds = Date().timeIntervalSince(start)
    signal = state & 0x7F
    exit = state & 0x7F == 0 ? (state >> 8) & 0xFF : nil
    #if os(Linux)
      let peak = usage.ru_maxrss << 10
    #else
      let peak = usage.ru_maxrss
    #endif
    peakByteCount = peak <= own ? nil : peak
    output = String(decoding: try Data(contentsOf: URL(filePath: base + ".out")), as: UTF8.self)
    errors = String(decoding: try Data(contentsOf: URL(filePath: base + ".err")), as: UTF8.self)
  }

  /// The largest size that this process ever had: a child begins with it in its own account.
  private static var ownPeakByteCount: Int {
    var usage = rusage()
    #if os(Linux)
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return usage.ru_maxrss << 10
    #else
      getrusage(RUSAGE_SELF, &usage)
      return usage.ru_maxrss
    #endif
  }
}
