internal import OunceCore

extension TokenizerParts {
  /// SentencePiece's BPE as merges, in the order of the scores, with bytes for unknown characters.
  static func sentencePiece(
    _ source: ExportSource, _ vocabulary: ExportVocabulary
  ) throws(OunceError) -> TokenizerParts {
    let addsSpace = source.bool("tokenizer.ggml.add_space_prefix") ?? true
    let mark = JSON.string("\u{2581}")
    let space = JSON.object(["String": .string(" ")])
    var normalizers = [JSON.object(["type": .string("Replace"), "pattern": space, "content": mark])]
    if addsSpace { normalizers.insert(.object(["type": .string("Prepend"), "prepend": mark]), at: 0) }
    var decoders: [JSON] = [
      .object([
        "type": .string("Replace"), "pattern": .object(["String": mark]), "content": .string(" "),
      ]), .object(["type": .string("ByteFallback")]), .object(["type": .string("Fuse")]),
    ]
    if addsSpace {
      decoders.append(
        .object([
          "type": .string("Strip"), "content": .string(" "), "start": .integer(1), "stop": .integer(0),
        ]))
    }
    let unknown = vocabulary.types.firstIndex(of: TokenType.unknown).map { JSON.string(vocabulary.texts[$0]) }
    return TokenizerParts(
      normalizer: sequence("Sequence", "normalizers", normalizers),
      decoder: sequence("Sequence", "decoders", decoders),
      model: .object([
        "type": .string("BPE"), "dropout": .null, "unk_token": unknown ?? .null, "continuing_subword_prefix": .null,
        "end_of_word_suffix": .null, "fuse_unk": .bool(true),
        "byte_fallback": .bool(vocabulary.types.contains(TokenType.byte)), "ignore_merges": .bool(false),
        "vocab": vocabulary.model { vocabulary.texts[$0] }, "merges": .array(merges(vocabulary)),
      ]), addsBegin: true)
  }

  /// The merges that a vocabulary with scores implies: every way to put a piece together from two others, the best
  /// piece first. Of equal ones, those whose parts come later, as transformers orders them.
  private static func merges(_ vocabulary: ExportVocabulary) -> [JSON] {
    struct Merge {
      let left: Int
      let right: Int
      let piece: Int
    }
    let usual = vocabulary.texts.indices.filter { vocabulary.types[$0] == TokenType.normal }
    var ids: [ExactString: Int] = [:]
    for id in usual { ids[ExactString(vocabulary.texts[id])] = id }
    var merges: [Merge] = []
    var lengths: [Int: Int] = [:]
    for id in usual {
      let scalars = vocabulary.texts[id].unicodeScalars
      lengths[id] = scalars.count
      guard scalars.count > 1 else { continue }
      var local: [Merge] = []
      for index in scalars.indices.dropFirst() {
        guard let left = ids[ExactString(String(scalars[..<index]))],
          let right = ids[ExactString(String(scalars[index...]))]
        else { continue }
        local.append(Merge(left: left, right: right, piece: id))
      }
      merges += local.sorted { ($0.left, $0.right) < ($1.left, $1.right) }
    }
    let scores = vocabulary.scores
    // Scores that were lost on the way are all the same: then ids keep the order of learning.
    let first = usual.first.map { scores[$0] } ?? 0
    let areLost = usual.allSatisfy { scores[$0] == first }
    let order = merges.indices.sorted { a, b in
      let (x, y) = (merges[a], merges[b])
      if areLost, x.piece != y.piece { return x.piece < y.piece }
      if !areLost, scores[x.piece] != scores[y.piece] { return scores[x.piece] > scores[y.piece] }
      let (left, right) = (lengths[x.left] ?? 0, lengths[y.left] ?? 0)
      if !areLost, left != right { return left > right }
      let (first, second) = (lengths[x.right] ?? 0, lengths[y.right] ?? 0)
      if !areLost, first != second { return first > second }
      return a < b
    }
    return order.map { index in
      .array([
        .string(vocabulary.texts[merges[index].left]), .string(vocabulary.texts[merges[index].right]),
      ])
    }
  }

  /// SentencePiece's unigram model.
  static func unigram(
    _ source: ExportSource, _ vocabulary: ExportVocabulary
  ) throws(OunceError) -> TokenizerParts {
    var normalizers: [JSON] = []
    if case .array(let map)? = source["tokenizer.ggml.precompiled_charsmap"], let bytes = map.bytes {
      normalizers.append(
        .object([
          "type": .string("Precompiled"), "precompiled_charsmap": .string(Base64.encode(bytes)),
        ]))
    }
    if source.bool("tokenizer.ggml.remove_extra_whitespaces") ?? false {
      normalizers.append(
        .object(["type": .string("Strip"), "strip_left": .bool(false), "strip_right": .bool(true)]))
      normalizers.append(
        .object([
          "type": .string("Replace"), "pattern": .object(["Regex": .string(" {2,}")]), "content": .string(" "),
        ]))
    }
    let addsSpace = source.bool("tokenizer.ggml.add_space_prefix") ?? true
    let spaces = JSON.object([
      "type": .string("Metaspace"), "replacement": .string("\u{2581}"),
      "prepend_scheme": .string(addsSpace ? "always" : "never"), "split": .bool(true),
    ])
    let pieces = (0..<vocabulary.modelCount).map { id in
      JSON.array([
        .string(vocabulary.texts[id]), MetadataValue.float32(vocabulary.scores[id]).json ?? .integer(0),
      ])
    }
    let unknown = vocabulary.types.firstIndex(of: TokenType.unknown)
    return TokenizerParts(
      normalizer: sequence("Sequence", "normalizers", normalizers), preTokenizer: spaces, decoder: spaces,
      model: .object([
        "type": .string("Unigram"), "unk_id": unknown.map { .integer($0) } ?? .null, "vocab": .array(pieces),
        "byte_fallback": .bool(vocabulary.types.contains(TokenType.byte)),
      ]), addsBegin: source.architectureName == "bert", addsEnd: true)
  }
}

extension MetadataArray {
  /// The elements of an array of bytes, whichever sign they have.
  var bytes: [UInt8]? {
    switch self {
    case .uint8(let values): values
    case .int8(let values): values.map { UInt8(bitPattern: $0) }
    default: nil
    }
  }
}

extension Base64 {
  private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// `bytes` as text of 64 characters, filled up with `=`.
  static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      bits <<= UInt32(8 * (3 - group.count))
      for place in 0..<4 {
        let letter = letters[Int(bits >> UInt32(18 - 6 * place) & 63)]
        text.append(place <= group.count ? letter : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
