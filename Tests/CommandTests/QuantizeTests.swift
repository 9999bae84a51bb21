import Crypto
import Foundation
import OunceKit
import Testing

/// `ounce quantize` and `ounce convert` on the trained model of the repository.
struct QuantizeTests {
  private static let goldens = [
    "BF16": "bf16", "F16": "F16", "Q8_0": "Q8_0", "Q4_K_M": "Q4_K_M", "Q5_K_M": "Q5_K_M", "Q4_0": "Q4_0",
  ]

  @Test(arguments: goldens.keys.sorted())
  func `the trained model becomes what the reference makes of it`(_ recipe: String) throws {
    let folder = try Program.Folder()
    let file = folder.file("model.gguf")
    let result = try Program().run("quantize", Program.checkpoint, "--to", recipe, "-o", file)
    #expect(result.exit == 0, "\(result.errors)")
    let digests = try JSONParser.parse(
      file: InputFile(path: Program.fixtures.appending(path: "golden/tiny-docs-llama.json").path))
    let expected = try #require(digests["tdl-\(Self.goldens[recipe] ?? recipe).gguf"])
    try Digest.compare(file, expected)
    #expect(folder.names == ["model.gguf"])
  }

  @Test func `the same bytes come from any number of threads and any CPU level`() throws {
    for recipe in ["Q4_K_M", "Q5_1", "Q8_0"] {
      var hashes: [String: [String]] = [:]
      for level in ["v1", "v2", "v3", "v4"] {
        for jobs in level == "v4" ? ["1", "2", "8"] : ["2"] {
          let folder = try Program.Folder()
          let file = folder.file("model.gguf")
          let result = try Program(environment: ["OUNCE_CPU": level]).run(
            "quantize", Program.checkpoint, "--to", recipe, "-o", file, "--jobs", jobs)
          #expect(result.exit == 0, "\(result.errors)")
          hashes[try Program.sha256(file), default: []].append("\(level), \(jobs) jobs")
        }
      }
      #expect(hashes.count == 1, "\(recipe): \(hashes)")
    }
  }

  @Test func `one reading makes several files, each as if it were alone`() throws {
    let folder = try Program.Folder()
    let result = try Program().run("quantize", Program.checkpoint, "--to", "q4_k,Q8_0", "-o", folder.path)
    #expect(result.exit == 0, "\(result.errors)")
    #expect(folder.names == ["Tiny-Docs-Llama-3.7M-Q4_K_M.gguf", "Tiny-Docs-Llama-3.7M-Q8_0.gguf"])
    for (recipe, name) in zip(["Q4_K_M", "Q8_0"], folder.names) {
      let alone = try Program.Folder()
      _ = try Program().run("quantize", Program.checkpoint, "--to", recipe, "-o", alone.file("x"))
      #expect(try Program.sha256(alone.file("x")) == Program.sha256(folder.file(name)))
    }
  }

  @Test func `a GGUF of floats quantizes to the same bytes as the checkpoint`() throws {
    let folder = try Program.Folder()
    _ = try Program().run("convert", Program.checkpoint, "-o", folder.file("floats.gguf"))
    _ = try Program().run("quantize", folder.file("floats.gguf"), "--to", "Q4_K_M", "-o", folder.file("a.gguf"))
    _ = try Program().run("quantize", Program.checkpoint, "--to", "Q4_K_M", "-o", folder.file("b.gguf"))
    #expect(try Program.sha256(folder.file("a.gguf")) == Program.sha256(folder.file("b.gguf")))
  }

  @Test func `a split set is one model again, given any of its files`() throws {
    let folder = try Program.Folder()
    let split = try Program().run(
      "quantize", Program.checkpoint, "--to", "Q8_0", "-o", folder.file("m.gguf"), "--split-max-tensors", "10")
    #expect(split.exit == 0, "\(split.errors)")
    #expect(folder.names == (1...4).map { "m-0000\($0)-of-00004.gguf" })
    let whole = try Program().run(
      "convert", folder.file("m-00003-of-00004.gguf"), "-o", folder.file("whole.gguf"))
    #expect(whole.exit == 0, "\(whole.errors)")
    _ = try Program().run("quantize", Program.checkpoint, "--to", "Q8_0", "-o", folder.file("direct.gguf"))
    let (a, b) = (try Open.model(at: folder.file("whole.gguf")), try Open.model(at: folder.file("direct.gguf")))
    #expect(a.tensors.map(\.info.name) == b.tensors.map(\.info.name))
    #expect(a.metadata == b.metadata)
  }

  @Test func `safetensors keep their names and bytes`() throws {
    let folder = try Program.Folder()
    let result = try Program().run(
      "convert", Program.checkpoint, "--to", "safetensors", "-o", folder.file("copy.safetensors"))
    #expect(result.exit == 0, "\(result.errors)")
    let (a, b) = (
      try Open.model(at: Program.checkpoint + "/model.safetensors"), try Open.model(at: folder.file("copy.safetensors"))
    )
    #expect(Set(a.tensors.map(\.info.name)) == Set(b.tensors.map(\.info.name)))
    let copies = Dictionary(uniqueKeysWithValues: b.tensors.map { ($0.info.name, $0) })
    for tensor in a.tensors {
      let copy = try #require(copies[tensor.info.name])
      #expect(try Digest.sha256(tensor) == Digest.sha256(copy), "\(tensor.info.name)")
    }
  }

  @Test func `a dry run says the exact size and writes nothing`() throws {
    let folder = try Program.Folder()
    let plan = try Program().run("quantize", Program.checkpoint, "--to", "Q4_K_M", "-o", folder.file("m.gguf"), "-n")
    #expect(plan.exit == 0)
    #expect(folder.names.isEmpty)
    _ = try Program().run("quantize", Program.checkpoint, "--to", "Q4_K_M", "-o", folder.file("m.gguf"))
    let size = try FileManager.default.attributesOfItem(atPath: folder.file("m.gguf"))[.size] as? Int ?? 0
    let digits = plan.output.split(separator: "\n").last.map { $0.filter { $0 != "," } } ?? ""
    #expect(digits.contains("\(size) bytes"), "\(plan.output.suffix(200))")
  }
}
