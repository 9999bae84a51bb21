internal import OunceCore

extension TokenizerParts {
  /// Byte-level BPE; the pre-tokenizer's name says which regular expressions cut texts.
  static func bytePairs(
    _ source: ExportSource, _ vocabulary: ExportVocabulary
  ) throws(OunceError) -> TokenizerParts {
    let name = source.string("tokenizer.ggml.pre") ?? "default"
    guard let known = Pretokenizers.all.first(where: { $0.name == name }) else {
      throw OunceError(
        .unsupported, "the regular expressions of the pre-tokenizer \"\(name)\" are not known",
        file: source.model.path, subject: "key tokenizer.ggml.pre",
        remedy: "--to safetensors writes the tensors alone")
    }
    guard case .array(.strings(let merges))? = source["tokenizer.ggml.merges"] else {
      throw OunceError(.malformed, "has no merges", file: source.model.path, subject: "key tokenizer.ggml.merges")
    }
    let steps = known.steps.map(PretokenizerStep.init)
    let bytes = JSON.object([
      "type": .string("ByteLevel"), "add_prefix_space": .bool(false), "trim_offsets": .bool(false),
      "use_regex": .bool(false),
    ])
    return TokenizerParts(
      normalizer: sequence("Sequence", "normalizers", steps.compactMap(\.normalizer)),
      preTokenizer: sequence("Sequence", "pretokenizers", steps.compactMap(\.preTokenizer)),
      postProcessor: bytes, decoder: bytes,
      model: .object([
        "type": .string("BPE"), "dropout": .null, "unk_token": .null, "continuing_subword_prefix": .null,
        "end_of_word_suffix": .null, "fuse_unk": .bool(false), "byte_fallback": .bool(false),
        "ignore_merges": .bool(known.ignoresMerges ?? false), "vocab": vocabulary.model { vocabulary.texts[$0] },
        "merges": .array(merges.map { .string($0) }),
      ]))
  }
}

/// One line of `Pretokenizer.steps` as tokenizer.json has it.
private struct PretokenizerStep {
  let normalizer: JSON?
  let preTokenizer: JSON?

  init(_ step: String) {
    let words = step.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    switch words[0] {
    case "Split":
      let isInverted = words.count > 2 && words[2].hasPrefix("inverted ")
      let pattern = words.count > 2 ? String(words[2].dropFirst(isInverted ? 9 : 0)) : ""
      preTokenizer = .object([
        "type": .string("Split"), "pattern": .object(["Regex": .string(pattern)]),
        "behavior": .string(words.count > 1 ? words[1] : "Isolated"), "invert": .bool(isInverted),
      ])
      normalizer = nil
    case "ByteLevel":
      preTokenizer = .object([
        "type": .string("ByteLevel"), "add_prefix_space": .bool(words.contains("prefixed")),
        "trim_offsets": .bool(true), "use_regex": .bool(words.contains("GPT-2")),
      ])
      normalizer = nil
    case "Digits":
      preTokenizer = .object(["type": .string("Digits"), "individual_digits": .bool(words.count > 1)])
      normalizer = nil
    case "Punctuation":
      preTokenizer = .object([
        "type": .string("Punctuation"), "behavior": .string(words.count > 1 ? words[1] : "Isolated"),
      ])
      normalizer = nil
    default:
      normalizer = .object(["type": .string(words[0])])
      preTokenizer = nil
    }
  }
}
