import Foundation
import OunceKit
import Testing

/// A checkpoint that goes to GGUF and comes back.
struct WayBackCase: CustomTestStringConvertible, Sendable {
  let name: String
  let model: Model
  var options = TranslationOptions()

  var testDescription: String { name }

  /// Every checkpoint with weights: the zoo's, the fixtures', and the small Llama.
  static let all: [WayBackCase] = {
    var cases: [WayBackCase] = []
    var seen = Set<String>()
    for zoo in ZooCase.all where ZooCase.missing[zoo.name] == nil && !zoo.options.vocabularyOnly {
      guard seen.insert(zoo.name).inserted, let model = try? Open.model(at: zoo.folder) else { continue }
      var options = TranslationOptions()
      options.pretokenizer = zoo.options.pretokenizer
      cases.append(WayBackCase(name: zoo.name, model: model, options: options))
    }
    for fixture in FixtureCase.all {
      guard let expected = try? fixture.expected(), let model = try? fixture.model(expected),
        !fixture.options(expected).vocabularyOnly, model.tensors.allSatisfy({ $0.data is FileRegion }),
        seen.insert(fixture.name).inserted
      else { continue }
      let filled = model.files.allSatisfy { $0.byteCount > 0 } ? model : model.filled()
      guard let filled else { continue }
      cases.append(WayBackCase(name: fixture.name, model: filled, options: fixture.options(expected)))
    }
    if let docs = try? Open.model(at: Paths.join(Repository.root, "fixtures/tiny-docs-llama")) {
      cases.append(WayBackCase(name: "tiny-docs-llama", model: docs))
    }
    return cases
  }()

  /// The checkpoint as GGUF and back, in a folder that `body` sees.
  func roundTrip(_ body: (Model) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "ounce-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var there = ConvertRequest()
    there.translation = options
    there.output = folder.appending(path: "model.gguf").path
    try model.plan(there).execute()
    var back = ConvertRequest()
    back.format = .huggingFace
    back.dtype = Self.unpacked[name]
    back.output = folder.appending(path: "back").path
    try Open.model(at: folder.appending(path: "model.gguf").path).plan(back).execute()
    try body(try Open.model(at: folder.appending(path: "back").path))
  }

  /// How the tensors differ from those of the checkpoint, one line each.
  func differences(_ back: Model) throws -> [String] {
    var found = Dictionary(back.tensors.map { ($0.info.name, $0) }, uniquingKeysWith: { first, _ in first })
    var differences: [String] = []
    for tensor in model.tensors {
      // The language model of a multimodal checkpoint is a model of its own.
      let name = tensor.info.name.replacing("language_model.", with: "")
      if Self.absent.keys.contains(where: { name.contains($0) }) { continue }
      // Of GPT-2 both spellings are published, and transformers loads either.
      let short =
        name.hasPrefix("transformer.h.") || name.hasPrefix("transformer.w") || name.hasPrefix("transformer.ln_f.")
        ? String(name.dropFirst(12)) : name
      guard let made = found.removeValue(forKey: name) ?? found.removeValue(forKey: short) else {
        differences.append("\(name): missing")
        continue
      }
      if let stored = tensor.stored {
        // Packed weights come back as floats: of MXFP4 the same, but that ggml has no zero with a sign; of FP8 and GPTQ
        // as llama.cpp decodes them (docs/quantized.md).
        let isSame =
          try made.info.shape == tensor.info.shape
          && (!stored.name.hasPrefix("MXFP4") || made.floats() == tensor.floats())
        if !isSame { differences.append("\(name): other numbers, or \(made.info.shape) for \(tensor.info.shape)") }
        continue
      }
      if tensor.info.encoding.name == "F8_E4M3", made.info.shape == tensor.info.shape { continue }
      if name.contains(".mlp.experts."), tensor.info.encoding.name == "U8", let columns = tensor.info.shape.last {
        let isWhole = made.info.shape == Array(tensor.info.shape.dropLast()) + [columns * 2]
        if !isWhole { differences.append("\(name): \(made.info.shape), not twice \(tensor.info.shape)") }
        continue
      }
      if let part = Self.rounded[self.name], name.contains(part), made.info.shape == tensor.info.shape { continue }
      if made.info.shape != tensor.info.shape || made.info.encoding.name != tensor.info.encoding.name {
        differences.append("\(name): \(made.info.encoding.name) \(made.info.shape), not \(tensor.info.shape)")
      } else if try made.bytes().dropFirst(firstByte(tensor.info)) != tensor.bytes().dropFirst(firstByte(tensor.info)) {
        differences.append("\(name): bytes differ")
      }
    }
    let packed = Set(model.tensors.map(\.info.name).filter { $0.hasSuffix("_blocks") }.map { $0.dropLast(7) })
    return differences + found.keys.sorted().filter { !packed.contains($0[...]) }.map { "\($0): new" }
  }
}

extension Model {
  /// The same tensors with weights, where a fixture has none; nil for types other than BF16 and F32.
  fileprivate func filled() -> Model? {
    var model = self
    for index in tensors.indices {
      let info = tensors[index].info
      guard ["BF16", "F32"].contains(info.encoding.name) else { return nil }
      var bytes = [UInt8](repeating: 0, count: info.byteCount)
      var state = UInt64(index) &* 0x9E37_79B9_7F4A_7C15 | 1
      for start in stride(from: 0, to: bytes.count, by: info.encoding.bytesPerBlock) {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        // From 1/4 to 1, with either sign, in the bits that BF16 has.
        let number = UInt16(0x3E80) + UInt16(state >> 40 & 0xFF) | UInt16(state >> 33 & 0x8000)
        let end = start + info.encoding.bytesPerBlock
        bytes[end - 2] = UInt8(truncatingIfNeeded: number)
        bytes[end - 1] = UInt8(number >> 8)
      }
      model.tensors[index] = Tensor(info: info, data: Memory(bytes: bytes, rowByteCount: info.rowByteCount))
    }
    model.files = []
    return model
  }
}

