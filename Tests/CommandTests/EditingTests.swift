import Foundation
import OunceKit
import Testing

/// hash, split, merge, extract and edit, as a user runs them.
struct EditingTests {
  /// A small quantized file in a folder of its own.
  private func model() throws -> Program.Folder {
    let folder = try Program.Folder()
    let result = try Program().run("quantize", Program.checkpoint, "--to", "Q4_K_M", "-o", folder.file("m.gguf"))
    #expect(result.exit == 0, "\(result.errors)")
    return folder
  }

  private func run(_ folder: Program.Folder, _ arguments: String...) throws -> Program.Result {
    try Program(folder: folder.path).run(arguments)
  }

  @Test func `what was split and merged is the same file`() throws {
    let folder = try model()
    #expect(try run(folder, "split", "m.gguf", "--max-tensors", "10").exit == 0)
    #expect(folder.names.count == 5)
    #expect(try run(folder, "merge", "m-00003-of-00004.gguf", "-o", "again.gguf").exit == 0)
    #expect(try Program.sha256(folder.file("again.gguf")) == Program.sha256(folder.file("m.gguf")))
    let (set, whole) = try (run(folder, "hash", "m-00001-of-00004.gguf"), run(folder, "hash", "m.gguf"))
    #expect(set.output.prefix(64) == whole.output.prefix(64))
  }

  @Test func `a hash is that of the values whatever the container`() throws {
    let folder = try Program.Folder()
    for name in ["a.safetensors", "b.gguf"] {
      #expect(try run(folder, "convert", Program.checkpoint, "--no-map", "-o", name).exit == 0)
    }
    let sources = ["a.safetensors", "b.gguf", Program.checkpoint]
    let hashes = try sources.map { try run(folder, "hash", $0).output.prefix(64) }
    #expect(hashes[0].count == 64 && Set(hashes).count == 1, "\(hashes)")
    let file = try run(folder, "hash", "a.safetensors", "--per", "file").output
    #expect(file == (try Program.sha256(folder.file("a.safetensors"))) + "  a.safetensors\n")
  }

  @Test func `hashes per tensor are a document of four members each`() throws {
    let folder = try model()
    let result = try run(folder, "hash", "m.gguf", "--per", "tensor", "--format", "json")
    let tensors = try #require(try JSONParser.parse(Array(result.output.utf8))["tensors"]?.array)
    #expect(tensors.count == 39)
    let first = try #require(tensors.first?.object)
    #expect(Array(first.keys) == ["name", "dtype", "shape", "sha256"])
    let model = try Open.model(at: folder.file("m.gguf"))
    for tensor in model.tensors.prefix(3) {
      let path = folder.file("\(tensor.info.name).bin")
      var bytes = [UInt8](repeating: 0, count: tensor.info.byteCount)
      try bytes.withMutableRawSpan { (span) throws(OunceError) in
        try tensor.data.read(rows: 0..<tensor.info.rowCount, into: &span)
      }
      try Data(bytes).write(to: URL(filePath: path))
      let hash = tensors.first { $0["name"]?.string == tensor.info.name }?["sha256"]?.string
      #expect(hash == (try Program.sha256(path)), "\(tensor.info.name)")
    }
  }

  @Test func `a manifest names files and tensors`() throws {
    let folder = try model()
    #expect(try run(folder, "hash", "m.gguf", "-o", "m.json").exit == 0)
    let manifest = try JSONParser.parse(file: InputFile(path: folder.file("m.json")))
    #expect(manifest["schema"]?.string == "ounce.hash/1")
    #expect(manifest["files"]?.array?.first?["sha256"]?.string == (try Program.sha256(folder.file("m.gguf"))))
    #expect(try run(folder, "hash", "m.gguf", "-o", "m.json").exit == 73, "a manifest is not replaced")
  }

  @Test func `extracted tensors are the ones that were named`() throws {
    let folder = try model()
    let result = try run(folder, "extract", "m.gguf", "output_norm.weight", "blk.0.*norm*", "-o", "n.safetensors")
    #expect(result.exit == 0, "\(result.errors)")
    let names = try Open.model(at: folder.file("n.safetensors")).tensors.map(\.info.name)
    #expect(names == ["blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight"])
    let wrong = try run(folder, "extract", "m.gguf", "output_norm.weigth", "-o", "x.safetensors")
    #expect(wrong.exit == 64 && wrong.errors.contains("did you mean output_norm.weight?"), "\(wrong.errors)")
  }

