import Foundation
import OunceKit
import Testing

/// `ounce check --level deep`: each rule about meaning finds the fault that was planted for it, and nothing else does.
struct DeepCheckTests {
  /// The small model as GGUF, made once.
  private static let whole: Result<Model, any Error> = Result {
    let path = folder.file("whole.gguf")
    let made = try Program().run("quantize", Program.checkpoint, "--to", "Q8_0", "-o", path)
    try #require(made.exit == 0, "\(made.errors)")
    return try Open.model(at: path)
  }
  private static let folder: Program.Folder = {
    do { return try Program.Folder() } catch { fatalError("there is no folder for temporary files: \(error)") }
  }()

  /// Writes a model as GGUF.
  static func write(_ model: Model, to path: String) throws {
    let layout = try GGUFContainer().layout(model.metadata, model.tensors.map(\.info))
    var data = Data(layout.header)
    data.append(Data(count: layout.byteCount - data.count))
    for (tensor, offset) in zip(model.tensors, layout.offsets) {
      var bytes = [UInt8](repeating: 0, count: tensor.info.byteCount)
      try bytes.withMutableRawSpan { (span) throws(OunceError) in
        try tensor.data.read(rows: 0..<tensor.info.rowCount, into: &span)
      }
      data.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }
    try data.write(to: URL(filePath: path))
  }

  /// What the rules about meaning say of a model.
  static func findings(_ path: String) throws -> [Finding] {
    var options = CheckOptions()
    options.level = .deep
    options.jobs = 1
    return try Check.run(path, options).findings.filter { $0.rule.hasPrefix("OUN3") }
  }

  private func findings(_ change: (inout Model) throws -> Void) throws -> [Finding] {
    let folder = try Program.Folder()
    var model = try Self.whole.get()
    try change(&model)
    try Self.write(model, to: folder.file("m.gguf"))
    return try Self.findings(folder.file("m.gguf"))
  }

  /// One fault, the rule that finds it, and what it says.
  struct Fault: Sendable, CustomTestStringConvertible {
    let rule: String
    let text: String
    let severity: Severity
    let change: @Sendable (inout Model) throws -> Void
    var testDescription: String { "\(rule) \(text)" }

    init(
      _ rule: String, _ text: String, _ severity: Severity = .error,
      _ change: @escaping @Sendable (inout Model) throws -> Void
    ) {
      (self.rule, self.text, self.severity, self.change) = (rule, text, severity, change)
    }
  }

  private static let tokenizerFaults: [Fault] = [
    Fault("OUN301", "tensor token_embd.weight: has 1024 rows, but the vocabulary has 1025 tokens") { model in
      try append(["one more"], to: "tokens", of: &model)
      model.metadata["llama.vocab_size"] = .uint32(1025)
      model.metadata["tokenizer.ggml.token_type"] = .array(.int32(Array(repeating: 1, count: 1025)))
    },
    Fault("OUN301", "tokenizer.ggml.token_type: has 3 entries, but the vocabulary has 1024 tokens") { model in
      model.metadata["tokenizer.ggml.token_type"] = .array(.int32([1, 1, 1]))
    },
    Fault("OUN301", "tokenizer.ggml.scores: has 2 entries, but the vocabulary has 1024 tokens") { model in
      model.metadata["tokenizer.ggml.scores"] = .array(.float32([1, 1]))
    },
    Fault("OUN301", "tokenizer.ggml.token_type: token 7 has the type 9, but types go from 0 to 6") { model in
      var types = Array(repeating: Int32(1), count: 1024)
      types[7] = 9
      model.metadata["tokenizer.ggml.token_type"] = .array(.int32(types))
    },
    Fault("OUN301", "llama.vocab_size: is 1000, but the vocabulary has 1024 tokens", .warning) { model in
      model.metadata["llama.vocab_size"] = .uint32(1000)
    },
    Fault("OUN301", "the file holds no vocabulary", .warning) { model in
      for key in model.metadata.keys where key.hasPrefix("tokenizer.") { model.metadata[key] = nil }
    },
    Fault("OUN302", "tokenizer.ggml.eos_token_id: is 1024, but ids end at 1023") { model in
      model.metadata["tokenizer.ggml.eos_token_id"] = .uint32(1024)
    },
    Fault("OUN302", "tokenizer.ggml.padding_token_id: is -1, which is no token") { model in
      model.metadata["tokenizer.ggml.padding_token_id"] = .uint32(.max)
    },
    Fault("OUN303", "merges name no tokens, the first is number 0: \"no token\"") { model in
      model.metadata["tokenizer.ggml.merges"] = .strings(["no token"] + (try strings("merges", of: model)))
    },
    Fault("OUN303", "1 merges name no tokens, the first is number") { model in
      try append(["single"], to: "merges", of: &model)
    },
    Fault("OUN304", "1 tokens are there twice, the first is 1023, as 5") { model in
      var tokens = try strings("tokens", of: model)
      tokens[1023] = tokens[5]
      model.metadata["tokenizer.ggml.tokens"] = .strings(tokens)
      // Merges that led to the token which went are no matter here.
      model.metadata["tokenizer.ggml.merges"] = nil
    },
    Fault("OUN305", "tokenizer.chat_template: line 2: \"for\" is not closed") { model in
      model.metadata["tokenizer.chat_template"] = .string("a\n{% for m in messages %}{{ m.content }}")
    },
    Fault("OUN305", "tokenizer.chat_template.tool_use: line 1: reaches for __class__") { model in
      model.metadata["tokenizer.chat_template.tool_use"] = .string("{{ ''.__class__ }}")
    },
  ]

