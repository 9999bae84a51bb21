import Foundation
import Testing

/// A job that was cut off goes on, and gives the same bytes.
struct ResumeTests {
  /// A folder with a source of 32 MB and what is made of it undisturbed.
  private struct Place {
    let folder: Program.Folder
    let source: String
    let reference: String

    init() throws {
      folder = try Program.Folder()
      source = folder.file("source.safetensors")
      let rows = 16_384
      let header = #"{"w.weight":{"dtype":"BF16","shape":[\#(rows),1024],"data_offsets":[0,\#(rows * 2048)]}}"#
      var bytes = Data(withUnsafeBytes(of: UInt64(header.utf8.count)) { Array($0) })
      bytes.append(Data(header.utf8))
      var state: UInt32 = 1
      let words = (0..<64 * 1024).map { _ -> UInt16 in
        state = state &* 1_664_525 &+ 1_013_904_223
        return 0x3C00 | UInt16(truncatingIfNeeded: state >> 24) | UInt16(truncatingIfNeeded: state >> 8) & 0x8000
      }
      let block = words.withUnsafeBytes { Data($0) }
      for _ in 0..<rows / 64 { bytes.append(block) }
      try bytes.write(to: URL(filePath: source))
      let path = folder.file("reference.gguf")
      let result = try Program().run(Self.arguments(source, path))
      #expect(result.exit == 0, "\(result.errors)")
      reference = try Program.sha256(path)
    }

    private var slow: Program { Program(environment: ["OUNCE_CPU": "v1"]) }

    private static func arguments(_ source: String, _ output: String) -> [String] {
      ["quantize", source, "--no-map", "--to", "Q4_K", "-j", "1", "-o", output]
    }

    func arguments(_ more: [String]) -> [String] { Self.arguments(source, folder.file("m.gguf")) + more }

    func run(_ more: String...) throws -> Program.Result { try slow.run(arguments(more)) }

    /// Begins the job and ends it by `signal` when its journal has some chunks; false: it was too fast.
    func interrupt(by signal: Int32, _ more: String...) throws -> Bool {
      let (process, _, _) = slow.process(arguments(more))
      try process.run()
      let deadline = Date(timeIntervalSinceNow: 60)
      while !folder.names.contains(".m.gguf.ounce-journal"), process.isRunning, Date() < deadline { usleep(2000) }
      kill(process.processIdentifier, signal)
      process.waitUntilExit()
      return process.terminationReason == .uncaughtSignal || process.terminationStatus != 0
    }

    func isReference() throws -> Bool { try Program.sha256(folder.file("m.gguf")) == reference }
  }

  private static let finals = ["m.gguf", "reference.gguf", "source.safetensors"]
  private static let leftovers = [".m.gguf.ounce-journal", ".m.gguf.ounce-partial"]

  @Test(arguments: [SIGKILL, SIGINT])
  func `a job that was cut off goes on and gives the same bytes`(_ signal: Int32) throws {
    let place = try Place()
    try #require(try place.interrupt(by: signal, signal == SIGKILL ? "-q" : "--resumable"))
    #expect(place.folder.names.sorted() == Self.leftovers + Self.finals.dropFirst())
    let result = try place.run("--resume")
    #expect(result.exit == 0, "\(result.errors)")
    #expect(try place.isReference())
    #expect(place.folder.names.sorted() == Self.finals)
  }

  @Test func `without being asked to go on a job clears away what was left`() throws {
    let place = try Place()
    try #require(try place.interrupt(by: SIGKILL))
    let result = try place.run()
    #expect(result.exit == 0, "\(result.errors)")
    #expect(result.errors.contains("an earlier run did not come to its end"), "\(result.errors)")
    #expect(try place.isReference())
    #expect(place.folder.names.sorted() == Self.finals)
  }

  @Test func `bytes that are not what the journal says are made anew`() throws {
    let place = try Place()
    try #require(try place.interrupt(by: SIGKILL))
    let partial = try FileHandle(forUpdating: URL(filePath: place.folder.file(".m.gguf.ounce-partial")))
    // As after a loss of power: a page of zeros where a chunk was.
    try partial.seek(toOffset: 8192)
    try partial.write(contentsOf: Data(count: 4096))
    try partial.close()
    let result = try place.run("--resume")
    #expect(result.exit == 0, "\(result.errors)")
    #expect(try place.isReference())
  }

  @Test func `other options, another source and another version are refused`() throws {
    let place = try Place()
    try #require(try place.interrupt(by: SIGINT, "--resumable"))
    let options = try place.run("--resume", "--allow-nonfinite")
    #expect(options.exit == 73)
    #expect(options.errors.contains("cannot be resumed: the options were quantize"), "\(options.errors)")

    let path = place.folder.file(".m.gguf.ounce-journal")
    let journal = try Data(contentsOf: URL(filePath: path))
    let end = try #require(journal.firstIndex(of: UInt8(ascii: "\n")))
    let header = String(decoding: journal[..<end], as: UTF8.self)
    let other = header.replacing(#/"version":"[^"]*"/#, with: #""version":"0.0.1""#)
    try (Data(other.utf8) + journal[end...]).write(to: URL(filePath: path))
    let version = try place.run("--resume")
    #expect(version.exit == 73)
    #expect(version.errors.contains("it was begun by ounce 0.0.1"), "\(version.errors)")

    try journal.write(to: URL(filePath: path))
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1_000_000_000)], ofItemAtPath: place.source)
    let source = try place.run("--resume")
    #expect(source.exit == 73)
    #expect(source.errors.contains("a source has changed since: it was source.safetensors"), "\(source.errors)")
    // Nothing was lost by asking.
    #expect(place.folder.names.sorted() == Self.leftovers + Self.finals.dropFirst())
  }

  @Test func `a journal that is damaged loses time only`() throws {
    let place = try Place()
    try #require(try place.interrupt(by: SIGKILL))
    try Data("{\"version\":".utf8).write(to: URL(filePath: place.folder.file(".m.gguf.ounce-journal")))
    let result = try place.run("--resume")
    #expect(result.exit == 0, "\(result.errors)")
    #expect(try place.isReference())
    #expect(place.folder.names.sorted() == Self.finals)
  }

  @Test func `with nothing to go on with a job starts anew and says so`() throws {
    let place = try Place()
    let result = try place.run("--resume")
    #expect(result.exit == 0)
    #expect(result.errors.contains("there is nothing to go on with"), "\(result.errors)")
    #expect(try place.isReference())
  }

  @Test func `two jobs never write one file`() throws {
    let place = try Place()
    let (process, _, _) = Program(environment: ["OUNCE_CPU": "v1"]).process(place.arguments([]))
    try process.run()
    while !place.folder.names.contains(".m.gguf.ounce-partial"), process.isRunning { usleep(1000) }
    let second = try place.run("--force")
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    // Refused, or, where the first was done by then, a run of its own.
    #expect(second.exit == 73 ? second.errors.contains("is being written by another run") : second.exit == 0)
    #expect(try place.isReference())
  }
}
