import Foundation
import OunceKit
import Testing

/// Adapters of tiny-docs-llama, against what PEFT merges them to.
struct AdapterTests {
  private static let folder = Repository.root + "/fixtures/adapters"
  private static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()

  /// The trained model with its weights as F32, so that sums are not rounded to BF16.
  private static func base() throws -> Model {
    var model = try Open.model(at: Repository.root + "/fixtures/tiny-docs-llama")
    let f32 = try #require(Encodings.writable("F32"))
    model.tensors = try model.tensors.map { tensor in
      let info = try TensorInfo(name: tensor.info.name, shape: tensor.info.shape, encoding: f32)
      return Tensor(
        info: info,
        data: Mapped(
          tensor.data, from: tensor.info.encoding, to: f32, columnCount: tensor.info.columnCount, change: { _ in }))
    }
    return model
  }

  private static func floats(_ tensor: Tensor) throws -> [Float] {
    var bytes = [UInt8](repeating: 0, count: tensor.info.byteCount)
    try bytes.withMutableRawSpan { span in try tensor.data.read(rows: 0..<tensor.info.rowCount, into: &span) }
    var values = [Float](repeating: 0, count: tensor.info.elementCount)
    bytes.withRawSpan { blocks in
      var elements = values.mutableSpan
      tensor.info.encoding.decode(blocks, into: &elements)
    }
    return values
  }

  @Test func `adapters of every kind are there`() { #expect(Self.names.count == 6) }

  @Test(arguments: names)
  func `merged weights are those of PEFT`(_ name: String) throws {
    let base = try Self.base()
    let merged = try base.merging([try Adapter(path: "\(Self.folder)/\(name)")])
    let expected = try #require(
      try JSONParser.parse(file: InputFile(path: "\(Self.folder)/\(name)/merged.json")).object)
    #expect(!expected.isEmpty)
    var changed: [String] = []
    for (before, after) in zip(base.tensors, merged.tensors) {
      let values = try Self.floats(after)
      if values != (try Self.floats(before)) { changed.append(after.info.name) }
      guard let record = expected[after.info.name] else { continue }
      #expect(after.info.shape == record["shape"]?.array?.compactMap(\.integer))
      let size = values.reduce(0) { max($0, $1.magnitude) }
      for sample in try #require(record["samples"]?.array) {
        let (place, value) = (try #require(sample.array?[0].integer), try #require(sample.array?[1].double))
        #expect(abs(Double(values[place]) - value) < Double(size) * 1e-6, "\(after.info.name), element \(place)")
      }
      let squares = values.reduce(0.0) { $0 + Double($1) * Double($1) }
      #expect(abs(squares / (try #require(record["squares"]?.double)) - 1) < 1e-5, "\(after.info.name)")
    }
    #expect(changed.sorted() == expected.keys.sorted())
  }

  @Test func `a GGUF file takes an adapter as its checkpoint does`() throws {
    let folder = NSTemporaryDirectory() + "ounce-lora-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let checkpoint = try Open.model(at: Repository.root + "/fixtures/tiny-docs-llama")
    let adapter = try Adapter(path: Self.folder + "/plain")
    func convert(_ model: Model, _ name: String) throws -> Model {
      var request = ConvertRequest()
      request.output = folder + "/" + name
      try model.plan(request).execute()
      return try Open.model(at: folder + "/" + name)
    }
    let direct = try convert(try checkpoint.merging([adapter]), "direct.gguf")
    let base = try convert(checkpoint, "base.gguf")
    let merged = try base.merging([adapter])
    #expect(merged.metadata == direct.metadata)
    for (tensor, other) in zip(merged.tensors, direct.tensors) {
      #expect(tensor.info.name == other.info.name)
      #expect(try Self.floats(tensor) == Self.floats(other), "\(tensor.info.name)")
    }
    // Blocks that change become F32, the others stay.
    let recipe = try #require(Recipes.named("Q8_0"))
    try checkpoint.plan(QuantizeRequest(recipes: [recipe], output: folder + "/q.gguf")).execute()
    let quantized = try Open.model(at: folder + "/q.gguf").merging([adapter])
    for tensor in quantized.tensors where tensor.info.shape.count > 1 {
      #expect(tensor.info.encoding.name == (tensor.info.name.contains("attn_k") ? "F32" : "Q8_0"))
    }
  }

