import Foundation
import OunceCore
import Testing

/// Files on disk: what appears, what stays, what is noticed.
final class FileTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "ounce-files-\(UUID())").path

  init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false) }
  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private func path(_ name: String) -> String { Paths.join(folder, name) }
  private func put(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path(name)))
  }
  private func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

  @Test func `an output appears when it is committed, and whole`() throws {
    let output = try OutputFile(path: path("a"))
    try Array("world".utf8).withRawSpan { (span) throws(OunceError) in try output.write(span, at: 6) }
    try Array("hello ".utf8).withRawSpan { (span) throws(OunceError) in try output.write(span, at: 0) }
    try output.resize(to: 12)
    #expect(!Paths.exists(path("a")))
    try output.commit()
    #expect(try text("a") == "hello world\0")
    #expect(try Paths.names(in: folder) == ["a"])
  }

  private func writeWithoutCommit(_ name: String) throws {
    let output = try OutputFile(path: path(name))
    try Array("half".utf8).withRawSpan { (span) throws(OunceError) in try output.write(span, at: 0) }
  }

  @Test func `an output that is dropped leaves nothing, and an older file as it was`() throws {
    try put("a", "old")
    try writeWithoutCommit("a")
    try writeWithoutCommit("b")
    #expect(try text("a") == "old")
    #expect(try Paths.names(in: folder) == ["a"])
  }

  @Test func `an older file is replaced as a whole`() throws {
    try put("a", "an older and longer text")
    let output = try OutputFile(path: path("a"))
    try Array("new".utf8).withRawSpan { (span) throws(OunceError) in try output.write(span, at: 0) }
    try output.commit()
    #expect(try text("a") == "new")
  }

  @Test func `an output in a folder that is missing is an error of the output`() {
    let error = #expect(throws: OunceError.self) { try OutputFile(path: path("none/a")).commit() }
    #expect(error?.kind == .output)
  }

  @Test func `what is no file is said so`() throws {
    #expect(#expect(throws: OunceError.self) { try InputFile(path: path("none")) }?.kind == .notFound)
    #expect(#expect(throws: OunceError.self) { try InputFile(path: folder) }?.kind == .request)
    #expect(#expect(throws: OunceError.self) { try InputFile(path: "/dev/null") }?.kind == .request)
  }

  @Test func `a file that is cut while it is read is an error with an offset, never a signal`() throws {
    try put("a", String(repeating: "x", count: 10_000))
    let file = try InputFile(path: path("a"))
    #expect(try file.bytes(9_000..<10_000).count == 1_000)
    try FileHandle(forWritingTo: URL(filePath: path("a"))).truncate(atOffset: 5_000)
    let error = #expect(throws: OunceError.self) { try file.bytes(4_000..<6_000) }
    #expect(error?.offset == 4_000)
    #expect(error?.problem == "expected 2000 more bytes, but the file ends after 1000")
    #expect(error?.remedy?.contains("shrank") == true)
    #expect(throws: OunceError.self) { try file.checkUnchanged() }
  }

  @Test func `a file that was replaced before it is opened again is noticed`() throws {
    try put("a", "first")
    let file = try InputFile(path: path("a"), pool: DescriptorPool(), isDeferred: true)
    try put("b", "other")
    try FileManager.default.removeItem(atPath: path("a"))
    try FileManager.default.moveItem(atPath: path("b"), toPath: path("a"))
    let error = #expect(throws: OunceError.self) { try file.bytes(0..<5) }
    #expect(error?.kind == .io)
  }

  @Test func `an open file that is replaced keeps its content`() throws {
    try put("a", "first")
    let file = try InputFile(path: path("a"))
    try FileManager.default.removeItem(atPath: path("a"))
    try put("a", "other")
    #expect(try file.bytes(0..<5) == Array("first".utf8))
  }

  @Test func `one file is known under every spelling`() throws {
    try put("a", "text")
    try FileManager.default.createSymbolicLink(atPath: path("link"), withDestinationPath: path("a"))
    try FileManager.default.linkItem(atPath: path("a"), toPath: path("hard"))
    try put("b", "text")
    let file = try InputFile(path: path("a"))
    for name in ["a", "link", "hard", "./a"] { #expect(file.isSameFile(as: folder + "/" + name), "\(name)") }
    #expect(!file.isSameFile(as: path("b")))
    #expect(!file.isSameFile(as: path("none")))
  }

  @Test func `a thousand files take few descriptors, and each gives its own bytes`() throws {
    let pool = DescriptorPool()
    var files: [InputFile] = []
    for number in 0..<1000 {
      try put("shard-\(number)", "\(number + 1000)")
      files.append(try InputFile(path: path("shard-\(number)"), pool: pool))
    }
    for number in [0, 999, 500, 0, 1, 2] + Array(0..<1000) {
      #expect(try files[number].bytes(0..<4) == Array("\(number + 1000)".utf8))
    }
    #if os(Linux)
      let mine = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))?.hasPrefix(folder) ?? false
      }
      #expect(mine.count <= 64, "\(mine.count) descriptors")
    #endif
  }

  @Test func `names that look alike are two files`() throws {
    try put("e\u{301}", "one")
    try put("\u{E9}", "two")
    guard try Paths.names(in: folder).count == 2 else { return }  // a file system that makes one of them
    let pool = DescriptorPool()
    let one = try InputFile(path: folder + "/e\u{301}", pool: pool)
    let two = try InputFile(path: folder + "/\u{E9}", pool: pool)
    #expect(try one.bytes(0..<3) == Array("one".utf8))
    #expect(try two.bytes(0..<3) == Array("two".utf8))
  }

  @Test func `paths are taken apart and joined as the system does`() throws {
    let table = [
      ("a", ".", "a"), ("a/b", "a", "b"), ("/a", "/", "a"), ("/a/b/", "/a", "b"), ("./a", ".", "a"),
      ("../a", "..", "a"),
      ("/", "/", "/"),
    ]
    for (path, folder, name) in table {
      #expect(Paths.folder(of: path) == folder, "\(path)")
      if path != "/" { #expect(Paths.name(of: path) == name, "\(path)") }
    }
    #expect(Paths.join("a", "b") == "a/b")
    #expect(Paths.join("a/", "b") == "a/b")
    #expect(Paths.join(".", "b") == "./b")
    try Paths.makeFolder(path("new"))
    try Paths.makeFolder(path("new"))
    #expect(Paths.isFolder(path("new")) && !Paths.isFile(path("new")))
    #expect(Paths.resolvedName(of: path("new/.")) == "new")
    #expect(try Paths.names(in: folder) == ["new"])
    #expect(try #require(Paths.freeByteCount(beside: path("new"))) > 0)
  }
}
