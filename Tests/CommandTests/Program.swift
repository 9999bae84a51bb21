import Crypto
import Foundation
import Synchronization
import Testing

/// Runs the built program as a user would, in a folder of its own.
struct Program {
  /// What came of one run.
  struct Result {
    let exit: Int32
    let output: String
    let errors: String
  }

  /// The root of the repository.
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  static let fixtures = root.appending(path: "fixtures")
  static let checkpoint = fixtures.appending(path: "tiny-docs-llama").path

  /// The program beside the running tests.
  static let built = Bundle.main.executableURL?.deletingLastPathComponent().appending(path: "ounce").path ?? "ounce"

  /// A folder that is removed when the value goes.
  final class Folder: Sendable {
    let path: String
    init() throws {
      let url = FileManager.default.temporaryDirectory.appending(path: "ounce-tests-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
      path = url.path
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func file(_ name: String) -> String { path + "/" + name }
    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
  }

  var path = Program.built
  var environment: [String: String] = [:]
  var folder: String?

  /// A process that was set up but not started, and the pipes of its streams.
  func process(_ arguments: [String]) -> (Process, output: Pipe, errors: Pipe) {
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(["COLUMNS": "120", "NO_COLOR": "1"]) { $1 }
      .merging(environment) { $1 }
    if let folder { process.currentDirectoryURL = URL(filePath: folder) }
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = FileHandle.nullDevice
    return (process, output, errors)
  }

  /// Runs to the end.
  func run(_ arguments: String...) throws -> Result { try run(arguments) }

  func run(_ arguments: [String]) throws -> Result {
    let (process, output, errors) = process(arguments)
    try process.run()
    let text = Drain(errors)
    let result = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Result(
      exit: process.terminationStatus, output: String(decoding: result, as: UTF8.self), errors: text.finish())
  }

  static func sha256(_ path: String) throws -> String {
    let data = try Data(contentsOf: URL(filePath: path))
    return SHA256.hash(data: data).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}

/// Reads a pipe on a thread of its own, so that neither stream can fill up and stop the program. Not a task: tests
/// block the few threads that tasks have.
private final class Drain: Sendable {
  private let text = Mutex("")
  private let done = DispatchSemaphore(value: 0)

  init(_ pipe: Pipe) {
    let handle = pipe.fileHandleForReading
    Thread.detachNewThread { [self] in
      let read = String(decoding: handle.readDataToEndOfFile(), as: UTF8.self)
      text.withLock { $0 = read }
      done.signal()
    }
  }

  func finish() -> String {
    done.wait()
    return text.withLock { $0 }
  }
}
