import Foundation
import OunceKit
import Testing

/// `ounce check --level deep` of checkpoints, of chat templates, and of every good model that lies beside the
/// repository.
struct DeepCheckTestsOfCheckpoints {
  /// The small checkpoint in a folder where its JSON files can be changed.
  private func checkpoint(_ changes: [String: (inout [String: Any]) -> Void] = [:]) throws -> Program.Folder {
    let folder = try Program.Folder()
    for name in try FileManager.default.contentsOfDirectory(atPath: Program.checkpoint) {
      let source = Program.checkpoint + "/" + name
      guard let change = changes[name] else {
        try FileManager.default.createSymbolicLink(atPath: folder.file(name), withDestinationPath: source)
        continue
      }
      let data = try Data(contentsOf: URL(filePath: source))
      var json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
      change(&json)
      try JSONSerialization.data(withJSONObject: json).write(to: URL(filePath: folder.file(name)))
    }
    return folder
  }

  private func lines(_ folder: Program.Folder) throws -> [String] {
    try DeepCheckTests.findings(folder.path).map {
      "\($0.severity.rawValue) \($0.rule) \($0.subject ?? ""): \($0.message)"
    }
  }

  @Test func `a whole checkpoint has nothing against it`() throws { #expect(try lines(try checkpoint()) == []) }

  @Test func `config of another model is found by its sizes`() throws {
    let vocabulary = try lines(checkpoint(["config.json": { $0["vocab_size"] = 1000 }]))
    #expect(
      vocabulary.contains(
        "error OUN310 tensor model.embed_tokens.weight: is [1024, 256], but config.json says [1000, 256]"),
      "\(vocabulary)")
    let width = try lines(checkpoint(["config.json": { $0["intermediate_size"] = 512 }]))
    #expect(
      width.contains(
        "error OUN310 tensor model.layers.0.mlp.down_proj.weight: is [256, 768], but config.json says [256, 512]"),
      "\(width)")
    let layers = try lines(checkpoint(["config.json": { $0["num_hidden_layers"] = 5 }]))
    #expect(layers.contains("error OUN310 layer 4: is missing: config.json says that there are 5"), "\(layers)")
    let fewer = try lines(checkpoint(["config.json": { $0["num_hidden_layers"] = 3 }]))
    #expect(fewer.contains("error OUN310 layer 3: is one too many: config.json says that there are 3"), "\(fewer)")
    let heads = try lines(checkpoint(["config.json": { $0["num_key_value_heads"] = 2 }]))
    #expect(heads.contains { $0.hasPrefix("error OUN310 tensor model.layers.0.self_attn.k_proj.weight") }, "\(heads)")
  }

  @Test func `what cannot be translated says why, and how bad that is`() throws {
    let unknown = try lines(checkpoint(["config.json": { $0["architectures"] = ["NobodyKnowsForCausalLM"] }]))
    #expect(unknown.count == 1 && unknown[0].hasPrefix("note OUN311"), "\(unknown)")
    let malformed = try lines(checkpoint(["config.json": { $0["num_hidden_layers"] = "four" }]))
    #expect(malformed.contains { $0.hasPrefix("error OUN311") }, "\(malformed)")
    let folder = try checkpoint()
    try FileManager.default.removeItem(atPath: folder.file("tokenizer.json"))
    let missing = try lines(folder)
    #expect(missing.count == 1 && missing[0].hasPrefix("warning OUN311"), "\(missing)")
  }

  @Test func `the template of a checkpoint is read, also where its family is not known`() throws {
    for className in ["LlamaForCausalLM", "NobodyKnowsForCausalLM"] {
      let findings = try lines(
        checkpoint([
          "config.json": { $0["architectures"] = [className] },
          "tokenizer_config.json": { $0["chat_template"] = "{% include 'x' %}" },
        ]))
      #expect(
        findings.contains { $0.hasPrefix("error OUN305") && $0.hasSuffix("line 1: \"include\" brings other files in") },
        "\(findings)")
    }
  }

  @Test func `an ending that several formats use is no lie`() throws {
    let folder = try Program.Folder()
    let source = Program.fixtures.appending(path: "pytorch/canonical/names.pt").path
    for name in ["pytorch_model.bin", "model.onnx"] {
      try FileManager.default.copyItem(atPath: source, toPath: folder.file(name))
      var options = CheckOptions()
      options.level = .quick
      let rules = try Check.run(folder.file(name), options).findings.map(\.rule)
      #expect(rules.contains("OUN108") == (name == "model.onnx"), "\(name): \(rules)")
    }
  }

  /// What the rule says about a template.
  private func problems(_ template: String) throws -> [String] {
    let folder = try Program.Folder()
    let metadata: Metadata = [
      "general.architecture": .string("llama"), "general.name": .string("a"),
      "tokenizer.ggml.tokens": .strings(["a", "b"]), "tokenizer.chat_template": .string(template),
    ]
    try DeepCheckTests.write(Model(path: "", container: "GGUF", metadata: metadata), to: folder.file("v.gguf"))
    return try DeepCheckTests.findings(folder.file("v.gguf")).map { "\($0.rule) \($0.message)" }
  }

  @Test(arguments: [
    "plain text with { braces } and %} signs", "{{ a }}{%- if a -%}b{%- elif c -%}d{%- else -%}e{%- endif +%}",
    "{% for m in messages %}{{ m['role'] + '}}' + \"%}\" }}{% else %}none{% endfor %}",
    "{% set ns = namespace(a={'b': [1, 2]}) %}{% set ns.a = 3 %}{% set text %}block{% endset %}",
    "{% macro say(x, y='\\'') %}{{ x | tojson(indent=4) }}{% endmacro %}{{ say(1) }}",
    "{# a {{ comment %} #}{% raw %}{{ not __class__ code {% endraw %}", "{% generation %}{{ m }}{% endgeneration %}",
    "{% for a in b %}{% if a %}{% break %}{% endif %}{% continue %}{% endfor %}{% do x %}",
    "{{ {'a': {'b': 1}}['a'] }}", "{% filter upper %}a{% endfilter %}{% call say() %}b{% endcall %}",
    "{{ '__media__' }}{{ a.b_c }}{{ 1e5 }}{{ x[1:-1] }}", "",
  ])
  func `a template of the language passes`(_ template: String) throws { #expect(try problems(template) == []) }

  @Test(arguments: [
    ("{{ a", "line 1: an expression is not closed"), ("\n{% if a ", "line 2: a statement is not closed"),
    ("{# a", "line 1: a comment is not closed"), ("{{ 'a }}", "line 1: a text is not closed"),
    ("{{ (a }}", "line 1: \"}\" closes nothing"), ("{{ a] }}", "line 1: \"]\" closes nothing"),
    ("{% if a %}{% endfor %}", "line 1: \"endfor\" closes nothing"),
    ("{% endif %}", "line 1: \"endif\" closes nothing"),
    ("{% else %}", "line 1: \"else\" belongs to no \"if\""), ("{% %}", "line 1: a statement has no name"),
    ("{% raw %}{{ a }}", "line 1: \"raw\" is not closed"), ("{% macro a() %}", "line 1: \"macro\" is not closed"),
    ("{% while a %}", "line 1: \"while\" is no statement of the language"),
    ("{% import 'os' as os %}", "line 1: \"import\" brings other files in"),
    ("{% from 'a' import b %}", "line 1: \"from\" brings other files in"),
    ("{% extends 'a' %}", "line 1: \"extends\" brings other files in"),
    ("a\n\n{{ x.__globals__ }}", "line 3: reaches for __globals__"),
    ("{{ x['__builtins__'] }}", "line 1: reaches for __builtins__"),
    ("{{ '{0.__class__}'.format(x) }}", "line 1: reaches for __class__"),
    ("{% if x.__init__ %}{% endif %}", "line 1: reaches for __init__"),
    ("{{ __import__('os') }}", "line 1: reaches for __import__"),
    ("{{ x | attr(y ~ z) }}", "line 1: looks attributes up by the filter attr"),
    ("{{ x['\\x5f\\x5fclass'] }}", "line 1: hides an underscore in a text"),
    ("{{ x._private }}", "line 1: reaches for the private _private"),
  ])
  func `a template that is broken or reaches out is an error`(_ template: String, _ problem: String) throws {
    #expect(try problems(template) == ["OUN305 \(problem)"])
  }

  @Test func `a template of a million tags is read once`() throws {
    let deep = String(repeating: "{% if a %}", count: 200_000)
    let start = ContinuousClock.now
    #expect(try problems(deep) == ["OUN305 line 1: \"if\" is not closed"])
    let raw = String(repeating: "{%", count: 500_000)
    #expect(try problems("{% raw %}" + raw) == ["OUN305 line 1: \"raw\" is not closed"])
    #expect(ContinuousClock.now - start < .seconds(60))
  }

  private static let shared = Program.root.deletingLastPathComponent().appending(path: "shared")

  /// Good models beside the repository: GGUF files and checkpoint folders.
  private static let models: [String] = {
    let zoo = shared.appending(path: "zoo").path
    guard Paths.isFolder(zoo) else {
      print("skipped: there is no \(zoo) with models to check")
      return []
    }
    var models: [String] = []
    for case let path as String in FileManager.default.enumerator(atPath: zoo) ?? .init() {
      // One of the files is the first of three shards, whose others were left out.
      if path.hasSuffix(".gguf"), !path.hasSuffix("-00001-of-00003.gguf") { models.append("zoo/" + path) }
      if path.hasSuffix("/config.json"), !path.contains("_Pooling"), !path.contains("_Dense") {
        models.append("zoo/" + path.dropLast(12))
      }
    }
    let vocabularies = "real/llamacpp-vocab"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: shared.appending(path: vocabularies).path)) ?? []
    return (models + names.filter { $0.hasSuffix(".gguf") }.map { "\(vocabularies)/\($0)" }).sorted()
  }()

  @Test func `the models beside the repository are found`() {
    if Paths.isFolder(Self.shared.appending(path: "zoo").path) { #expect(Self.models.count > 110) }
  }

  @Test(arguments: models) func `a good model has nothing against it`(_ name: String) throws {
    var options = CheckOptions()
    options.level = .deep
    options.jobs = 1
    let path = Self.shared.appending(path: name).path
    let report = try Check.run(path, options)
    // A tokenizer that this build does not read, and nothing else, may be noted.
    let bad = report.findings.filter { $0.severity > .note || $0.rule != "OUN311" }
    #expect(bad == [], "\(bad.map(\.text))")
    #expect(report.checked.contains { $0.hasPrefix("meaning as") }, "\(report.checked)")
    guard Paths.isFolder(path), report.findings.isEmpty else { return }
    let folder = try Program.Folder()
    let made = try Program().run("convert", path, "-o", folder.file("m.gguf"))
    #expect(made.exit == 0, "\(made.errors)")
    #expect(try Check.run(folder.file("m.gguf"), options).findings == [])
  }

  /// Tensors that a whole file may do without, as far as the file itself can tell: heads that may be the embedding,
  /// tables that follow from settings.
  private static let undecidable = [
    "output.weight", "output.bias", "rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight",
    "token_types.weight", "attn_rel_b.weight",
  ]

  @Test(arguments: ["deepseek3", "qwen3-moe", "mamba", "rwkv6", "jais2", "t5", "gpt-oss-bf16", "bailing-moe"])
  func `each tensor that goes is missed`(_ name: String) throws {
    let golden = Self.shared.appending(path: "zoo/\(name)/golden").path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: golden)) ?? []
    guard let file = names.filter({ $0.hasSuffix(".gguf") && $0 != "imatrix.gguf" }).min() else {
      print("skipped: there is no GGUF file in \(golden)")
      return
    }
    let folder = try Program.Folder()
    let whole = try Open.model(at: golden + "/" + file)
    for tensor in whole.tensors where !Self.undecidable.contains(where: { tensor.info.name.hasSuffix($0) }) {
      var model = whole
      model.tensors.removeAll { $0.info.name == tensor.info.name }
      try DeepCheckTests.write(model, to: folder.file("m.gguf"))
      let findings = try DeepCheckTests.findings(folder.file("m.gguf"))
      #expect(findings.contains { $0.rule == "OUN308" && $0.severity == .error }, "\(tensor.info.name)")
    }
  }
}
