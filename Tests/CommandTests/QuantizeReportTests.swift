import Foundation
import Testing

/// The page of `ounce quantize --report`.
struct QuantizeReportTests {
  private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  @Test func `the page is the one that compare makes of source and result`() throws {
    let folder = try Program.Folder()
    let program = Program(folder: folder.path)
    let made = try program.run("quantize", Program.checkpoint, "--to", "Q4_K_M", "-o", "q.gguf", "--report", "q.html")
    #expect(made.exit == 0 && made.errors.contains("✓ q.html"), "\(made.errors)")
    let compared = try program.run("compare", Program.checkpoint, "q.gguf", "--report", "c.html", "-q")
    #expect(compared.exit == 0, "\(compared.errors)")
    #expect(try text(folder.file("q.html")) == text(folder.file("c.html")))
    // A GGUF source, in several files.
    #expect(try program.run("convert", Program.checkpoint, "-o", "f.gguf").exit == 0)
    let split = try program.run(
      "quantize", "f.gguf", "--to", "Q8_0", "-o", "s.gguf", "--split-max-tensors", "15", "--report", "s.html")
    #expect(split.exit == 0, "\(split.errors)")
    #expect(try text(folder.file("s.html")).contains("<h1>f.gguf → ./s-00001-of-00003.gguf</h1>"))
  }

  @Test func `each recipe gets a page of its own`() throws {
    let folder = try Program.Folder()
    let result = try Program(folder: folder.path).run(
      "quantize", Program.checkpoint, "--to", "Q8_0,Q4_0", "-o", ".", "--report", "page.html")
    #expect(result.exit == 0, "\(result.errors)")
    #expect(folder.names.filter { $0.hasSuffix(".html") } == ["page-Q4_0.html", "page-Q8_0.html"])
    for type in ["Q4_0", "Q8_0"] {
      #expect(try text(folder.file("page-\(type).html")).contains("-\(type).gguf</h1>"), "\(type)")
    }
  }

  @Test func `layers that were left out are not taken for others`() throws {
    let folder = try Program.Folder()
    let result = try Program(folder: folder.path).run(
      "quantize", Program.checkpoint, "--to", "F32", "-o", "p.gguf", "--prune-layers", "1", "--report", "p.html")
    #expect(result.exit == 0, "\(result.errors)")
    let page = try text(folder.file("p.html"))
    // Each tensor is the one that it was made of.
    #expect(page.contains("<p>30 tensors compared, 30 with equal values.</p>"), "\(page.prefix(9000))")
    #expect(!page.contains("Only in"))
  }

  @Test func `what cannot be written is said before any work`() throws {
    let folder = try Program.Folder()
    let program = Program(folder: folder.path)
    try "mine".write(toFile: folder.file("there.html"), atomically: true, encoding: .utf8)
    func run(_ report: String, _ more: String...) throws -> Program.Result {
      try program.run(["quantize", Program.checkpoint, "--to", "Q4_0", "-o", "q.gguf", "--report", report] + more)
    }
    let refused = try run("there.html")
    #expect(refused.exit == 73 && refused.errors.contains("--report writes elsewhere"), "\(refused.errors)")
    #expect(try run("no/such/folder/page.html").exit == 73)
    #expect(try run("q.gguf").exit == 73)
    #expect(try run("./q.gguf", "--force").exit == 73)
    #expect(try run(Program.checkpoint + "/model.safetensors", "--force").exit == 73)
    #expect(try run("page.html", "--dry-run").exit == 64)
    #expect(folder.names == ["there.html"])
    #expect(try run("there.html", "--force").exit == 0)
    #expect(try text(folder.file("there.html")).hasPrefix("<!DOCTYPE html>"))
  }

  @Test func `a page that fails leaves the model in place`() throws {
    let folder = try Program.Folder()
    let program = Program(folder: folder.path)
    #expect(try program.run("quantize", Program.checkpoint, "--to", "TQ2_0", "-o", "t.gguf").exit == 0)
    // A name that is allowed, but whose partial file's is too long.
    let page = String(repeating: "n", count: 245) + ".html"
    let result = try program.run(
      "quantize", Program.checkpoint, "--to", "TQ2_0", "-o", "q.gguf", "--report", page)
    #expect(result.exit == 73, "\(result.errors)")
    #expect(result.errors.contains("q.gguf is complete, only its page is missing"), "\(result.errors)")
    #expect(folder.names == ["q.gguf", "t.gguf"])
    #expect(try Program.sha256(folder.file("q.gguf")) == Program.sha256(folder.file("t.gguf")))
  }
}
