import Foundation
import OunceKit
import Testing

/// The options of llama-quantize, against the files that it makes with them.
struct OptionTests {
  /// One recorded run.
  struct Run: Sendable, CustomTestStringConvertible {
    let source: String
    let arguments: [String]
    let files: [String: String]
    var testDescription: String { arguments.joined(separator: " ") + " of \(source)" }
  }

  private static let runs: [Run] = {
    let path = Program.fixtures.appending(path: "quantizer/options.json").path
    guard let list = try? JSONParser.parse(file: InputFile(path: path)).array else { return [] }
    return list.map { run in
      var files: [String: String] = [:]
      for (name, hash) in run["files"]?.object ?? [:] { files[name] = hash.string }
      return Run(
        source: run["source"]?.string ?? "", arguments: (run["arguments"]?.array ?? []).compactMap(\.string),
        files: files)
    }
  }()

  /// The floats of the trained model as one GGUF and as three.
  private static let sources: Program.Folder? = {
    guard let folder = try? Program.Folder() else { return nil }
    _ = try? Program().run("convert", Program.checkpoint, "-o", folder.file("whole.gguf"))
    _ = try? Program().run(
      "convert", folder.file("whole.gguf"), "-o", folder.file("part.gguf"), "--split-max-tensors", "15")
    for name in ["one.gguf", "one.dat", "merged.gguf"] {
      let fixture = Program.fixtures.appending(path: "importance/\(name)").path
      try? FileManager.default.createSymbolicLink(atPath: folder.file(name), withDestinationPath: fixture)
    }
    return folder
  }()

  @Test func `the runs are read`() { #expect(Self.runs.count == 20) }

  @Test(arguments: runs)
  func `an option makes the bytes that llama-quantize makes with it`(_ run: Run) throws {
    let sources = try #require(Self.sources)
    let folder = try Program.Folder()
    let result = try Program(folder: sources.path).run(
      ["quantize", run.source, "--to", run.arguments[0], "-o", folder.file("out.gguf"), "--reference"]
        + run.arguments.dropFirst())
    #expect(result.exit == 0, "\(result.errors)")
    #expect(folder.names == run.files.keys.sorted())
    for (name, hash) in run.files { #expect(try Program.sha256(folder.file(name)) == hash, "\(name)") }
  }

  @Test func `an importance matrix is known by its content`() throws {
    let sources = try #require(Self.sources)
    let folder = try Program.Folder()
    let result = try Program(folder: sources.path).run(
      "quantize", "whole.gguf", "--to", "Q4_K_M", "-o", folder.file("m"), "--imatrix", "one.gguf")
    #expect(result.exit == 0, "\(result.errors)")
    let metadata = try Open.model(at: folder.file("m")).metadata
    #expect(metadata["quantize.imatrix.file"] == .string("one.gguf"))
    #expect(metadata["quantize.imatrix.sha256"] == .string(try Program.sha256(sources.file("one.gguf"))))
  }

  /// Arguments that cannot work, and what the error must say.
  private static let mistakes: [([String], String)] = [
    (["--tensor-type", "no_such=q8_0"], "--tensor-type no_such=Q8_0 matches no tensor"),
    (["--tensor-type", "attn_norm=q8_0"], "matches only tensors that are never quantized"),
    (["--tensor-type", "ffn=q8_0", "--tensor-type", "ffn_up=q4_0"], "an earlier rule"),
    (["--tensor-type", "attn_v=q9_9"], "GGUF has no type q9_9"),
    (["--tensor-type", "attn_v"], "write PATTERN=TYPE"),
    (["--tensor-type", "attn_(=q8_0"], "no regular expression"),
    (["--prune-layers", "4"], "there is no layer 4: it has layers 0 to 3"),
    (["--prune-layers", "0,1,2,3"], "leaves no layer"),
    (["--prune-layers", "one"], "no number of a layer"),
    (["--override-kv", "a=b:c"], "there is no type b"),
    (["--override-kv", "a=int:x"], "x is no whole number"),
    (["--keep-split", "--split-max-tensors", "3"], "exclude each other"),
    (["--imatrix", "one.gguf", "--exclude-weights", "zzz"], "no matrix has zzz in its name"),
    (["--imatrix", "one.gguf", "--exclude-weights", "a", "--include-weights", "b"], "exclude each other"),
    (["--include-weights", "b"], "which is missing"),
    (["--imatrix", "whole.gguf"], "is a GGUF file, but no importance matrix"),
    (["--imatrix", "part-00001-of-00003.gguf"], "is a GGUF file, but no importance matrix"),
    (["--imatrix", "none.gguf"], "none.gguf: cannot be opened"),
  ]

  @Test(arguments: mistakes)
  func `what cannot work is an error before any work`(_ arguments: [String], _ message: String) throws {
    let sources = try #require(Self.sources)
    let folder = try Program.Folder()
    let result = try Program(folder: sources.path).run(
      ["quantize", "whole.gguf", "--to", "Q4_K_M", "-o", folder.file("m")] + arguments)
    #expect([64, 66].contains(result.exit), "\(result.exit): \(result.errors)")
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(folder.names.isEmpty)
  }

  @Test func `rules come from a file, too`() throws {
    let sources = try #require(Self.sources)
    let folder = try Program.Folder()
    try "attn_v=q8_0\nffn_down=q6_k  attn_norm=f32\n".write(
      toFile: folder.file("rules.txt"), atomically: true, encoding: .utf8)
    let result = try Program(folder: sources.path).run(
      "quantize", "whole.gguf", "--to", "Q4_0", "-o", folder.file("m"), "--tensor-type-file", folder.file("rules.txt"))
    #expect(result.exit == 0, "\(result.errors)")
    for tensor in try Open.model(at: folder.file("m")).tensors.map(\.info) {
      if tensor.name.contains("attn_v") { #expect(tensor.encoding.name == "Q8_0") }
      if tensor.name.contains("ffn_down") { #expect(tensor.encoding.name == "Q6_K") }
    }
  }

  @Test func `what a matrix leaves open is said tensor by tensor`() throws {
    let sources = try #require(Self.sources)
    let folder = try Program.Folder()
    let plan = try Program(folder: sources.path).run(
      "quantize", "whole.gguf", "--to", "Q4_K_M", "-o", folder.file("m"), "--imatrix", "one.gguf", "--dry-run",
      "--exclude-weights", "blk.0.", "--prune-layers", "3")
    #expect(plan.exit == 0, "\(plan.errors)")
    #expect(plan.errors.contains("importance weights for 14 tensors"), "\(plan.errors)")
    #expect(plan.errors.contains("blk.0.attn_k.weight: no importance weights"), "\(plan.errors)")
    #expect(plan.errors.contains("blk.3.attn_k.weight: in the importance matrix, but no tensor is called so"))
    let needy = try Program(folder: sources.path).run(
      "quantize", "whole.gguf", "--to", "IQ2_XXS", "-o", folder.file("m"))
    #expect(needy.exit == 64)
    #expect(needy.errors.contains("and 2"), "all tensors are counted: \(needy.errors)")
  }
}
