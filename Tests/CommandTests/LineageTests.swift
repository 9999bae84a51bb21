import Foundation
import OunceKit
import Testing

/// `ounce check --against`: each mistake of a conversion is named, and what is right gives no finding.
struct LineageTests {
  /// One mistake: what is made of the checkpoint, what is changed, and what is said.
  struct Mistake: Sendable, CustomTestStringConvertible {
    let checkpoint: String
    let recipe: String
    let rule: String
    let text: String
    let change: @Sendable (inout Model) throws -> Void
    var testDescription: String { "\(rule) \(checkpoint) \(recipe): \(text)" }

    init(
      _ checkpoint: String, _ recipe: String, _ rule: String, _ text: String,
      _ change: @escaping @Sendable (inout Model) throws -> Void
    ) {
      (self.checkpoint, self.recipe, self.rule, self.text, self.change) = (checkpoint, recipe, rule, text, change)
    }
  }

  static let folder: Program.Folder = {
    do { return try Program.Folder() } catch { fatalError("there is no folder for temporary files: \(error)") }
  }()

  /// Checkpoints and what is quantized of them, made once.
  private static let made: Result<[String: String], any Error> = Result {
    var paths = ["": Program.checkpoint]
    for name in Set(mistakes.map(\.checkpoint)).sorted() where !name.isEmpty {
      paths[name] = folder.file(name)
      try LineageModels.checkpoint(name, at: folder.file(name))
    }
    for mistake in mistakes {
      let key = "\(mistake.checkpoint) \(mistake.recipe)"
      guard paths[key] == nil, let source = paths[mistake.checkpoint] else { continue }
      let path = folder.file("\(mistake.checkpoint)-\(mistake.recipe).gguf")
      let result = try Program().run(
        ["quantize", source, "--to", mistake.recipe, "-o", path] + (mistake.checkpoint.isEmpty ? [] : ["--quiet"]))
      try #require(result.exit == 0, "\(key): \(result.errors)")
      paths[key] = path
    }
    return paths
  }

  static func findings(_ path: String, _ source: String, level: CheckLevel = .full) throws -> [Finding] {
    try report(path, source, level: level).findings.filter { $0.rule.hasPrefix("OUN4") }
  }

  static func report(_ path: String, _ source: String, level: CheckLevel = .full) throws -> CheckReport {
    var options = CheckOptions()
    options.level = level
    options.jobs = 1
    options.source = try Open.model(at: source)
    return try Check.run(path, options)
  }

  @Test(arguments: mistakes)
  func `a mistake is named`(_ mistake: Mistake) throws {
    let made = try Self.made.get()
    let path = try #require(made["\(mistake.checkpoint) \(mistake.recipe)"])
    let source = try #require(made[mistake.checkpoint])
    let folder = try Program.Folder()
    try LineageModels.plant(path, to: folder.file("m.gguf"), mistake.change)
    let findings = try Self.findings(folder.file("m.gguf"), source)
    let texts = findings.map { "\($0.rule) \($0.severity.rawValue) \($0.text)" }.joined(separator: "\n")
    #expect(findings.allSatisfy { $0.rule == mistake.rule }, "\(texts)")
    let isNamed = findings.contains { finding in
      "\(finding.subject.map { "\($0): " } ?? "")\(finding.message)".contains(mistake.text)
    }
    #expect(isNamed, "\(texts)")
    // What happened to all blocks is said once.
    #expect(findings.count <= 5, "\(texts)")
  }

  /// What the mistakes were planted in.
  private static let wholes = Array(Set(mistakes.map { "\($0.checkpoint) \($0.recipe)" })).sorted()

  @Test(arguments: wholes)
  func `without the mistake there is no finding`(_ key: String) throws {
    let made = try Self.made.get()
    let path = try #require(made[key])
    let source = try #require(made[String(key.prefix { $0 != " " })])
    let report = try Self.report(path, source)
    #expect(report.findings.isEmpty, "\(report.findings.map(\.text))")
    #expect(report.checked.contains { $0.contains("against") })
  }

  @Test func `another model of the same sizes is one finding`() throws {
    let folder = try Program.Folder()
    try LineageModels.checkpoint("mistral", at: folder.file("a"), seed: 1)
    try LineageModels.checkpoint("mistral", at: folder.file("b"), seed: 2)
    try LineageModels.checkpoint("mistral", at: folder.file("c"), seed: 1) { _, values in
      var noise = SeededNumbers(3)
      values = values.map { $0 + 0.02 * noise.normal() }
    }
    for recipe in ["Q8_0", "Q4_K_M", "Q2_K", "IQ4_XS", "TQ1_0"] {
      #expect(
        try Program().run("quantize", folder.file("a"), "--to", recipe, "-o", folder.file("\(recipe).gguf")).exit == 0)
      #expect(try Self.findings(folder.file("\(recipe).gguf"), folder.file("a")).isEmpty)
      let findings = try Self.findings(folder.file("\(recipe).gguf"), folder.file("b"))
      #expect(findings.map(\.rule) == ["OUN402"], "\(recipe): \(findings.map(\.text))")
      #expect(findings.first?.message.contains("tensors have other values") == true)
    }
    let near = try Self.findings(folder.file("Q8_0.gguf"), folder.file("c"))
    #expect(near.count == 1 && near.first?.message.contains("state of training") == true, "\(near.map(\.text))")
  }

  @Test func `what has no source says so`() throws {
    let zoo = Program.root.deletingLastPathComponent().appending(path: "shared/zoo")
    let matrix = zoo.appending(path: "mixtral/golden/imatrix.gguf").path
    guard FileManager.default.fileExists(atPath: matrix) else {
      print("skipped: needs the zoo in ../shared")
      return
    }
    let findings = try Self.findings(matrix, zoo.appending(path: "mixtral/hf").path)
    #expect(findings.map(\.rule) == ["OUN401"])
    #expect(findings.first?.message.contains("importance matrix") == true)
    let vocabulary = try Self.report(
      zoo.appending(path: "llama-vocab-only/golden/llama-vocab-only-f16.gguf").path,
      zoo.appending(path: "llama-vocab-only/hf").path)
    #expect(vocabulary.findings.isEmpty, "\(vocabulary.findings.map(\.text))")
    #expect(vocabulary.checked.contains("settings and tokenizer of the source"))
    #expect(vocabulary.unchecked.contains { $0.contains("the model has none") })
  }
}
