import Foundation
import OunceKit
import Testing

/// `ounce check`, as pipelines run it.
struct CheckTests {
  private func run(_ folder: Program.Folder, _ arguments: String...) throws -> Program.Result {
    try Program(folder: folder.path).run(["check"] + arguments)
  }

  /// A folder with a quantized file and floats of the small model.
  private func models() throws -> Program.Folder {
    let folder = try Program.Folder()
    for type in ["Q4_K_M", "TQ2_0"] {
      #expect(
        try Program().run("quantize", Program.checkpoint, "--to", type, "-o", folder.file("\(type).gguf")).exit == 0)
    }
    #expect(try Program().run("convert", Program.checkpoint, "-o", folder.file("floats.safetensors")).exit == 0)
    return folder
  }

  /// The file with `bytes` at the place of a tensor.
  private func damage(_ folder: Program.Folder, _ name: String, _ tensor: String, at offset: Int, _ bytes: [UInt8])
    throws
  {
    let model = try Open.model(at: folder.file(name))
    let found = try #require(model.tensors.first { $0.info.name == tensor })
    let region = try #require(found.data as? FileRegion)
    var data = try Data(contentsOf: URL(filePath: folder.file(name)))
    data.replaceSubrange(region.offset + offset..<region.offset + offset + bytes.count, with: bytes)
    try data.write(to: URL(filePath: folder.file(name)))
  }

  @Test func `what ounce writes is without findings`() throws {
    let folder = try models()
    let result = try run(
      folder, "Q4_K_M.gguf", "TQ2_0.gguf", "floats.safetensors", Program.checkpoint, "--fail-on", "note")
    #expect(result.exit == 0, "\(result.output)")
    #expect(result.output.contains("checked: structure of 1 file, values of 39 tensors"), "\(result.output)")
  }

  @Test func `NaN, forbidden codes and zeros are found where they are`() throws {
    let folder = try models()
    try damage(folder, "floats.safetensors", "model.norm.weight", at: 6, [0x80, 0x7F])
    try damage(folder, "Q4_K_M.gguf", "blk.0.attn_q.weight", at: 144, [0x00, 0x7E])
    try damage(folder, "TQ2_0.gguf", "blk.0.attn_q.weight", at: 3, [0xFF])
    let first = try run(folder, "floats.safetensors")
    #expect(first.exit == 1)
    #expect(
      first.output.contains(
        "error OUN201 floats.safetensors: tensor model.norm.weight: 1 elements are NaN or infinite, the first at "
          + "row 0, column 3"), "\(first.output)")
    let second = try run(folder, "Q4_K_M.gguf")
    #expect(
      second.exit == 1 && second.output.contains("1 blocks have a scale that is NaN or infinite, the first at block 1"))
    let third = try run(folder, "TQ2_0.gguf")
    #expect(third.exit == 1 && third.output.contains("OUN202"), "\(third.output)")
    #expect(try run(folder, "TQ2_0.gguf", "--level", "quick").exit == 0)
    try damage(
      folder, "floats.safetensors", "model.layers.0.self_attn.k_proj.weight", at: 0,
      [UInt8](repeating: 0, count: 128 * 256 * 2))
    let zero = try run(folder, "floats.safetensors")
    #expect(zero.output.contains("warning OUN203"), "\(zero.output)")
  }

  @Test func `of a thousand findings of a kind people see some, and pipelines all`() throws {
    let folder = try Program.Folder()
    let entries = (0..<1000).map {
      "\"t\($0)\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[\($0 * 16),\($0 * 16 + 16)]}"
    }
    let header = "{\(entries.joined(separator: ","))}"
    var bytes = Data(withUnsafeBytes(of: UInt64(header.utf8.count)) { Array($0) })
    bytes.append(Data(header.utf8))
    bytes.append(Data(count: 16_000))
    try bytes.write(to: URL(filePath: folder.file("zeros.safetensors")))
    let text = try run(folder, "zeros.safetensors").output
    #expect(text.split(separator: "\n").count < 50, "\(text)")
    #expect(text.contains("… and 980 more of OUN203 (zero-tensor); --verbose shows all"), "\(text)")
    let whole = try run(folder, "zeros.safetensors", "--verbose").output
    #expect(whole.split(separator: "\n").count { $0.contains("OUN203") } == 1000)
    let report = try run(folder, "zeros.safetensors", "--format", "json").output
    #expect(report.split(separator: "OUN203").count > 1000)
  }

  @Test func `a file that cannot be opened is a finding, not a failure`() throws {
    let folder = try models()
    let data = try Data(contentsOf: URL(filePath: folder.file("Q4_K_M.gguf")))
    try data.prefix(data.count - 100).write(to: URL(filePath: folder.file("cut.gguf")))
    try Data("version https://git-lfs.github.com/spec/v1\nsize 5\n".utf8).write(
      to: URL(filePath: folder.file("p.gguf")))
    let result = try run(folder, "cut.gguf", "p.gguf", "missing.gguf")
    #expect(result.exit == 1)
    for rule in ["OUN102 cut.gguf", "OUN103 p.gguf", "OUN101 missing.gguf"] {
      #expect(result.output.contains(rule), "\(result.output)")
    }
    #expect(result.output.contains("not checked: everything"))
  }

  @Test func `bytes behind the end and names that lie are warnings`() throws {
    let folder = try models()
    var data = try Data(contentsOf: URL(filePath: folder.file("Q4_K_M.gguf")))
    data += Data(repeating: 1, count: 500)
    try data.write(to: URL(filePath: folder.file("long.gguf")))
    try FileManager.default.copyItem(atPath: folder.file("Q4_K_M.gguf"), toPath: folder.file("a.safetensors"))
    let result = try run(folder, "long.gguf", "a.safetensors")
    #expect(result.exit == 0, "warnings do not fail")
    #expect(result.output.contains("OUN109") && result.output.contains("OUN108"), "\(result.output)")
    #expect(try run(folder, "long.gguf", "--fail-on", "warning").exit == 1)
  }

  @Test func `a manifest tells another model`() throws {
    let folder = try models()
    #expect(try Program(folder: folder.path).run("hash", "Q4_K_M.gguf", "-o", "m.json").exit == 0)
    #expect(try run(folder, "Q4_K_M.gguf", "--manifest", "m.json").exit == 0)
    try damage(folder, "Q4_K_M.gguf", "blk.0.attn_q.weight", at: 20, [0x12])
    let result = try run(folder, "Q4_K_M.gguf", "--manifest", "m.json")
    #expect(result.exit == 1 && result.output.contains("OUN208"), "\(result.output)")
  }

  @Test func `the hash that a download recorded is compared`() throws {
    let folder = try models()
    let cache = folder.file(".cache/huggingface/download")
    try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
    let hash = try Program.sha256(folder.file("floats.safetensors"))
    let path = cache + "/floats.safetensors.metadata"
    try "commit\n\(hash)\n1.0\n".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try run(folder, "floats.safetensors").exit == 0)
    try "commit\n\(String(hash.reversed()))\n1.0\n".write(toFile: path, atomically: true, encoding: .utf8)
    let result = try run(folder, "floats.safetensors")
    #expect(result.exit == 1 && result.output.contains("OUN207"), "\(result.output)")
  }

  @Test func `accepted findings need a reason`() throws {
    let folder = try models()
    try damage(folder, "floats.safetensors", "model.norm.weight", at: 6, [0x80, 0x7F])
    func write(_ text: String) throws {
      try text.write(toFile: folder.file(".ounceignore"), atomically: true, encoding: .utf8)
    }
    try write("# accepted\nOUN201 floats.safetensors:model.norm.* the makers know\n")
    #expect(try run(folder, "floats.safetensors").exit == 0)
    try write("OUN201 floats.safetensors\n")
    let result = try run(folder, "floats.safetensors")
    #expect(result.exit == 64 && result.errors.contains("gives no reason"), "\(result.errors)")
    try write("OUN999 * because\n")
    #expect(try run(folder, "floats.safetensors").exit == 64)
  }

  @Test func `each format is what its readers take`() throws {
    let folder = try models()
    try damage(folder, "floats.safetensors", "model.norm.weight", at: 6, [0x80, 0x7F])
    let json = try JSONParser.parse(Array(try run(folder, "floats.safetensors", "--format", "json").output.utf8))
    #expect(json["schema"]?.string == "ounce.check/1")
    #expect(json["models"]?.array?.first?["findings"]?.array?.first?["rule"]?.string == "OUN201")
    let sarif = try JSONParser.parse(Array(try run(folder, "floats.safetensors", "--format", "sarif").output.utf8))
    #expect(sarif["version"]?.string == "2.1.0")
    let result = sarif["runs"]?.array?.first?["results"]?.array?.first
    #expect(result?["ruleId"]?.string == "OUN201" && result?["level"]?.string == "error")
    let github = try run(folder, "floats.safetensors", "--format", "github").output
    #expect(github.hasPrefix("::error file=floats.safetensors,title=OUN201 non-finite::tensor model.norm.weight: 1"))
    let junit = try run(folder, "floats.safetensors", "--format", "junit").output
    let parser = XMLShape(junit)
    #expect(parser.names == ["testsuites", "testsuite", "testcase", "failure"], "\(junit)")
  }

  @Test func `the page of rules is what the rules say`() throws {
    let path = Program.root.appending(path: "docs/check-rules.md").path
    if ProcessInfo.processInfo.environment["OUNCE_RECORD_EXPECTED"] == "1" {
      try Rules.page.write(toFile: path, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == Rules.page, "OUNCE_RECORD_EXPECTED=1 writes it")
    #expect(Rules.all.map(\.id) == Rules.all.map(\.id).sorted() && Set(Rules.all.map(\.id)).count == Rules.all.count)
  }

  /// The names of elements in the order in which they open, of text whose elements nest rightly.
  private struct XMLShape {
    var names: [String] = []

    init(_ text: String) {
      var open: [Substring] = []
      for match in text.matches(of: /<(\/?)([a-z]+)[^<>]*?(\/?)>/) {
        if match.output.1 == "/" {
          #expect(open.popLast() == match.output.2)
        } else {
          names.append(String(match.output.2))
          if match.output.3 != "/" { open.append(match.output.2) }
        }
      }
      #expect(open.isEmpty)
    }
  }
}
