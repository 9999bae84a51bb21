import Foundation
import OunceKit
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// What programs read: JSON held against docs/schemas, SARIF and JUnit.
struct SchemaTests {
  private func schema(_ name: String) -> String { Program.root.appending(path: "docs/schemas/\(name).json").path }

  /// A folder with a model, one with a NaN, one that is cut, and one whose values stand for real numbers.
  private func models() throws -> Program.Folder {
    let folder = try Program.Folder()
    let program = Program(folder: folder.path)
    #expect(try program.run("quantize", Program.checkpoint, "--to", "Q4_K_M", "-o", "q4.gguf").exit == 0)
    #expect(try program.run("convert", Program.checkpoint, "-o", "floats.safetensors").exit == 0)
    let model = try Open.model(at: folder.file("floats.safetensors"))
    let region = try #require(model.tensors.first { $0.info.name == "model.norm.weight" }?.data as? FileRegion)
    var data = try Data(contentsOf: URL(filePath: folder.file("floats.safetensors")))
    data.replaceSubrange(region.offset..<region.offset + 4, with: [0xC0, 0x7F, 0x80, 0xFF])
    try data.write(to: URL(filePath: folder.file("na n:&<é.safetensors")))
    try data.prefix(data.count - 7).write(to: URL(filePath: folder.file("cut.safetensors")))
    return folder
  }

  private static let bad = "na n:&<é.safetensors"

  /// Writes what a command prints, and names it with its schema.
  private func documents(_ folder: Program.Folder) throws -> [String] {
    let checkpoint = Program.checkpoint
    let runs: [(schema: String, arguments: [String])] = [
      ("check", ["check", checkpoint, "q4.gguf", Self.bad, "cut.safetensors", "nowhere.gguf"]),
      ("check", ["check", "q4.gguf", "--level", "quick"]),
      ("check", ["check", checkpoint, "--level", "deep", "--fail-on", "note"]),
      ("compare", ["compare", checkpoint, "q4.gguf", "--fail-above", "relative=0.01"]),
      ("compare", ["compare", "floats.safetensors", Self.bad, "--metrics", "sqnr,max", "--top", "3"]),
      ("inspect", ["inspect", "q4.gguf"]), ("inspect", ["inspect", checkpoint, "--tensors", "--metadata"]),
      ("inspect", ["inspect", "q4.gguf", "floats.safetensors"]),
      ("inspect", ["inspect", Self.bad, "--stats"]), ("inspect", ["inspect", "q4.gguf", "--stats", "--metadata"]),
      ("hashes", ["hash", "q4.gguf"]), ("hashes", ["hash", "q4.gguf", Self.bad, "--per", "tensor"]),
      ("hashes", ["hash", checkpoint, "--per", "file"]), ("formats", ["formats"]),
      ("formats", ["formats", "--recipes"]),
    ]
    var pairs: [String] = []
    for (index, run) in runs.enumerated() {
      let result = try Program(folder: folder.path).run(run.arguments + ["--format", "json"])
      #expect(result.exit <= 1 && !result.output.isEmpty, "\(run.arguments): \(result.errors)")
      let path = folder.file("\(index).json")
      try result.output.write(toFile: path, atomically: true, encoding: .utf8)
      pairs += [schema(run.schema), path]
    }
    #expect(try Program(folder: folder.path).run("hash", "q4.gguf", "-o", "hashes.json").exit == 0)
    return pairs + [schema("hash"), folder.file("hashes.json")]
  }

  @Test func `JSON is as its schemas say`() throws {
    let folder = try models()
    let pairs = try documents(folder)
    #expect(Set(stride(from: 0, to: pairs.count, by: 2).map { pairs[$0] }).count == 6, "every schema but progress")
    guard let result = try Python.validate(pairs) else { return }
    #expect(result.exit == 0, "\(result.output)\(result.errors)")
    // Schemas that take everything would prove nothing: each refuses a document that lacks what it demands.
    for index in stride(from: 0, to: pairs.count, by: 2) {
      let text = try String(contentsOfFile: pairs[index + 1], encoding: .utf8)
      let broken = text.replacing("\"schema\"", with: "\"scheme\"").replacing("\"container\"", with: "\"kontainer\"")
      let path = folder.file("broken.json")
      try broken.write(toFile: path, atomically: true, encoding: .utf8)
      #expect(try Python.validate([pairs[index], path])?.exit == 1, "\(pairs[index])")
    }
  }

