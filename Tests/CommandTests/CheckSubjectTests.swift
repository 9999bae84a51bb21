import Foundation
import OunceKit
import Testing

/// What `ounce check` takes for a model, and its verdict.
struct CheckSubjectTests {
  private func run(_ folder: Program.Folder, _ arguments: String...) throws -> Program.Result {
    try Program(folder: folder.path).run(["check"] + arguments)
  }

  private func json(_ folder: Program.Folder, _ arguments: String...) throws -> JSON {
    let result = try Program(folder: folder.path).run(["check", "--format", "json"] + arguments)
    return try JSONParser.parse(Array(result.output.utf8))
  }

  private func paths(_ document: JSON) -> [String] {
    (document["models"]?.array ?? []).compactMap { $0["path"]?.string }
  }

  private func make(_ folder: Program.Folder, _ path: String) throws {
    try FileManager.default.createDirectory(
      atPath: (folder.file(path) as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    let result = try Program(folder: folder.path).run("quantize", Program.checkpoint, "--to", "Q4_0", "-o", path)
    #expect(result.exit == 0, "\(result.errors)")
  }

  @Test func `a folder stands for every model in it`() throws {
    let folder = try Program.Folder()
    for path in ["a.gguf", "b.gguf", "sub/c.gguf", ".hidden/d.gguf"] { try make(folder, path) }
    try FileManager.default.copyItem(atPath: Program.checkpoint, toPath: folder.file("sub/checkpoint"))
    try FileManager.default.createSymbolicLink(atPath: folder.file("sub/again"), withDestinationPath: folder.path)
    for name in ["readme.md", "firmware.bin", "tokenizer.bin", "gguf"] {
      try "some text that is no model at all".write(toFile: folder.file(name), atomically: true, encoding: .utf8)
    }
    let all = try json(folder, ".", "--level", "quick")
    #expect(paths(all) == ["a.gguf", "b.gguf", "sub/c.gguf", "sub/checkpoint"], "\(paths(all))")
    #expect(all["passed"]?.bool == true)
    // One bad file among them is found.
    try "version https://git-lfs.github.com/spec/v1\nsize 5\n".write(
      toFile: folder.file("sub/pointer.bin"), atomically: true, encoding: .utf8)
    let bad = try run(folder, ".", "--level", "quick")
    #expect(bad.exit == 1 && bad.output.hasSuffix("5 models: 1 fail\n"), "\(bad.output)")
    let annotations = try run(folder, "./sub", "--level", "quick", "--format", "github").output
    #expect(annotations.hasPrefix("::error file=sub/pointer.bin,"), "\(annotations)")
    #expect(bad.output.contains("✗ fail sub/pointer.bin: 1 error\n"), "\(bad.output)")
  }

  @Test func `where nothing was checked, nothing passes`() throws {
    let folder = try Program.Folder()
    try FileManager.default.createDirectory(atPath: folder.file("empty/inner"), withIntermediateDirectories: true)
    try "OUN101 * empty on purpose\n".write(toFile: folder.file("accept"), atomically: true, encoding: .utf8)
    for arguments in [
      [], ["--ignore", "accept"], ["--level", "quick"], ["--format", "junit"], ["--format", "sarif"],
    ] {
      let result = try Program(folder: folder.path).run(["check", "empty"] + arguments)
      #expect(result.exit == 1, "\(arguments): \(result.output)")
    }
    let text = try run(folder, "empty")
    #expect(text.output.contains("✗ fail empty: 1 error\n"), "\(text.output)")
    let accepted = try json(folder, "empty", "--ignore", "accept")
    #expect(accepted["passed"]?.bool == false && accepted["models"]?.array?.first?["findings"]?.array == [])
    #expect(try run(folder, "empty", "--ignore", "accept", "--format", "junit").output.contains("nothing was checked"))
    #expect(try run(folder).exit == 64)
    let input = try run(folder, "-")
    #expect(input.exit == 64 && input.errors.contains("standard input"), "\(input.errors)")
  }

  @Test func `a sharded model is checked once, however many of its files are named`() throws {
    let folder = try Program.Folder()
    let made = try Program(folder: folder.path).run(
      "quantize", Program.checkpoint, "--to", "Q4_0", "-o", "s.gguf", "--split-max-tensors", "10")
    #expect(made.exit == 0, "\(made.errors)")
    let names = (1...4).map { "s-0000\($0)-of-00004.gguf" }
    #expect(folder.names == names)
    let named = try Program(folder: folder.path).run(["check", "--format", "json"] + names)
    #expect(paths(try JSONParser.parse(Array(named.output.utf8))) == [names[0]])
    #expect(paths(try json(folder, ".")) == [names[0]])
    try make(folder, "other.gguf")
    #expect(paths(try json(folder, ".")) == ["other.gguf", names[0]])
    // With a shard missing, none of the others is passed over.
    try FileManager.default.removeItem(atPath: folder.file(names[3]))
    let cut = try json(folder, ".")
    #expect(paths(cut) == ["other.gguf"] + names.prefix(3) && cut["passed"]?.bool == false)
  }

  @Test func `what a level leaves out is said`() throws {
    let folder = try Program.Folder()
    try make(folder, "m.gguf")
    #expect(
      try Program(folder: folder.path).run("extract", "m.gguf", "token_embd.weight", "-o", "t.safetensors").exit == 0)
    let full = try run(folder, "m.gguf").output
    #expect(full.contains("not checked: meaning (--level deep"), "\(full)")
    let quick = try run(folder, "m.gguf", "--level", "quick").output
    #expect(quick.contains("not checked: values (--level full reads them), meaning (--level deep"), "\(quick)")
    #expect(!(try run(folder, "m.gguf", "--level", "deep").output.contains("not checked")))
    let plain = try run(folder, "t.safetensors", "--level", "deep").output
    #expect(plain.contains("not checked: meaning: nothing in the file names an architecture"), "\(plain)")
    // Another form of the same model beside it, which a program may prefer.
    try FileManager.default.copyItem(atPath: Program.checkpoint, toPath: folder.file("checkpoint"))
    try Data(count: 10).write(to: URL(filePath: folder.file("checkpoint/pytorch_model.bin")))
    let beside = try run(folder, "checkpoint").output
    #expect(
      beside.contains("✓ pass checkpoint: ") && beside.contains("other weight files beside it: pytorch_model.bin"))
    // Findings that do not fail are no reason to say that nothing was found.
    let warned = try run(folder, "t.safetensors", "--fail-on", "error").output
    #expect(warned.contains("✓ pass t.safetensors: "), "\(warned)")
  }
}
