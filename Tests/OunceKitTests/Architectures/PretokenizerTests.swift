@testable import OunceKit
import Testing

/// Pre-tokenizers are told by their structure, not by the vocabulary around it.
struct PretokenizerTests {
  private static func tokenizer(_ change: (inout JSONObject) -> Void = { _ in }) throws -> HuggingFaceTokenizer {
    let path = Paths.join(Repository.root, "fixtures/tiny-docs-llama/tokenizer.json")
    var members = try JSONParser.parse(file: try InputFile(path: path)).object ?? [:]
    change(&members)
    return try HuggingFaceTokenizer(json: .object(members), settings: nil)
  }

  @Test func `three more tokens change nothing`() throws {
    let changed = try Self.tokenizer { members in
      let more = (0..<3).map { index -> JSON in
        .object(["id": .integer(2000 + index), "content": .string("<extra_\(index)>"), "special": .bool(false)])
      }
      members["added_tokens"] = .array((members["added_tokens"]?.array ?? []) + more)
    }
    #expect(try Pretokenizers.name(nil, for: changed) == "llama-bpe")
  }

  @Test func `another expression is refused, and the nearest are named`() throws {
    let changed = try Self.tokenizer { members in
      let text = JSONWriter.write(members["pre_tokenizer"] ?? .null).replacing("{1,3}", with: "{1,4}")
      members["pre_tokenizer"] = try? JSONParser.parse(Array(text.utf8))
    }
    let error = #expect(throws: OunceError.self) { try Pretokenizers.name(nil, for: changed) }
    #expect(error?.kind == .unsupported)
    #expect(error?.remedy?.contains("llama-bpe") == true)
    #expect(error?.remedy?.contains("--pretokenizer") == true)
  }

  @Test func `a name that no program knows is refused`() throws {
    let tokenizer = try Self.tokenizer()
    #expect(try Pretokenizers.name("qwen2", for: tokenizer) == "qwen2")
    let error = #expect(throws: OunceError.self) { try Pretokenizers.name("lama-bpe", for: tokenizer) }
    #expect(error?.kind == .request)
    #expect(error?.remedy?.contains("llama-bpe") == true)
  }

  @Test func `an unknown class names its neighbours and the way out`() {
    let error = Architectures.unknown("LlamaForCausalLN")
    #expect(error.kind == .unsupported)
    #expect(error.remedy?.contains("LlamaForCausalLM") == true)
    #expect(error.remedy?.contains("--no-map") == true)
  }
}