  @Test func `half the strength is half the difference, and two adapters add up`() throws {
    let base = try Self.base()
    let path = Self.folder + "/plain"
    func merged(_ adapters: [Adapter]) throws -> [Float] {
      let model = try base.merging(adapters)
      return try Self.floats(try #require(model.tensors.first { $0.info.name.contains("layers.0.self_attn.k_proj") }))
    }
    let (whole, halves) = (
      try merged([Adapter(path: path)]),
      try merged([Adapter(path: path, strength: 0.5), Adapter(path: path, strength: 0.5)])
    )
    let (none, plain) = (try merged([Adapter(path: path, strength: 0)]), try merged([]))
    #expect(none == plain)
    #expect(zip(whole, halves).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(whole != plain)
  }

  @Test func `a model of another shape is named with both shapes`() throws {
    var model = try Self.base()
    let place = try #require(model.tensors.firstIndex { $0.info.name.contains("k_proj") })
    let info = try TensorInfo(
      name: model.tensors[place].info.name, shape: [64, 256], encoding: model.tensors[place].info.encoding)
    model.tensors[place] = Tensor(info: info, data: model.tensors[place].data)
    let adapter = try Adapter(path: Self.folder + "/plain")
    let error = try #require(throws: OunceError.self) { try model.merging([adapter]) }
    #expect(error.message.contains("the adapter is made for [128, 256], but the model has [64, 256]"), "\(error)")
    model.tensors.remove(at: place)
    let missing = try #require(throws: OunceError.self) { try model.merging([adapter]) }
    #expect(missing.message.contains("the model has no such tensor"), "\(missing)")
  }

  @Test func `a folder without an adapter is named as such`() throws {
    let error = try #require(throws: OunceError.self) {
      try Adapter(path: Repository.root + "/fixtures/tiny-docs-llama")
    }
    #expect(error.message.contains("has no adapter_config.json"), "\(error)")
  }

  /// The adapter as GGUF, in a file that goes with the result.
  private static func gguf(_ name: String, _ body: (Model, [UInt8]) throws -> Void) throws {
    let path = NSTemporaryDirectory() + "ounce-adapter-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: path) }
    let base = try Open.settings(of: Repository.root + "/fixtures/tiny-docs-llama")
    try Adapter(path: "\(folder)/\(name)").plan(base: base, output: path).execute()
    try body(try Open.model(at: path), [UInt8](try Data(contentsOf: URL(filePath: path))))
  }

  @Test(arguments: ["plain", "embedding"])
  func `an adapter becomes the GGUF file that llama.cpp's converter makes`(_ name: String) throws {
    let expected = [UInt8](try Data(contentsOf: URL(filePath: "\(Self.folder)/\(name)/adapter.gguf")))
    try Self.gguf(name) { _, bytes in #expect(bytes == expected) }
  }

  @Test(arguments: ["stabilized", "patterns"])
  func `a scale that alpha and rank do not give is in the factors`(_ name: String) throws {
    // Rank-stabilized: 4 / √2; of the third layer 16 / 2; of the second 4 / 3, which alpha and rank give.
    try Self.gguf(name) { model, _ in
      let source = try Open.model(at: "\(Self.folder)/\(name)")
      for layer in 0..<4 {
        let b = try #require(model.tensors.first { $0.info.name == "blk.\(layer).attn_k.weight.lora_b" })
        let original = try #require(
          source.tensors.first { $0.info.name.contains("layers.\(layer).") && $0.info.name.contains("lora_B") })
        let rank = Float(b.info.columnCount)
        let scale = name == "stabilized" ? 4 / Float(2).squareRoot() : layer == 2 ? 8 : 4 / rank
        let factor = scale / (4 / rank)
        let (made, before) = (try Self.floats(b), try Self.floats(original))
        // Rows are in another order; the largest element is not in another one.
        let (most, expected) = (made.map(\.magnitude).max() ?? 0, (before.map(\.magnitude).max() ?? 0) * factor)
        #expect(abs(most - expected) <= expected * 1e-6, "layer \(layer)")
      }
    }
  }

  @Test(arguments: ["dora", "saved"])
  func `what llama.cpp's adapters cannot hold is refused`(_ name: String) throws {
    let base = try Open.settings(of: Repository.root + "/fixtures/tiny-docs-llama")
    let adapter = try Adapter(path: "\(Self.folder)/\(name)")
    if name == "dora" {
      let error = try #require(throws: OunceError.self) { try adapter.plan(base: base, output: "none.gguf") }
      #expect(error.message.contains("cannot hold magnitudes"), "\(error)")
    } else {
      // Norms are vectors, which adapters do hold.
      #expect(try adapter.plan(base: base, output: "none.gguf").steps.count > 8)
    }
  }
}
