internal import OunceContainers
internal import OunceCore
internal import OunceEncoding

/// The row of the token that stands for those to come, which DFlash drafters may carry in a file of its own: the
/// target never trained it. `mask_embedding.pt` is a dictionary with the tensor `embedding`, of the hidden size.
///
/// The drafter then needs embeddings with that row, and a head apart from them. Both are the target's where the
/// drafter has none. The file also repeats the number of the token; the one of `config.json` counts.
enum MaskEmbedding {
  private static let file = "mask_embedding.pt"
  private static let embeddings = "model.embed_tokens.weight"
  private static let head = "model.lm_head.weight"

  static func isIn(_ checkpoint: Checkpoint) -> Bool { checkpoint.has(file) }

  /// The head of the target, and embeddings with the row of the mask.
  ///
  /// - Throws: `OunceError` when the row does not fit, or neither the drafter nor the target has embeddings.
  @Sendable static func tensors(_ checkpoint: Checkpoint) throws(OunceError) -> [Tensor] {
    guard let file = checkpoint.model.companions[file] else { return [] }
    let size = try checkpoint.configuration.require("hidden_size")
    let count = try vocabularySize(checkpoint)
    let token = checkpoint.configuration["dflash_config"]?["mask_token_id"]?.integer
    guard let token, (0..<count).contains(token) else {
      throw OunceError(
        .malformed, "names the token \(token.map(String.init) ?? "none") of \(count) for the row of \(Self.file)",
        file: "config.json", subject: "mask_token_id")
    }
    let rows = try PyTorchContainer().read(file).tensors
    guard let row = rows.first(where: { $0.info.name == "embedding" }), row.info.shape == [size] else {
      let found = rows.map { "\($0.info.name) of \($0.info.shape)" }.joined(separator: ", ")
      throw OunceError(
        .malformed, "expected one tensor \"embedding\" of \(size) elements, found \(found.isEmpty ? "none" : found)",
        file: file.path, remedy: "take the file from the drafter's page")
    }
    let own = try ownTensors(checkpoint)
    let table: Tensor
    if let tensor = own[embeddings] { table = tensor } else { table = try targetTensor(embeddings, checkpoint) }
    guard table.info.shape == [count, size] else {
      throw OunceError(
        .malformed, "has the shape \(table.info.shape), expected [\(count), \(size)] for the drafter",
        subject: "tensor \(table.info.name)", remedy: "the drafter and the target do not belong together")
    }
    var result: [Tensor] = []
    // What is drafted from all tokens has the target's own head in llama.cpp.
    let dropsHead = checkpoint.className.contains("Spark") && Drafter.isWholeVocabulary(checkpoint)
    if own[head] == nil, !dropsHead {
      let isTied = try Drafter.target(checkpoint).isTrue("tie_word_embeddings")
      result.append(try targetTensor(isTied ? embeddings : "lm_head.weight", checkpoint).renamed("output.weight"))
    }
    let before = try table.gathering(token) { $0 }
    let after = try table.gathering(count - token - 1) { $0 + token + 1 }
    let parts = [before, try encoded(row, as: table.info.encoding), after].filter { $0.info.rowCount > 0 }
    return result + [try Tensor.concatenated(parts, name: "token_embd.weight").renamed("token_embd.weight")]
  }

  private static func vocabularySize(_ checkpoint: Checkpoint) throws(OunceError) -> Int {
    let count = checkpoint.configuration.integer("vocab_size") ?? 0
    guard (1...Limits.vocabulary).contains(count) else {
      throw OunceError(
        .malformed, "\(count) tokens are outside 1...\(Limits.vocabulary)", file: "config.json", subject: "vocab_size")
    }
    return count
  }

  /// The drafter's own ends, by their cleaned names.
  private static func ownTensors(_ checkpoint: Checkpoint) throws(OunceError) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for tensor in checkpoint.model.tensors {
      guard let name = Drafter.names.cleaned(tensor.info.name), [embeddings, head].contains(name) else { continue }
      result[name] = tensor
    }
    return result
  }

  /// A tensor of the target's safetensors files, of which only the header of the one that holds it is read.
  private static func targetTensor(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> Tensor {
    let target = try Drafter.model(checkpoint)
    let index = try target.json("model.safetensors.index.json")?["weight_map"]
    let files =
      index.map { $0[name]?.string.map { [$0] } ?? [] }
      ?? target.companions.keys.filter { $0.hasPrefix("model") && $0.hasSuffix(".safetensors") }.sorted()
    for file in files {
      guard let file = target.companions[file] else { continue }
      if let tensor = try SafetensorsContainer().read(file).tensors.first(where: { $0.info.name == name }) {
        return tensor
      }
    }
    throw OunceError(
      .notFound, "holds no tensor \(name), which a drafter with \(file) takes from its target", file: target.path,
      remedy: "name the folder of the target with its safetensors files under --target-model-dir")
  }

  /// One row in another encoding of floats.
  private static func encoded(_ row: Tensor, as encoding: any Encoding) throws(OunceError) -> Tensor {
    guard let writable = encoding as? any WritableEncoding, encoding.elementsPerBlock == 1 else {
      throw OunceError(
        .unsupported, "the row of \(file) cannot become \(encoding.name)", subject: "tensor \(embeddings)",
        remedy: "take a target whose embeddings are floats")
    }
    let values = try row.values()
    var bytes = [UInt8](repeating: 0, count: values.count * encoding.bytesPerBlock)
    bytes.withMutableRawSpan { writable.encode(values.span, columns: values.count, importance: nil, into: &$0) }
    return try Tensor(
      name: embeddings, shape: [1, values.count], encoding: encoding,
      data: Memory(bytes: bytes, rowByteCount: bytes.count))
  }
}
