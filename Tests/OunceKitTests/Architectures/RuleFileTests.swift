import Foundation
import OunceKit
import Testing

/// Architectures that users describe in JSON.
struct RuleFileTests {
  private static let checkpoint = Repository.root + "/fixtures/tiny-docs-llama"

  /// The trained model under a class that nobody knows.
  private static func renamed() throws -> Model {
    var model = try Open.model(at: checkpoint)
    let config = try #require(model.companions["config.json"])
    let text = String(decoding: try config.head(100_000), as: UTF8.self)
    model.companions["config.json"] = InputFile(
      path: config.path, bytes: Array(text.replacingOccurrences(of: "LlamaForCausalLM", with: "HouseLlama").utf8))
    return model
  }

  private static func translated(_ model: Model, _ rules: String) throws -> Translation {
    var options = TranslationOptions()
    options.rulesFile = InputFile(path: "rules.json", bytes: Array(rules.utf8))
    return try model.translated(options)
  }

  private static func bytes(_ tensor: Tensor) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: tensor.info.byteCount)
    try bytes.withMutableRawSpan { span in try tensor.data.read(rows: 0..<tensor.info.rowCount, into: &span) }
    return bytes
  }

  private static func expectEqual(_ model: Model, _ expected: Model) throws {
    #expect(model.metadata == expected.metadata)
    #expect(model.tensors.map(\.info.name) == expected.tensors.map(\.info.name))
    for (tensor, other) in zip(model.tensors, expected.tensors) {
      #expect(tensor.info.shape == other.info.shape)
      #expect(try bytes(tensor) == bytes(other), "\(tensor.info.name)")
    }
  }

  @Test func `a class that is like a known one needs one line`() throws {
    let model = try Self.renamed()
    let error = try #require(throws: OunceError.self) { try model.translated() }
    #expect(error.remedy?.contains("--rules") == true, "\(error)")
    let translation = try Self.translated(model, #"{ "like": "LlamaForCausalLM" }"#)
    try Self.expectEqual(translation.model, try Open.model(at: Self.checkpoint).translated().model)
  }

  @Test func `rules can say everything that a family's file says`() throws {
    let rules = """
      { "architecture": "llama", "removePrefixes": ["model."], "tokenizer": "bpe",
        "tensors": [
          { "from": "embed_tokens.weight", "to": "token_embd.weight" },
          { "from": "lm_head.weight", "to": "output.weight" },
          { "from": "norm.weight", "to": "output_norm.weight" },
          { "from": "layers.{i}.input_layernorm.weight", "to": "blk.{i}.attn_norm.weight" },
          { "from": "layers.{i}.post_attention_layernorm.weight", "to": "blk.{i}.ffn_norm.weight" },
          { "from": "layers.{i}.self_attn.q_proj.*", "to": "blk.{i}.attn_q.*", "do": ["interleaveQueries"] },
          { "from": "layers.{i}.self_attn.k_proj.*", "to": "blk.{i}.attn_k.*", "do": ["interleaveKeys"] },
          { "from": "layers.{i}.self_attn.v_proj.*", "to": "blk.{i}.attn_v.*" },
          { "from": "layers.{i}.self_attn.o_proj.*", "to": "blk.{i}.attn_output.*" },
          { "from": "layers.{i}.mlp.gate_proj.weight", "to": "blk.{i}.ffn_gate.weight" },
          { "from": "layers.{i}.mlp.up_proj.weight", "to": "blk.{i}.ffn_up.weight" },
          { "from": "layers.{i}.mlp.down_proj.weight", "to": "blk.{i}.ffn_down.weight" } ],
        "metadata": [
          { "key": "{arch}.block_count", "from": "num_hidden_layers" },
          { "key": "{arch}.rope.freq_base", "from": ["no_such", "rope_theta"], "type": "float" },
          { "key": "{arch}.attention.causal", "value": true, "type": "bool" } ] }
      """
    let made = try Self.translated(try Self.renamed(), rules).model
    let expected = try Open.model(at: Self.checkpoint).translated().model
    #expect(made.tensors.map(\.info.name) == expected.tensors.map(\.info.name))
    for (tensor, other) in zip(made.tensors, expected.tensors) {
      #expect(try Self.bytes(tensor) == Self.bytes(other), "\(tensor.info.name)")
    }
    for key in ["general.architecture", "llama.block_count", "llama.rope.freq_base", "tokenizer.ggml.tokens"] {
      #expect(made.metadata[key] == expected.metadata[key] && made.metadata[key] != nil, "\(key)")
    }
    #expect(made.metadata["llama.attention.causal"] == .bool(true))
  }

  @Test func `steps do what they say`() throws {
    let rules = """
      { "like": "LlamaForCausalLM", "tensors": [
          { "from": "lm_head.weight", "to": "output.weight", "do": ["transpose", { "multiply": 2 }, { "add": 1 }] },
          { "from": "model.embed_tokens.weight", "to": "token_embd.weight", "do": [{ "part": [1, 2] }] },
          { "from": "model.norm.weight", "to": null } ] }
      """
    let model = try Open.model(at: Self.checkpoint)
    let made = try Self.translated(model, rules).model
    let shapes = Dictionary(uniqueKeysWithValues: made.tensors.map { ($0.info.name, $0.info.shape) })
    #expect(shapes["output.weight"] == [256, 1024])
    #expect(shapes["token_embd.weight"] == [512, 256])
    #expect(shapes["output_norm.weight"] == nil)
  }

  /// Files that say nothing sensible, and what the error must say.
  private static let mistakes = [
    ("[]", "is no JSON object"), ("{", "rules.json"), ("{}", "names no \"architecture\""),
    (#"{ "architectur": "x" }"#, "there is no entry architectur"),
    (#"{ "like": "LlamaForCausalLN" }"#, "is not known"),
    (#"{ "like": "LlamaForCausalLM", "tokenizer": "bpq" }"#, "there is no tokenizer bpq"),
    (#"{ "like": "LlamaForCausalLM", "tensors": [{ "from": "a" }] }"#, "tensors[0]: there is no \"to\""),
    (
      #"{ "like": "LlamaForCausalLM", "tensors": [{ "from": "a", "to": "b", "do": ["transpos"] }] }"#,
      "no step transpos"
    ),
    (
      #"{ "like": "LlamaForCausalLM", "tensors": [{ "from": "a", "to": "b", "do": [{ "part": [2, 2] }] }] }"#,
      "there is no part 2 of 2"
    ),
    (#"{ "like": "LlamaForCausalLM", "metadata": [{ "key": "a" }] }"#, "expected either \"from\" or \"value\""),
  ]

  @Test(arguments: mistakes)
  func `what is wrong with a file of rules is said`(_ rules: String, _ message: String) throws {
    let model = try Open.model(at: Self.checkpoint)
    let error = try #require(throws: OunceError.self) { try Self.translated(model, rules) }
    #expect(error.message.contains(message), "\(error)")
  }
}