  private static let settingFaults: [Fault] = [
    Fault("OUN306", "general.architecture: is missing") { $0.metadata["general.architecture"] = nil },
    Fault("OUN306", "general.name: is missing", .note) { $0.metadata["general.name"] = nil },
    Fault("OUN306", "general.quantization_version: is missing, but tensors are quantized", .warning) {
      $0.metadata["general.quantization_version"] = nil
    },
    Fault("OUN306", "general.file_type: has another type than it should") {
      $0.metadata["general.file_type"] = .string("Q8_0")
    },
    Fault("OUN307", "llama.context_length: is missing") { $0.metadata["llama.context_length"] = nil },
    Fault("OUN307", "llama.context_length: is 0") { $0.metadata["llama.context_length"] = .uint32(0) },
    Fault("OUN307", "llama.attention.head_count: is missing") { $0.metadata["llama.attention.head_count"] = nil },
    Fault("OUN307", "llama.attention.head_count: is 0") { $0.metadata["llama.attention.head_count"] = .uint32(0) },
    Fault("OUN307", "block 0 has 8 heads, which 3 do not divide") {
      $0.metadata["llama.attention.head_count_kv"] = .uint32(3)
    },
    Fault("OUN307", "llama.attention.head_count: has 3 entries, but there are 4 blocks") {
      $0.metadata["llama.attention.head_count"] = .array(.int32([8, 8, 8]))
    },
    Fault("OUN307", "llama.attention.layer_norm_rms_epsilon: is 0.0") {
      $0.metadata["llama.attention.layer_norm_rms_epsilon"] = .float32(0)
    },
    Fault("OUN307", "llama.attention.layer_norm_rms_epsilon: is missing", .warning) {
      $0.metadata["llama.attention.layer_norm_rms_epsilon"] = nil
    },
    Fault("OUN307", "llama.rope.dimension_count: is 31, but positions turn pairs") {
      $0.metadata["llama.rope.dimension_count"] = .uint32(31)
    },
    Fault("OUN307", "llama.expert_group_count: is 3, which does not divide 4 experts") {
      $0.metadata["llama.expert_count"] = .uint32(4)
      $0.metadata["llama.expert_group_count"] = .uint32(3)
    },
    Fault("OUN307", "llama.rope.freq_base: is nan") { $0.metadata["llama.rope.freq_base"] = .float32(.nan) },
    Fault("OUN307", "llama.block_count: is 4000000000, more than the limit of 10000") {
      $0.metadata["llama.block_count"] = .uint32(4_000_000_000)
    },
    Fault("OUN307", "llama.expert_used_count: is 5, but there are 4 experts") {
      $0.metadata["llama.expert_count"] = .uint32(4)
      $0.metadata["llama.expert_used_count"] = .uint32(5)
    },
  ]

