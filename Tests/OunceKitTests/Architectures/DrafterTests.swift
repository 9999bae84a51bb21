@testable import OunceKit
import Testing

/// Drafters, and adapters that models carry: what the fixtures do not say.
@Suite struct DrafterTests {
  private func fixture(_ name: String) throws -> FixtureCase {
    try #require(FixtureCase.all.first { $0.name == name })
  }

  /// The error of a fixture whose config.json is changed.
  private func error(_ name: String, _ change: (inout JSONObject) -> Void) throws -> OunceError? {
    let fixture = try fixture(name)
    let expected = try fixture.expected()
    var model = try fixture.model(expected)
    var settings = try #require(try model.json("config.json")?.object)
    change(&settings)
    let text = JSONWriter.write(.object(settings))
    model.companions["config.json"] = InputFile(path: "config.json", bytes: Array(text.utf8))
    let options = fixture.options(expected)
    return #expect(throws: OunceError.self) { try model.translated(options) }
  }

  @Test func `adapters of tasks are what the reference writes`() throws {
    let fixture = try fixture("jina-bert-v3")
    let expected = try fixture.expected()
    let adapters = try fixture.model(expected).translated(fixture.options(expected)).taskAdapters
    #expect(adapters.map(\.task) == ["retrieval.query", "retrieval.passage"])
    let wanted = try #require(try fixture.json("adapters.json").object)
    #expect(wanted.count == adapters.count)
    for adapter in adapters {
      let file = try #require(wanted[adapter.fileName(beside: "jina-bert-v3.gguf")])
      let metadata = try #require(file["metadata"]?.object)
      #expect(Array(adapter.metadata.keys) == metadata.keys.filter { $0 != "general.quantization_version" })
      for (key, value) in adapter.metadata {
        #expect(DigestValue.text(of: try #require(metadata[key]?["value"])) == DigestValue(value).text, "\(key)")
      }
      let tensors = (file["tensors"]?.array ?? []).map { tensor in
        "\(tensor["name"]?.string ?? "") "
          + "\((tensor["shape_ggml_order"]?.array ?? []).compactMap(\.integer).reversed().map { $0 })"
      }
      #expect(adapter.tensors.map { "\($0.info.name) \($0.info.shape)" } == tensors)
    }
  }

  @Test func `a plan has a file for the model and one for each task`() throws {
    let fixture = try fixture("jina-bert-v3")
    let expected = try fixture.expected()
    var request = ConvertRequest()
    request.translation = fixture.options(expected)
    request.output = "folder/model.gguf"
    let plan = try fixture.model(expected).plan(request)
    let names = ["model.gguf", "lora-retrieval.query-model.gguf", "lora-retrieval.passage-model.gguf"]
    #expect(plan.files.map(\.path) == names.map { "folder/" + $0 })
  }

  @Test(arguments: ["../up", "a/b", "", "line\nbreak"])
  func `a task that is no part of a file's name is refused`(task: String) throws {
    let error = try error("jina-bert-v3") {
      $0["lora_adaptations"] = .array([.string(task), .string("retrieval.passage")])
    }
    #expect(error?.kind == .malformed)
    #expect(error?.subject == "lora_adaptations")
  }

  @Test func `tasks and weights must fit`() throws {
    let error = try error("jina-bert-v3") {
      $0["lora_adaptations"] = .array(["a", "b", "c"].map { .string($0) })
      $0["task_instructions"] = nil
    }
    #expect(error?.problem.contains("expected 3 matrices") == true)
  }

  @Test(arguments: [
    ("attention_k_eq_v", JSON.bool(false)), ("layer_types", .array([.string("full_attention")])),
    ("hidden_activation", .string("silu")), ("enable_moe_block", .bool(true)), ("draft_vocab_size", .integer(64)),
    ("markov_head_type", .string("gated")), ("final_logit_softcapping", .double(30)), ("mask_token_id", .null),
    ("rope_parameters", .object(["rope_type": .string("yarn")])),
  ])
  func `a drafter that llama.cpp cannot run is refused`(name: String, value: JSON) throws {
    let error = try error("gemma4-dspark") { $0[name] = value }
    #expect(error?.kind == .unsupported)
    #expect(error?.subject == name)
  }

  @Test func `the row of a mask must fit`() throws {
    let outside = try error("dflash-mask") {
      $0["dflash_config"] = .object(["mask_token_id": .integer(304), "target_layer_ids": .array([.integer(0)])])
    }
    #expect(outside?.subject == "mask_token_id")
    let narrow = try error("dflash-mask") { $0["hidden_size"] = .integer(16) }
    #expect(narrow?.problem.contains("expected one tensor \"embedding\" of 16 elements") == true)
  }

  @Test func `only a DeepSeek V4 carries a drafter`() throws {
    let fixture = try fixture("qwen3")
    let expected = try fixture.expected()
    var options = fixture.options(expected)
    options.onlySparkDrafter = true
    let model = try fixture.model(expected)
    let error = #expect(throws: OunceError.self) { try model.translated(options) }
    #expect(error?.kind == .request)
  }

  @Test func `a drafter is found in the folder of its target`() throws {
    let fixture = try fixture("deepseek4-dspark")
    let expected = try fixture.expected()
    var options = fixture.options(expected)
    options.onlySparkDrafter = true
    var model = try fixture.model(expected)
    var settings = try #require(try model.json("config.json")?.object)
    settings["architectures"] = .array([.string("DeepseekV4ForCausalLM")])
    let text = JSONWriter.write(.object(settings))
    model.companions["config.json"] = InputFile(path: "config.json", bytes: Array(text.utf8))
    let translation = try model.translated(options)
    #expect(translation.model.metadata["general.architecture"] == .string("dflash"))
    #expect(translation.model.tensors.contains { $0.info.name == "fc.weight" })
  }

  @Test func `layers that share tensors have a limit`() throws {
    let fixture = try fixture("exaone45-shared")
    let expected = try fixture.expected()
    var model = try fixture.model(expected)
    var settings = try #require(try model.json("config.json")?.object)
    var inner = try #require(settings["text_config"]?.object)
    inner["num_nextn_predict_layers"] = .integer(65)
    settings["text_config"] = .object(inner)
    let text = JSONWriter.write(.object(settings))
    model.companions["config.json"] = InputFile(path: "config.json", bytes: Array(text.utf8))
    let error = #expect(throws: OunceError.self) { try model.translated(fixture.options(expected)) }
    #expect(error?.subject == "num_nextn_predict_layers")
  }
}