  @Test func `rows that were extracted are those rows`() throws {
    let folder = try Program.Folder()
    let source = Program.checkpoint
    for arguments in [["whole.npy"], ["rows.npy", "--rows", "7:10"], ["none.npy", "--rows", "7:7"]] {
      let result = try Program(folder: folder.path).run(
        ["extract", source, "model.embed_tokens.weight", "--dtype", "f32", "-o"] + arguments)
      #expect(result.exit == 0, "\(result.errors)")
    }
    let whole = try Data(contentsOf: URL(filePath: folder.file("whole.npy")))
    let rows = try Data(contentsOf: URL(filePath: folder.file("rows.npy")))
    #expect(rows.suffix(3 * 1024) == whole.dropFirst(128 + 7 * 1024).prefix(3 * 1024))
    #expect(try Open.model(at: folder.file("rows.npy")).tensors.map(\.info.shape) == [[3, 256]])
    let vector = try run(folder, "extract", source, "model.norm.weight", "--rows", "250:256", "-o", "v.safetensors")
    #expect(vector.exit == 0, "\(vector.errors)")
    #expect(try Open.model(at: folder.file("v.safetensors")).tensors.map(\.info.shape) == [[6]])
    let beyond = try run(folder, "extract", source, "model.norm.weight", "--rows", "0:257", "-o", "w.npy")
    #expect(beyond.exit == 64 && beyond.errors.contains("has 256 rows"), "\(beyond.errors)")
  }

  @Test func `an edit in place changes the header and not a byte more`() throws {
    let folder = try model()
    let path = folder.file("m.gguf")
    let before = try Data(contentsOf: URL(filePath: path))
    let edit = ["edit", "m.gguf", "--set", "general.name=str:Small", "--rename", "output.weight=head.weight"]
    #expect(try Program(folder: folder.path).run(edit + ["--in-place"]).exit == 0)
    let after = try Data(contentsOf: URL(filePath: path))
    let edited = try Open.model(at: path)
    #expect(after.count == before.count && folder.names == ["m.gguf"])
    #expect(edited.metadata["general.name"]?.string == "Small")
    #expect(edited.tensors.contains { $0.info.name == "head.weight" })
    let offsets = edited.tensors.compactMap { $0.data as? FileRegion }.map(\.offset)
    let start = try #require(offsets.min())
    #expect(before[start...] == after[start...])
  }

  @Test func `what does not fit in place is refused, and fits where room was kept`() throws {
    let folder = try model()
    let long = "general.name=str:" + String(repeating: "x", count: 2000)
    let hash = try Program.sha256(folder.file("m.gguf"))
    let refused = try run(folder, "edit", "m.gguf", "--set", long, "--in-place")
    #expect(refused.exit == 64 && refused.errors.contains("-o"), "\(refused.errors)")
    #expect(try Program.sha256(folder.file("m.gguf")) == hash)
    for name in ["r.gguf", "r.safetensors"] {
      let source = name == "r.gguf" ? "m.gguf" : Program.checkpoint + "/model.safetensors"
      #expect(try run(folder, "edit", source, "--set", "note=str:a", "-o", name).exit == 0)
      #expect(try run(folder, "edit", name, "--set", long, "--in-place").exit == 0, "\(name)")
      #expect(try Open.model(at: folder.file(name)).metadata["general.name"]?.string?.count == 2000)
    }
  }

  @Test func `an interrupted edit is taken back by the next`() throws {
    let folder = try model()
    let path = folder.file("m.gguf")
    let original = try Data(contentsOf: URL(filePath: path))
    try original.prefix(3000).write(to: URL(filePath: path + ".ounce-undo"))
    var torn = original
    torn.replaceSubrange(100..<2000, with: Data(repeating: 0xFF, count: 1900))
    try torn.write(to: URL(filePath: path))
    let result = try run(folder, "edit", "m.gguf", "--set", "general.name=str:Tiny", "--in-place")
    #expect(result.exit == 0 && result.errors.contains("interrupted"), "\(result.errors)")
    #expect(folder.names == ["m.gguf"])
    #expect(try Open.model(at: path).metadata["general.name"]?.string == "Tiny")
  }

  @Test func `tensors are dropped, renamed and cast into a new file`() throws {
    let folder = try model()
    let result = try run(
      folder, "edit", "m.gguf", "--drop", "blk.1.*", "--rename", "blk.0.*=layer.0.*", "--cast", "layer.0.*norm*=f16",
      "--unset", "general.name", "-o", "e.gguf")
    #expect(result.exit == 0, "\(result.errors)")
    let edited = try Open.model(at: folder.file("e.gguf"))
    #expect(edited.tensors.allSatisfy { !$0.info.name.hasPrefix("blk.1.") && !$0.info.name.hasPrefix("blk.0.") })
    #expect(edited.tensors.first { $0.info.name == "layer.0.attn_norm.weight" }?.info.encoding.name == "F16")
    #expect(edited.metadata["general.name"] == nil)
    for wrong in [["--drop", "none"], ["--unset", "none"], ["--rename", "none=x"], ["--cast", "output.weight"], []] {
      #expect(try Program(folder: folder.path).run(["edit", "m.gguf", "-o", "w.gguf"] + wrong).exit == 64, "\(wrong)")
    }
    #expect(!folder.names.contains("w.gguf"))
  }
}