  @Test func `lines of progress are as their schema says`() throws {
    let folder = try Program.Folder()
    // Large enough to be worth a line: nothing is shown in the first fifth of a second.
    let count = 48 << 20
    let header = Array(
      #"{"w":{"dtype":"F32","shape":[48,262144],"data_offsets":[0,\#(count)]}}"#.utf8)
    var data = Data((0..<8).map { UInt8(header.count >> ($0 * 8) & 255) } + header)
    data.append(Data(count: count))
    try data.write(to: URL(filePath: folder.file("large.safetensors")))
    let program = Program(folder: folder.path)
    var lines: [Substring] = []
    for command in [["inspect", "--stats"], ["check"], ["hash"]] {
      let result = try program.run(command + ["large.safetensors", "--progress", "json", "--jobs", "1"])
      lines += result.errors.split(separator: "\n").filter { $0.hasPrefix("{") }
    }
    #expect(!lines.isEmpty)
    try lines.joined(separator: "\n").write(toFile: folder.file("lines"), atomically: true, encoding: .utf8)
    guard let result = try Python.validate(["--lines", schema("progress"), folder.file("lines")]) else { return }
    #expect(result.exit == 0, "\(result.output)\(result.errors)")
  }

  @Test func `SARIF has what the standard demands`() throws {
    let folder = try models()
    let essentials = Program.fixtures.appending(path: "schemas/sarif-2.1.0-essentials.json").path
    let program = Program(folder: folder.path)
    let run = ["check", Program.checkpoint, Self.bad, "cut.safetensors", "nowhere.gguf"]
    let result = try program.run(run + ["--format", "sarif", "-o", "all.sarif"])
    #expect(result.exit == 1 && result.output.isEmpty, "\(result.output)\(result.errors)")
    // The same beside another format, from the same reading.
    let both = try program.run(run + ["--format", "junit", "--sarif", "both.sarif"])
    #expect(both.exit == 1 && both.output.hasPrefix("<?xml"), "\(both.errors)")
    let text = try String(contentsOfFile: folder.file("all.sarif"), encoding: .utf8)
    #expect(try String(contentsOfFile: folder.file("both.sarif"), encoding: .utf8) == text)
    let sarif = try JSONParser.parse(Array(text.utf8))["runs"]?.array?.first
    let results = try #require(sarif?["results"]?.array)
    let rules = Set((sarif?["tool"]?["driver"]?["rules"]?.array ?? []).compactMap { $0["id"]?.string })
    #expect(results.compactMap { $0["ruleId"]?.string } == ["OUN201", "OUN102", "OUN101"])
    #expect(results.allSatisfy { rules.contains($0["ruleId"]?.string ?? "") })
    let prints = results.compactMap { $0["partialFingerprints"]?["primaryLocationLineHash"]?.string }
    #expect(Set(prints).count == results.count)
    // A file of that name is not written over, which is said before anything is read.
    let refused = try program.run(run + ["--sarif", "all.sarif"])
    #expect(refused.exit == 73 && refused.output.isEmpty, "\(refused.output)")
    guard let valid = try Python.validate([essentials, folder.file("all.sarif")]) else { return }
    #expect(valid.exit == 0, "\(valid.output)\(valid.errors)")
    try text.replacing("\"ruleId\"", with: "\"rule\"").write(
      toFile: folder.file("broken.sarif"), atomically: true, encoding: .utf8)
    #expect(try Python.validate([essentials, folder.file("broken.sarif")])?.exit == 1)
  }

  @Test func `JUnit is XML with a case for each model`() throws {
    let folder = try models()
    let result = try Program(folder: folder.path).run(
      "check", "q4.gguf", Self.bad, "cut.safetensors", "nowhere.gguf", "--format", "junit")
    let cases = try Cases(result.output)
    #expect(cases.names == ["q4.gguf", Self.bad, "cut.safetensors", "nowhere.gguf"])
    #expect(cases.failed == [Self.bad, "cut.safetensors", "nowhere.gguf"])
    #expect(cases.counts == ["tests": "4", "failures": "3"])
    #expect(
      cases.texts[0].contains("OUN201 error: \(Self.bad): tensor model.norm.weight: 2 elements"), "\(cases.texts)")
  }

  /// The test cases of a document, read by a parser of XML.
  private final class Cases: NSObject, XMLParserDelegate {
    var names: [String] = []
    var failed: [String] = []
    var texts: [String] = []
    var counts: [String: String] = [:]

    init(_ text: String) throws {
      super.init()
      let parser = XMLParser(data: Data(text.utf8))
      parser.delegate = self
      try #require(parser.parse(), "\(text)")
    }

    func parser(
      _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String] = [:]
    ) {
      switch element {
      case "testsuite": counts = attributes.filter { ["tests", "failures"].contains($0.key) }
      case "testcase": names.append(attributes["name"] ?? "")
      case "failure":
        failed.append(names.last ?? "")
        texts.append("")
      default: break
      }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
      if !texts.isEmpty { texts[texts.count - 1] += string }
    }
  }
}