  private static let tensorFaults: [Fault] = [
    Fault("OUN308", "tensor blk.2.attn_q.weight: is missing, but 3 other blocks like it have it") {
      $0.drop("blk.2.attn_q.weight")
    },
    Fault("OUN308", "tensor blk.0.attn_norm.weight: is missing, but 3 other blocks like it have it") {
      $0.drop("blk.0.attn_norm.weight")
    },
    Fault("OUN308", "block blk.1: has no attention and nothing in its place") { $0.drop("blk.1.attn_") },
    Fault("OUN308", "block blk.1: has no feed-forward part, which other blocks have") { $0.drop("blk.1.ffn_") },
    Fault("OUN308", "block blk.3: has no attn_output") { model in
      for block in 0..<4 { model.drop("blk.\(block).attn_output.weight") }
    },
    Fault("OUN308", "block blk.0: has no ffn_down") { model in
      for block in 0..<4 { model.drop("blk.\(block).ffn_down.weight") }
    },
    Fault("OUN308", "block blk.3: is missing: there are to be 4 blocks") { $0.drop("blk.3.") },
    Fault("OUN308", "block blk.3: is one too many: there are 3 blocks") {
      $0.metadata["llama.block_count"] = .uint32(3)
    },
    Fault("OUN308", "block blk.0: is missing: there are to be 4 blocks") { $0.drop("blk.") },
    Fault("OUN308", "tensor blk.2.attn_k.weight: is missing, which attention needs") { model in
      for block in 0..<4 { model.drop("blk.\(block).attn_k.weight") }
    },
    Fault("OUN308", "tensor token_embd.weight: is missing") { $0.drop("token_embd.weight") },
    Fault("OUN308", "tensor output_norm.weight: is missing") { $0.drop("output_norm.weight") },
    Fault("OUN308", "tensor blk.0.attn_other.weight: is none that the architecture llama has", .warning) { model in
      let norm = try #require(model.tensors.first { $0.info.name == "output_norm.weight" })
      for block in 0..<4 { model.tensors.append(norm.renamed("blk.\(block).attn_other.weight")) }
    },
    Fault("OUN309", "tensor blk.0.ffn_up.weight: is [768, 256], but the settings give [512, 256]") {
      $0.metadata["llama.feed_forward_length"] = .uint32(512)
    },
    Fault("OUN309", "tensor blk.0.attn_k.weight: is [128, 256], but the settings give [256, 256]") {
      $0.metadata["llama.attention.head_count_kv"] = .uint32(8)
    },
    Fault("OUN309", "tensor output_norm.weight: is [256], but the settings give [512]") {
      $0.metadata["llama.embedding_length"] = .uint32(512)
    },
    Fault("OUN309", "tensor blk.1.attn_v.weight: is [128, 256], but the settings give [256, 256]") {
      $0.metadata["llama.attention.value_length"] = .uint32(64)
    },
    Fault("OUN309", "tensor blk.3.ffn_down.weight: is [768, 256], but the settings give [256, 768]") { model in
      let index = try #require(model.tensors.firstIndex { $0.info.name == "blk.3.ffn_down.weight" })
      let gate = try #require(model.tensors.first { $0.info.name == "blk.3.ffn_gate.weight" })
      model.tensors[index] = gate.renamed("blk.3.ffn_down.weight")
    },
  ]

