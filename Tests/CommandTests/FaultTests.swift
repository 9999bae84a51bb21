import Foundation
import Testing

/// Whatever happens, a final name holds a whole file or none, and sources are untouched.
struct FaultTests {
  private func quantize(_ folder: Program.Folder, _ more: String...) throws -> Program.Result {
    try Program().run(["quantize", Program.checkpoint, "--to", "Q8_0", "-o", folder.file("m.gguf")] + more)
  }

  @Test func `a file that exists is kept unless it is asked to go`() throws {
    let folder = try Program.Folder()
    try Data("old".utf8).write(to: URL(filePath: folder.file("m.gguf")))
    let refused = try quantize(folder)
    #expect(refused.exit == 73)
    #expect(refused.errors.contains("m.gguf: exists.\nhint: --force replaces it"))
    #expect(try Data(contentsOf: URL(filePath: folder.file("m.gguf"))) == Data("old".utf8))
    #expect(try quantize(folder, "--force").exit == 0)
    #expect(folder.names == ["m.gguf"])
  }

  @Test func `an output that is the input is refused under any name`() throws {
    let folder = try Program.Folder()
    _ = try quantize(folder)
    let before = try Program.sha256(folder.file("m.gguf"))
    try FileManager.default.linkItem(atPath: folder.file("m.gguf"), toPath: folder.file("hard.gguf"))
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("soft.gguf"), withDestinationPath: folder.file("m.gguf"))
    for name in ["m.gguf", "hard.gguf", "soft.gguf", "../\((folder.path as NSString).lastPathComponent)/m.gguf"] {
      let result = try Program().run("convert", folder.file("m.gguf"), "-o", folder.file(name), "--force")
      #expect(result.exit == 73, "\(name)")
      #expect(result.errors.contains("is the input"), "\(result.errors)")
    }
    #expect(try Program.sha256(folder.file("m.gguf")) == before)
  }

  @Test func `a limit on file sizes is an error and leaves nothing`() throws {
    let folder = try Program.Folder()
    let result = try Program(path: "/bin/bash").run(
      "-c", "ulimit -f 100; exec \"$0\" \"$@\"", Program.built, "quantize", Program.checkpoint, "--to", "Q8_0", "-o",
      folder.file("m.gguf"))
    #expect(result.exit == 73, "\(result.errors)")
    #expect(result.errors.contains("File too large"), "\(result.errors)")
    #expect(folder.names.isEmpty)
  }

  @Test func `a missing folder and a folder in the way are named before any work`() throws {
    let folder = try Program.Folder()
    let missing = try Program().run(
      "quantize", Program.checkpoint, "--to", "Q8_0", "-o", folder.file("none/m.gguf"))
    #expect(missing.exit == 73)
    #expect(missing.errors.contains("there is no folder"))
    #expect(folder.names.isEmpty)
  }

  @Test func `NaN in a source is named with its tensor, row and column`() throws {
    let folder = try Program.Folder()
    let header = #"{"w":{"dtype":"F32","shape":[4,32],"data_offsets":[0,512]}}"#
    var floats = [Float](repeating: 0.5, count: 128)
    floats[2 * 32 + 7] = .nan
    var bytes = Data(withUnsafeBytes(of: UInt64(header.utf8.count)) { Array($0) })
    bytes.append(Data(header.utf8))
    bytes.append(floats.withUnsafeBytes { Data($0) })
    try bytes.write(to: URL(filePath: folder.file("bad.safetensors")))
    let result = try Program().run(
      "convert", folder.file("bad.safetensors"), "--no-map", "-o", folder.file("m.gguf"))
    #expect(result.exit == 65)
    #expect(result.errors.contains("tensor w: row 2, column 7 is NaN"), "\(result.errors)")
    #expect(folder.names == ["bad.safetensors"])
    let allowed = try Program().run(
      "convert", folder.file("bad.safetensors"), "--no-map", "-o", folder.file("m.gguf"), "--allow-nonfinite")
    #expect(allowed.exit == 0, "\(allowed.errors)")
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `a signal ends the work within a second and leaves nothing`(_ signal: Int32) throws {
    let folder = try Program.Folder()
    // Two billion weights, all zero and none of them on disk: far more than a second of work.
    let size = 8 << 30
    let header = #"{"w.weight":{"dtype":"F32","shape":[524288,4096],"data_offsets":[0,\#(size)]}}"#
    let path = folder.file("large.safetensors")
    var bytes = Data(withUnsafeBytes(of: UInt64(header.utf8.count)) { Array($0) })
    bytes.append(Data(header.utf8))
    try bytes.write(to: URL(filePath: path))
    let file = try FileHandle(forWritingTo: URL(filePath: path))
    try file.truncate(atOffset: UInt64(size + bytes.count))
    try file.close()
    let (process, _, errors) = Program(environment: ["OUNCE_CPU": "v1"]).process([
      "quantize", path, "--no-map", "--to", "Q4_0", "-o", folder.file("m.gguf"), "--jobs", "1",
    ])
    try process.run()
    let deadline = Date(timeIntervalSinceNow: 20)
    while folder.names.count < 2, Date() < deadline { usleep(10_000) }
    kill(process.processIdentifier, signal)
    let start = Date()
    process.waitUntilExit()
    // The bound of the promise is one second; a busy machine gets some grace.
    #expect(Date().timeIntervalSince(start) < 5)
    #expect(process.terminationReason == .exit)
    #expect(process.terminationStatus == 128 + signal)
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(text.contains("stopped; nothing was left behind"), "\(text)")
    #expect(folder.names == ["large.safetensors"])
  }

  @Test func `a reader that goes away ends the program quietly`() throws {
    let result = try Program(path: "/bin/bash").run(
      "-c", "set -o pipefail; \"$0\" inspect --tensors \"$1\" | head -n 1", Program.built, Program.checkpoint)
    #expect(result.errors.isEmpty, "\(result.errors)")
    #expect(result.exit == 0)
  }
}
