import Foundation
import OunceKit
import Testing

/// `convert --to hf`, as a user types it.
struct WayBackTests {
  @Test func `a quantized file becomes a folder with everything that transformers reads`() throws {
    let folder = try Program.Folder()
    #expect(try Program().run("quantize", Program.checkpoint, "--to", "Q4_K_M", "-o", folder.file("m.gguf")).exit == 0)
    let result = try Program().run("convert", folder.file("m.gguf"), "--to", "hf", "-o", folder.file("back") + "/")
    #expect(result.exit == 0, "\(result.errors)")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("back")).sorted()
    #expect(names == ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"])
    let back = try Open.model(at: folder.file("back"))
    let original = try Open.model(at: Program.checkpoint)
    #expect(Set(back.tensors.map(\.info.name)) == Set(original.tensors.map(\.info.name)))
    #expect(back.tensors.allSatisfy { $0.info.encoding.name == "BF16" })
  }

  @Test func `the type of floats and the size of files can be chosen`() throws {
    let folder = try Program.Folder()
    #expect(try Program().run("convert", Program.checkpoint, "-o", folder.file("m.gguf")).exit == 0)
    let result = try Program().run(
      "convert", folder.file("m.gguf"), "--to", "hf", "-o", folder.file("back"), "--dtype", "f16",
      "--split-max-size", "2M")
    #expect(result.exit == 0, "\(result.errors)")
    let back = try Open.model(at: folder.file("back"))
    #expect(back.files.count > 1)
    #expect(back.tensors.allSatisfy { $0.info.encoding.name == "F16" })
  }

  @Test func `what has no way back is an error before anything is written`() throws {
    let folder = try Program.Folder()
    #expect(try Program().run("convert", Program.checkpoint, "--no-map", "-o", folder.file("m.gguf")).exit == 0)
    let result = try Program().run("convert", folder.file("m.gguf"), "--to", "hf", "-o", folder.file("back"))
    #expect(result.exit != 0)
    #expect(result.errors.contains("no GGUF file that names its architecture"), "\(result.errors)")
    #expect(folder.names == ["m.gguf"])
  }
}