extension Tensor {
  fileprivate func floats() throws -> [Float] {
    var floats = [Float](repeating: 0, count: info.elementCount)
    let encoding = info.encoding
    try bytes().withRawSpan { bytes in
      var span = floats.mutableSpan
      encoding.decode(bytes, into: &span)
    }
    return floats
  }

  fileprivate func bytes() throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: info.byteCount)
    try bytes.withMutableRawSpan { (span) throws(OunceError) in try data.read(rows: 0..<info.rowCount, into: &span) }
    return bytes
  }
}

extension WayBackCase {
  /// Entries whose family has no way back (docs/conformance.md says why).
  static let missing: Set<String> = [
    "bailingmoe2", "bailingmoe3", "cohere2moe", "cohere2moe-fused", "deepseek4", "dflash", "dflash-mask", "dspark",
    "exaone45", "exaone45-shared", "exaone45-two", "gemma-embedding-dense", "gemma4-assistant",
    "gemma4-dspark", "glm-dsa-mtp", "glm5-next", "hunyuan-vl", "jina-bert-v2",
    "jina-bert-v3", "laguna", "llama-embed", "mellum", "minimax-m3", "mistral4", "muse-glimmer",
    "muse-glimmer-assistant", "paddleocr",
    "qwen3-moe-fused", "qwen3-reranker", "qwen4exp", "sarvam", "step35",
  ]

  /// Tensors of checkpoints that GGUF does not hold, by a part of their names, with the reason.
  static let absent: [String: String] = [
    "pooler.dense.": "embeddings are pooled without it", "vision_tower.": "GGUF holds the language model alone",
    "model.merger.": "GGUF holds the language model alone",
    "multi_modal_projector.": "GGUF holds the language model alone", ".attn.masked_bias": "a constant",
    ".rotary_emb.inv_freq": "follows from the settings",
    ".attn.bias": "the causal mask, a constant",
    "visual.": "GGUF holds the language model alone", "weight_scale_inv": "FP8 comes back as floats",
    ".weight_scale": "MXFP4 comes back as floats", "_proj_blocks": "MXFP4 comes back as floats",
    "_proj_scales": "MXFP4 comes back as floats",
  ]

  /// Tensors whose last bits the way there loses: a logarithm of an exponential, and 1 + x of an x near 0. Falcon H1
  /// comes back with its multipliers in the weights.
  static let rounded: [String: String] = [
    "falcon-h1": ".", "mamba": ".A_log", "qwen35-moe": "layers.3.input_layernorm.weight",
    "qwen35-dense": "mtp.layers.0.input_layernorm.",
  ]
  /// Checkpoints of weights in 8 bits, which come back as floats of the type that the others have.
  static let unpacked: [String: String] = ["deepseek3-fp8": "BF16", "mimo2-fp8": "BF16", "mimo2-mxfp4": "BF16"]

  /// The first bytes of RoBERTa's positions belong to two rows that nothing reads: they come back as zeros.
  func firstByte(_ info: TensorInfo) -> Int {
    name.hasSuffix("roberta") && info.name == "embeddings.position_embeddings.weight" ? 2 * info.rowByteCount : 0
  }
}

@Suite struct WayBackTests {
  @Test(arguments: WayBackCase.all.filter { !WayBackCase.missing.contains($0.name) })
  func `a checkpoint comes back from GGUF byte for byte`(entry: WayBackCase) throws {
    try entry.roundTrip { back in
      let differences = try entry.differences(back)
      #expect(differences.isEmpty, "\(differences.prefix(8).joined(separator: "\n"))")
    }
  }

  @Test(arguments: WayBackCase.all.filter { !WayBackCase.missing.contains($0.name) })
  func `the vocabulary that comes back is the same`(entry: WayBackCase) throws {
    let there = try entry.model.translated(entry.options).model.metadata
    // SentencePiece's scores become the order of merges, from which they do not come back.
    guard ["gpt2", "bert", "gemma4", "rwkv"].contains(there["tokenizer.ggml.model"]?.string) else { return }
    try entry.roundTrip { back in
      let again = try back.translated(entry.options).model.metadata
      for key in ["model", "pre", "tokens", "token_type", "merges", "bos_token_id", "eos_token_id"] {
        let name = "tokenizer.ggml.\(key)"
        // Mistral's own file says one of two names that have the same expressions.
        if key == "pre", there[name]?.string == "tekken", again[name]?.string == "pixtral" { continue }
        #expect(again[name] == there[name], "\(name)")
      }
      #expect(again["tokenizer.chat_template"] == there["tokenizer.chat_template"])
    }
  }

  @Test(arguments: WayBackCase.all.filter { WayBackCase.missing.contains($0.name) })
  func `what has no way back is said before anything is written`(entry: WayBackCase) throws {
    let error = #expect(throws: OunceError.self) { try entry.roundTrip { _ in } }
    #expect(error?.kind == .unsupported)
    print("skipped: \(entry.name) comes back another time: \(error?.problem ?? "")")
  }
}