  @Test(arguments: tokenizerFaults + settingFaults + tensorFaults)
  func `a planted fault is found by its rule`(_ fault: Fault) throws {
    let findings = try findings(fault.change)
    let expected = findings.filter { $0.rule == fault.rule && $0.text.contains(fault.text) }
    #expect(expected.count == 1, "\(findings.map { "\($0.rule) \($0.text)" })")
    #expect(expected.first?.severity == fault.severity)
    // What one fault makes wrong elsewhere is found, too; but most are of one rule only.
    let isBroad = ["context_length: is missing", "settings give [512]", "architecture: is missing"]
      .contains { fault.text.contains($0) }
    if !isBroad { #expect(Set(findings.map(\.rule)).subtracting(Self.echoes(fault.rule)) == [fault.rule]) }
  }

  /// Rules that a fault of another rule sets off as well: wrong settings give wrong shapes.
  private static func echoes(_ rule: String) -> Set<String> {
    switch rule {
    case "OUN301": ["OUN309"]
    case "OUN307": ["OUN308", "OUN309"]
    default: []
    }
  }

  @Test func `what ounce writes means what it says`() throws {
    let folder = try Program.Folder()
    for type in ["Q4_K_M", "IQ4_XS", "TQ1_0", "F16"] {
      let path = folder.file("\(type).gguf")
      #expect(try Program().run("quantize", Program.checkpoint, "--to", type, "-o", path).exit == 0)
      #expect(try Self.findings(path) == [])
    }
    let result = try Program(folder: folder.path).run("check", "F16.gguf", "--level", "deep", "--fail-on", "note")
    #expect(result.exit == 0 && result.output.contains("meaning as a model"), "\(result.output)")
    for (name, options) in [("vocabulary", ["--vocab-only"]), ("plain", ["--no-map"])] {
      let path = folder.file("\(name).gguf")
      let made = try Program().run(["convert", Program.checkpoint, "-o", path] + options)
      #expect(made.exit == 0, "\(made.errors)")
      #expect(try Self.findings(path) == [])
    }
  }

  /// Text with the level's own words about what was looked at.
  private func report(_ path: String) throws -> String {
    let result = try Program().run("check", path, "--level", "deep", "--fail-on", "note")
    return "\(result.exit) \(result.output)"
  }

  @Test func `each kind of file is recognized as what it is`() throws {
    let fixtures = Program.fixtures
    let adapter = try report(fixtures.appending(path: "adapters/plain/adapter.gguf").path)
    #expect(adapter.hasPrefix("0 ") && adapter.contains("meaning as an adapter"), "\(adapter)")
    let folder = try report(fixtures.appending(path: "adapters/plain").path)
    #expect(folder.hasPrefix("0 ") && folder.contains("meaning as an adapter"), "\(folder)")
    let importance = try report(fixtures.appending(path: "importance/one.gguf").path)
    #expect(importance.hasPrefix("0 ") && importance.contains("meaning as an importance matrix"), "\(importance)")
    let plain = try report(fixtures.appending(path: "npz/canonical/names.npz").path)
    #expect(plain.hasPrefix("0 ") && plain.contains("not checked: meaning: nothing in the file names"), "\(plain)")
  }

  /// A fixture, changed, as the rules about meaning see it.
  private func findings(of fixture: String, _ change: (inout Model) throws -> Void) throws -> [String] {
    let folder = try Program.Folder()
    var model = try Open.model(at: Program.fixtures.appending(path: fixture).path)
    try change(&model)
    try Self.write(model, to: folder.file("m.gguf"))
    return try Self.findings(folder.file("m.gguf")).map { "\($0.rule) \($0.subject ?? ""): \($0.message)" }
  }

  @Test func `faults of adapters and matrices are found by their own rules`() throws {
    let adapter = "adapters/plain/adapter.gguf"
    let name = try #require(
      try Open.model(at: Program.fixtures.appending(path: adapter).path).tensors.map(\.info.name)
        .first { $0.hasSuffix(".lora_a") })
    #expect(try findings(of: adapter) { $0.metadata["adapter.lora.alpha"] = nil }.first?.hasPrefix("OUN306") == true)
    #expect(
      try findings(of: adapter) { $0.drop(name) } == [
        "OUN308 tensor \(name): is missing, the other half of \(name.dropLast())b"
      ])
    let ranks = try findings(of: adapter) { model in
      let index = try #require(model.tensors.firstIndex { $0.info.name == name })
      let info = model.tensors[index].info
      let turned = try TensorInfo(name: name, shape: info.shape.reversed(), encoding: info.encoding)
      model.tensors[index] = Tensor(info: turned, data: Zeros())
    }
    #expect(ranks.count == 1 && ranks[0].hasPrefix("OUN309"), "\(ranks)")
    let matrix = "importance/one.gguf"
    let chunks = try findings(of: matrix) { $0.metadata["imatrix.chunk_count"] = nil }
    #expect(chunks.count == 1 && chunks[0].hasPrefix("OUN306 imatrix.chunk_count: is missing"), "\(chunks)")
    let half = try findings(of: matrix) { $0.drop("blk.0.attn_q.weight.counts") }
    #expect(half.count == 1 && half[0].hasPrefix("OUN308 tensor blk.0.attn_q.weight.counts: is missing"), "\(half)")
  }

  @Test func `a projector needs the settings of what it has`() throws {
    func projector(_ metadata: Metadata) throws -> [String] {
      try findings(of: "importance/one.gguf") { model in
        model.metadata = ["general.architecture": .string("clip"), "general.name": .string("a")]
        model.metadata.merge(metadata) { $1 }
      }
    }
    #expect(try projector([:]).first?.hasPrefix("OUN307 clip.has_vision_encoder") == true)
    let whole: Metadata = [
      "clip.has_vision_encoder": .bool(true), "clip.vision.block_count": .uint32(2),
      "clip.vision.embedding_length": .uint32(8), "clip.vision.attention.head_count": .uint32(2),
    ]
    #expect(try projector(whole) == [])
    var cut = whole
    cut["clip.vision.block_count"] = nil
    #expect(try projector(cut) == ["OUN307 clip.vision.block_count: is missing"])
  }

  private static func strings(_ key: String, of model: Model) throws -> [String] {
    guard case .array(.strings(let values))? = model.metadata["tokenizer.ggml.\(key)"] else {
      throw OunceError(.malformed, "the fixture has no \(key)")
    }
    return Array(values)
  }

  private static func append(_ values: [String], to key: String, of model: inout Model) throws {
    model.metadata["tokenizer.ggml.\(key)"] = .strings(try strings(key, of: model) + values)
  }
}

/// Elements that are all 0.
private struct Zeros: TensorData {
  func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {}
}

extension Model {
  /// Leaves out the tensors whose names begin so.
  fileprivate mutating func drop(_ prefix: String) { tensors.removeAll { $0.info.name.hasPrefix(prefix) } }
}
