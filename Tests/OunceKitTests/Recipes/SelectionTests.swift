import Foundation
import OunceKit
import Testing

/// What each tensor of well-known models becomes, against recorded dry runs of llama-quantize.
struct SelectionTests {
  /// One model with the shapes of its published configuration.
  struct Recorded: Sendable, CustomTestStringConvertible {
    let name: String
    let metadata: Metadata
    let tensors: [TensorInfo]
    /// The type of each matrix, in the order of `tensors`.
    let selections: [(key: String, types: [String])]
    var testDescription: String { name }
  }

  private static let recorded: [Recorded] = {
    let folder = URL(filePath: Repository.root).appending(path: "fixtures/quantizer/selections")
    let files = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
    return files.sorted { $0.path < $1.path }.compactMap { try? read($0) }
  }()

  private static func read(_ url: URL) throws -> Recorded {
    let json = try JSONParser.parse(file: InputFile(path: url.path))
    var metadata = Metadata()
    for (key, value) in try #require(json["metadata"]?.object) {
      metadata[key] = value.string.map(MetadataValue.string) ?? .uint32(UInt32(value.integer ?? 0))
    }
    let f32 = try Encodings.require("F32")
    var tensors: [TensorInfo] = []
    func add(_ object: JSON?, _ prefix: String) throws {
      for (name, shape) in try #require(object?.object) {
        let sizes = try #require(shape.array).map { try #require($0.integer) }
        tensors.append(try TensorInfo(name: prefix + name, shape: sizes, encoding: f32))
      }
    }
    try add(json["outside"], "")
    var layer = 0
    for run in try #require(json["layers"]?.array) {
      for _ in 0..<(try #require(run.array?[0].integer)) {
        try add(run.array?[1], "blk.\(layer).")
        layer += 1
      }
    }
    var names: [Character: String] = [:]
    for (type, letter) in try #require(json["types"]?.object) {
      names[Character(try #require(letter.string))] = type
    }
    let selections = try #require(json["selections"]?.object).map { key, letters in
      (key, try #require(letters.string).map { try #require(names[$0]) })
    }
    return Recorded(
      name: url.deletingPathExtension().lastPathComponent, metadata: metadata, tensors: tensors,
      selections: selections)
  }

  private static let noTraits = ModelTraits(metadata: [:], hasImportance: false)

  @Test func `ten models are recorded with all recipes`() {
    #expect(Self.recorded.count == 10)
    // Q1_0 ends some runs of the reference.
    for model in Self.recorded { #expect(model.selections.count >= 68, "\(model.name)") }
  }

  @Test(arguments: recorded)
  func `each tensor gets the type that llama-quantize gives it`(_ model: Recorded) throws {
    let order = TensorOrder.canonical(model.tensors)
    let sorted = order.map { model.tensors[$0] }
    for (key, types) in model.selections {
      let words = key.split(separator: " ")
      let recipe = try #require(Recipes.named(String(words[0])))
      let traits = ModelTraits(metadata: model.metadata, hasImportance: words.count > 1)
      let choices = try recipe.choose(for: sorted, traits: traits)
      var chosen: [String: String] = [:]
      for (tensor, choice) in zip(sorted, choices) { chosen[tensor.name] = choice.encoding.name.uppercased() }
      let matrices = model.tensors.filter { $0.shape.count > 1 }
      #expect(matrices.count == types.count)
      let wrong = zip(matrices, types).filter { chosen[$0.name] != $1 }.map {
        "\($0.name): \(chosen[$0.name] ?? "-") instead of \($1)"
      }
      #expect(wrong.isEmpty, "\(key): \(wrong.count), such as \(wrong.prefix(4))")
    }
  }

  @Test func `a type always fits, and what took its place is said`() throws {
    let f32 = try Encodings.require("F32")
    let tensors = try [32, 48, 64, 96, 100, 128, 160, 256, 4544].map {
      try TensorInfo(name: "blk.0.attn_q\($0).weight", shape: [4, $0], encoding: f32)
    }
    for recipe in Recipes.all {
      let choices = try recipe.choose(for: tensors, traits: Self.noTraits)
      for (tensor, choice) in zip(tensors, choices) {
        #expect(tensor.columnCount % choice.encoding.elementsPerBlock == 0, "\(recipe.name): \(tensor.name)")
        let meant = try choice.meant.map { try Encodings.require($0) }
        if let meant { #expect(tensor.columnCount % meant.elementsPerBlock != 0, "\(recipe.name): \(tensor.name)") }
      }
    }
  }

  @Test func `an encoding that rows do not fit is refused when a user asks for it`() throws {
    let info = try TensorInfo(name: "blk.0.attn_q.weight", shape: [4, 96], encoding: try Encodings.require("F32"))
    var overrides = RecipeOverrides()
    overrides.tensorTypes = [try TensorTypeRule("attn=q4_K")]
    let recipe = try #require(Recipes.named("Q8_0"))
    let error = try #require(throws: OunceError.self) {
      try recipe.choose(for: [info], traits: Self.noTraits, overrides: overrides)
    }
    #expect(error.message.contains("asks for blocks of 256, but its rows have 96 elements"), "\(error)")
  }
}
