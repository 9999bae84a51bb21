import OunceKit
import Testing

/// A checkpoint and what the reference converter made of it.
struct ZooCase: CustomTestStringConvertible, Sendable {
  let name: String
  let folder: String
  let digest: String
  let outputType: String
  let options: TranslationOptions

  var testDescription: String { "\(name) \(outputType)" }

  /// The zoo beside the repository; empty when it is not there.
  static let all: [ZooCase] = {
    let root = Paths.join(Repository.root, "../shared/zoo")
    guard Paths.isFile(Paths.join(root, "manifest.json")) else {
      print("skipped: no zoo beside the repository")
      return []
    }
    do { return try load(root) } catch {
      print("the zoo cannot be read: \(error)")
      return []
    }
  }()

  private static func load(_ root: String) throws -> [ZooCase] {
    let manifest = try JSONParser.parse(file: try InputFile(path: Paths.join(root, "manifest.json")))
    return (manifest["entries"]?.array ?? []).flatMap { entry -> [ZooCase] in
      guard let name = entry["name"]?.string, let folder = entry["directory"]?.string else { return [] }
      let approximate = ["exaone4", "jais-2", "bailingmoe2", "minimax-m2", "seed-coder", "stablelm2"]
      return (entry["golden"]?.array ?? []).compactMap { golden in
        guard let digest = golden["digest"]?.string, let outputType = golden["outtype"]?.string else { return nil }
        // Parts of a split output are no model of their own.
        guard !digest.contains("-of-0") else { return nil }
        let words = (golden["options"]?.array ?? []).compactMap(\.string)
        var options = TranslationOptions()
        if let index = words.firstIndex(of: "--model-name"), index + 1 < words.count {
          options.modelName = words[index + 1]
        }
        options.withoutNextPrediction = words.contains("--no-nextn")
        options.vocabularyOnly = words.contains("--vocab-only")
        if let pretokenizer = entry["pre_tokenizer"]?.string, approximate.contains(pretokenizer) {
          options.pretokenizer = pretokenizer
        }
        if words.contains("--metadata") { options.metadataFile = metadataOverride }
        return ZooCase(
          name: name, folder: Paths.join(root, folder), digest: Paths.join(root, digest),
          outputType: outputType, options: options)
      }
    }
  }
}

extension ZooCase {
  /// The `--metadata` file that the reference was given: the zoo holds only what became of it.
  static let metadataOverride = InputFile(
    path: "metadata.json",
    bytes: Array(
      """
      {
        "general.name": "Overridden Name",
        "general.author": "Some Body",
        "general.version": "v3",
        "general.organization": "Acme",
        "general.finetune": "tuned",
        "general.basename": "base",
        "general.description": "A description",
        "general.size_label": "123K",
        "general.url": "https://example.org",
        "general.tags": [
          "x",
          "y"
        ],
        "general.languages": [
          "en",
          "fr"
        ]
      }
      """.utf8))
}

extension ZooCase {
  /// Entries that are not translated yet, with what is missing. The list only shrinks.
  static let missing: [String: String] = [:]

  /// Differences that have a reason, by how they begin: the reference takes exponentials from a library whose last bit
  /// is not documented, and writes RWKV's chat template out where llama.cpp knows it by name.
  static let allowed: [String: [String]] = [
    "mamba": ["blk.0.ssm_a: bytes differ", "blk.1.ssm_a: bytes differ"],
    "jamba": ["blk.0.ssm_a: bytes differ", "blk.1.ssm_a: bytes differ", "blk.3.ssm_a: bytes differ"],
    "rwkv6": ["tokenizer.chat_template: \"rwkv-world\""],
  ]
}

@Suite struct ZooTests {
  @Test(arguments: ZooCase.all.filter { ZooCase.missing[$0.name] == nil })
  func `a checkpoint becomes what the reference makes of it`(zoo: ZooCase) throws {
    let digest = Digest(try JSONParser.parse(file: try InputFile(path: zoo.digest)))
    let model = try Open.model(at: zoo.folder)
    let outputType = zoo.outputType == "auto" ? model.tensors.automaticOutputType : zoo.outputType.uppercased()
    let translation = try model.translated(zoo.options)
    let differences = try digest.differences(from: translation, outputType: outputType).filter { difference in
      !(ZooCase.allowed[zoo.name] ?? []).contains { difference.hasPrefix($0) }
    }
    #expect(differences.isEmpty, "\(differences.prefix(12).joined(separator: "\n"))")
  }

  @Test func `what is missing is said`() {
    for (name, reason) in ZooCase.missing.sorted(by: { $0.key < $1.key }) { print("skipped: \(name) needs \(reason)") }
  }
}
