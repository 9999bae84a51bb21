import Foundation
import OunceKit
import Testing

/// What a new user meets first.
struct UsageTests {
  @Test func `a misspelled command is answered with the near one`() throws {
    let result = try Program().run("quantise", "x")
    #expect(result.exit == 64)
    #expect(result.errors == "error: there is no command quantise.\nhint: did you mean `ounce quantize`?\n")
  }

  @Test func `a file in the place of a command is answered with inspect`() throws {
    let result = try Program().run(Program.checkpoint)
    #expect(result.exit == 64)
    #expect(result.errors.contains("did you mean `ounce inspect"))
  }

  @Test func `a misspelled recipe is answered with near ones`() throws {
    let folder = try Program.Folder()
    let result = try Program(folder: folder.path).run("quantize", Program.checkpoint, "--to", "Q4_KM")
    #expect(result.exit == 64)
    #expect(result.errors.contains("there is no recipe Q4_KM"))
    #expect(result.errors.contains("did you mean Q4_K_M"), "\(result.errors)")
  }

  @Test func `a path that leads nowhere is named`() throws {
    let result = try Program().run("inspect", "no/such/model")
    #expect(result.exit == 66)
    #expect(result.errors.hasPrefix("error: no/such/model: "), "\(result.errors)")
    #expect(result.output.isEmpty)
  }

  @Test func `every command has help with examples`() throws {
    for command in [
      "inspect", "check", "compare", "convert", "quantize", "imatrix", "split", "merge", "extract", "edit", "hash",
      "formats",
    ] {
      let result = try Program().run(command, "--help")
      #expect(result.exit == 0)
      #expect(result.output.contains("EXAMPLES"), "\(command)")
    }
    #expect(try Program().run("--version").output == "\(OunceKit.version)\n")
  }

  @Test func `every format of inspect says the same`() throws {
    let json = try JSONParser.parse(
      Array(try Program().run("inspect", Program.checkpoint, "--tensors", "--format", "json").output.utf8))
    #expect(json["schema"]?.string == "ounce.inspect/1")
    #expect(json["tensorCount"]?.integer == 39)
    #expect(json["tensors"]?.array?.count == 39)
    let tsv = try Program().run("inspect", Program.checkpoint, "--tensors", "--format", "tsv").output
    #expect(tsv.split(separator: "\n").count == 40)
    let markdown = try Program().run("inspect", Program.checkpoint, "--tensors", "--format", "markdown").output
    #expect(markdown.hasPrefix("| name | encoding | shape | bytes |\n| --- | --- | --- | ---: |\n"))
    let filtered = try Program().run(
      "inspect", Program.checkpoint, "--tensors", "--filter", "*.layers.0.*", "--format", "tsv"
    ).output
    #expect(filtered.split(separator: "\n").count == 10)
  }

  @Test func `every command of the README runs`() throws {
    let readme = try String(contentsOf: Program.root.appending(path: "README.md"), encoding: .utf8)
    let folder = try Program.Folder()
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("fixtures"), withDestinationPath: Program.fixtures.path)
    var count = 0
    // Lines of code blocks: every second piece between fences.
    let blocks = readme.components(separatedBy: "```").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
    for line in blocks.joined().split(separator: "\n") where line.hasPrefix("ounce ") {
      let command = line.split(separator: "#")[0].split(separator: " ").dropFirst().map(String.init)
      let result = try Program(folder: folder.path).run(command)
      #expect(result.exit == 0, "\(line): \(result.errors)")
      count += 1
    }
    #expect(count >= 3)
    for script in readme.split(separator: "\n") where script.hasPrefix("Scripts/") {
      let name = String(script.split(separator: " ")[0])
      #expect(FileManager.default.isExecutableFile(atPath: Program.root.appending(path: name).path), "\(name)")
    }
  }
}
