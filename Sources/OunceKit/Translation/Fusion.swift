internal import OunceCore

/// Projections of one layer that are stored as one tensor, where the user wants it and llama.cpp knows the name.
struct Fusion {
  /// Families whose graphs read queries, keys and values from one tensor.
  private static let fusesQueryKeyValue: Set<String> = [
    "apertus", "arcee", "bailingmoe", "bailingmoe2", "bert", "bloom", "cohere2", "command-r", "ernie4_5",
    "ernie4_5-moe", "eurobert", "exaone", "exaone4", "falcon", "falcon-h1", "gemma", "gemma-embedding", "gemma2",
    "gemma3", "gemma3n", "gemma4", "glm4", "glm4moe", "gpt-oss", "gpt2", "gptneox", "granite", "granitehybrid",
    "granitemoe", "hunyuan-dense", "internlm2", "jais2", "jamba", "jina-bert-v2", "lfm2", "lfm2moe", "llama",
    "llama-embed", "llama4", "mimo2", "minicpm", "minimax-m2", "mistral3", "modern-bert", "muse-glimmer", "nemotron",
    "nemotron_h", "nemotron_h_moe", "nomic-bert", "nomic-bert-moe", "olmo", "olmo2", "olmoe", "phi2", "phi3",
    "phimoe", "qwen2", "qwen2moe", "qwen2vl", "qwen3", "qwen35", "qwen35moe", "qwen3moe", "qwen3next", "qwen3vl",
    "qwen3vlmoe", "seed_oss", "smollm3", "stablelm", "starcoder", "starcoder2", "step35",
  ]

  /// Families whose graphs read gates and projections of experts from one tensor.
  private static let fusesGateUp: Set<String> = ["cohere2moe", "gemma4", "mistral4", "qwen35moe", "qwen3next"]

  /// Names of parts in their order, the name of the whole, and how the parts lie in it.
  private struct Kind {
    let parts: [String]
    let whole: String
    /// Whether parts join matrix by matrix, as experts do, instead of one after the other.
    let joinsMatrices: Bool
  }

  private let kinds: [Kind]

  init(_ checkpoint: Checkpoint) {
    var kinds: [Kind] = []
    if checkpoint.options.fusesQueryKeyValue, Self.fusesQueryKeyValue.contains(checkpoint.architectureName) {
      for ending in ["weight", "bias"] {
        kinds.append(
          Kind(
            parts: ["attn_q", "attn_k", "attn_v"].map { "\($0).\(ending)" }, whole: "attn_qkv.\(ending)",
            joinsMatrices: false))
      }
    }
    if checkpoint.options.fusesGateUpExperts, Self.fusesGateUp.contains(checkpoint.architectureName) {
      kinds.append(
        Kind(
          parts: ["ffn_gate_exps.weight", "ffn_up_exps.weight"], whole: "ffn_gate_up_exps.weight",
          joinsMatrices: true))
    }
    self.kinds = kinds
  }

  /// Tensors with fused ones where the last of their parts stood.
  ///
  /// - Parameter forced: encodings by name; the whole takes the last part's.
  func apply(to tensors: [Tensor], _ forced: inout [String: String]) throws(OunceError) -> [Tensor] {
    guard !kinds.isEmpty else { return tensors }
    let names = Set(tensors.map(\.info.name))
    var waiting: [String: [String: Tensor]] = [:]
    var result: [Tensor] = []
    for tensor in tensors {
      let name = tensor.info.name
      guard let (prefix, kind) = kind(of: name), fuses(kind, prefix, names) else {
        result.append(tensor)
        continue
      }
      let whole = prefix + kind.whole
      waiting[whole, default: [:]][String(name.dropFirst(prefix.count))] = tensor
      guard let parts = waiting[whole], parts.count == kind.parts.count else { continue }
      result.append(try Self.joined(kind.parts.compactMap { parts[$0] }, kind, name: whole))
      if let encoding = forced[name] { forced[whole] = encoding }
    }
    return result
  }

  /// `blk.3.` and the kind of `blk.3.attn_q.weight`.
  private func kind(of name: String) -> (prefix: String, kind: Kind)? {
    let words = name.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
    guard words.count == 3, words[0] == "blk", let kind = kinds.first(where: { $0.parts.contains(String(words[2])) })
    else { return nil }
    return ("blk.\(words[1]).", kind)
  }

  /// Whether all parts are there; weights fuse only where biases would.
  private func fuses(_ kind: Kind, _ prefix: String, _ names: Set<String>) -> Bool {
    func count(_ parts: [String]) -> Int { parts.count { names.contains(prefix + $0) } }
    guard count(kind.parts) == kind.parts.count else { return false }
    let biases = kind.parts.map { $0.replacing(".weight", with: ".bias") }
    return kind.joinsMatrices || [0, biases.count].contains(count(biases))
  }

  private static func joined(_ parts: [Tensor], _ kind: Kind, name: String) throws(OunceError) -> Tensor {
    guard kind.joinsMatrices, let first = parts.first, first.info.shape.count == 3 else {
      return try Tensor.concatenated(parts, name: name)
    }
    let (matrices, columns) = (first.info.shape[0], first.info.shape[2])
    var flat: [Tensor] = []
    for part in parts { flat.append(try part.reshaped([part.info.shape[0] * part.info.shape[1], columns])) }
    let rows = parts.map { $0.info.shape[1] }
    guard parts.allSatisfy({ $0.info.shape[0] == matrices && $0.info.shape[2] == columns }), rows.count == 2 else {
      throw OunceError(.malformed, "has parts of different shapes", subject: "tensor \(name)")
    }
    let all = try Tensor.concatenated(flat, name: name)
    let (gate, up) = (rows[0], rows[1])
    let gathered = try all.gathering(matrices * (gate + up)) { row in
      let (matrix, place) = row.quotientAndRemainder(dividingBy: gate + up)
      return place < gate ? matrix * gate + place : matrices * gate + matrix * up + place - gate
    }
    return try gathered.reshaped([matrices, gate + up, columns])
  }
}
