import Foundation
import OunceKit
import Testing

/// The page of `ounce compare --report`.
struct ComparePageTests {
  private func page(_ folder: Program.Folder, _ a: String, _ b: String, _ arguments: String...) throws -> String {
    let result = try Program(folder: folder.path).run(["compare", a, b, "--report", "page.html", "-q"] + arguments)
    #expect(result.errors.isEmpty, "\(result.errors)")
    return try String(contentsOfFile: folder.file("page.html"), encoding: .utf8)
  }

  /// Fails where elements do not nest, and counts them.
  private func elements(_ page: String) -> [String: Int] {
    var (open, counts): ([Substring], [String: Int]) = ([], [:])
    let body = page.replacing(/(?s)<(script|style)>.*?<\/(script|style)>/, with: "")
    for match in body.matches(of: /<(\/?)([a-z0-9]+)((?:\s+[a-zA-Z0-9:-]+="[^"<>]*")*)(\/?)>/) {
      if match.output.1 == "/" {
        #expect(open.popLast() == match.output.2)
      } else {
        counts[String(match.output.2), default: 0] += 1
        if match.output.4 != "/" { open.append(match.output.2) }
      }
    }
    #expect(open.isEmpty, "\(open)")
    // Nothing else looks like markup.
    let rest = body.replacing(/<\/?[a-z0-9]+(?:\s+[a-zA-Z0-9:-]+="[^"<>]*")*\/?>/, with: "")
    #expect(rest.replacing("<!DOCTYPE html>", with: "").allSatisfy { $0 != "<" && $0 != ">" })
    return counts
  }

  @Test func `the page is whole, has every tensor and loads nothing`() throws {
    let folder = try Program.Folder()
    #expect(try Program().run("quantize", Program.checkpoint, "--to", "Q4_K_M", "-o", folder.file("q.gguf")).exit == 0)
    let page = try page(folder, Program.checkpoint, "q.gguf")
    let counts = elements(page)
    // All tensors; depth, what is outside of blocks, sizes, and six times weights and errors.
    #expect(counts["tbody"] == 1 && counts["tr"] == 1 + 39, "\(counts)")
    #expect(counts["svg"] == 15 && counts["desc"] == 15 && counts["figcaption"] == 9, "\(counts)")
    #expect(page.contains("default-src 'none'".replacing("'", with: "&#39;")))
    for word in ["http:", "https:", "src=", "href=", "@import", "url("] { #expect(!page.contains(word), "\(word)") }
    #expect(page.contains("prefers-color-scheme:dark") && page.contains("<html lang=\"en\">"))
    #expect(page.contains("Relative error of 7 roles in 4 blocks. The largest is 0.0732, of attn_v.weight in block 1."))
    #expect(page.utf8.count < 100_000)
    try expectGolden(page)
    // The same for any number of threads, and not written over what is there.
    let again = try Program(folder: folder.path).run(
      "compare", Program.checkpoint, "q.gguf", "--report", "other.html", "--jobs", "3")
    #expect(again.exit == 0)
    #expect(try String(contentsOfFile: folder.file("other.html"), encoding: .utf8) == page)
    let refused = try Program(folder: folder.path).run(
      "compare", Program.checkpoint, "q.gguf", "--report", "other.html")
    #expect(
      refused.exit == 73 && refused.errors.contains("--force replaces it, --report writes elsewhere"),
      "\(refused.errors)")
  }

  /// Each kind of plot is drawn as it was when somebody last looked at it.
  private func expectGolden(_ page: String) throws {
    let plots = [
      ("depth", "depth"), ("outside", "bars"), ("sizes", "pairs"), ("histogram-0", "histogram"),
      ("histogram-0-errors", "errors"),
    ]
    for (id, name) in plots {
      let start = try #require(page.range(of: "<svg role=\"img\" aria-labelledby=\"\(id)-title ")).lowerBound
      let end = try #require(page[start...].range(of: "</svg>")).upperBound
      let plot = page[start..<end] + "\n"
      let path = Program.fixtures.appending(path: "golden/compare/\(name).svg")
      if ProcessInfo.processInfo.environment["OUNCE_RECORD_EXPECTED"] == "1" {
        try FileManager.default.createDirectory(at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
        try plot.write(to: path, atomically: true, encoding: .utf8)
      }
      #expect(try String(contentsOf: path, encoding: .utf8) == plot, "\(name): OUNCE_RECORD_EXPECTED=1 writes it")
    }
  }

  @Test func `names from files stay text`() throws {
    let folder = try Program.Folder()
    let names = [
      "blk.0.</title><script>alert(1)</script>", "blk.1.\" onload=\"alert(2)", "blk.2.\u{202E}gnp.exe\n\u{1B}[2J",
      "<img src=x onerror='alert(3)'>", String(repeating: "&é", count: 1300),
    ]
    var header: JSONObject = ["__metadata__": .object(["<b>key": .string("</td><script>")])]
    for (index, name) in names.enumerated() {
      header[name] = .object([
        "dtype": .string("F32"), "shape": .array([.integer(1)]),
        "data_offsets": .array([.integer(index * 4), .integer(index * 4 + 4)]),
      ])
    }
    let text = Array(JSONWriter.write(.object(header)).utf8)
    let length = (0..<8).map { UInt8(text.count >> ($0 * 8) & 255) }
    for (file, value) in [("a.safetensors", [UInt8](arrayLiteral: 0, 0, 128, 63)), ("b.safetensors", [0, 0, 0, 64])] {
      let data = names.flatMap { _ in value }
      try Data(length + text + data).write(to: URL(filePath: folder.file(file)))
    }
    let page = try page(folder, "a.safetensors", "b.safetensors", "--fail-above", "max=0.5")
    let counts = elements(page)
    #expect(counts["img"] == nil && counts["b"] == nil && counts["tr"] == 6, "\(counts)")
    #expect(page.components(separatedBy: "<script>").count == 2)
    #expect(page.contains("&lt;/title&gt;&lt;script&gt;alert(1)"))
    #expect(page.contains("\\u{202e}gnp.exe\\u{a}\\u{1b}[2J"))
    #expect(page.utf8.count < 60_000)
  }

  @Test func `a page of 300 tensors stays below a megabyte`() throws {
    let folder = try Program.Folder()
    let roles = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]
    let names = (0..<43).flatMap { block in roles.map { "blk.\(block).\($0).weight" } }
    #expect(names.count > 300)
    var header: JSONObject = [:]
    var (a, b): ([UInt8], [UInt8]) = ([], [])
    for name in names {
      header[name] = .object([
        "dtype": .string("F32"), "shape": .array([.integer(2), .integer(4)]),
        "data_offsets": .array([.integer(a.count), .integer(a.count + 32)]),
      ])
      for index in 0..<8 {
        a += [0, UInt8(index * 30), UInt8(a.count % 251), 62]
        b += [0, UInt8(index * 29), UInt8(a.count % 249), 62]
      }
    }
    let text = Array(JSONWriter.write(.object(header)).utf8)
    let length = (0..<8).map { UInt8(text.count >> ($0 * 8) & 255) }
    try Data(length + text + a).write(to: URL(filePath: folder.file("a.safetensors")))
    try Data(length + text + b).write(to: URL(filePath: folder.file("b.safetensors")))
    let page = try page(folder, "a.safetensors", "b.safetensors")
    let counts = elements(page)
    // One bar for each tensor, and two for the size of the one type.
    #expect(counts["rect"] == names.count + 2 && counts["tr"] == names.count + 1, "\(counts)")
    #expect(page.utf8.count < 1_000_000, "\(page.utf8.count)")
  }
}
