internal import OunceCore

/// The two files of byte-level BPE from before `tokenizer.json`: `vocab.json` (token and id) and `merges.txt` (a pair
/// in a line, the first to be merged first), as the document that transformers makes of them when it loads such a
/// folder.
enum VocabularyFiles {
  /// What tokenizers of these classes put before the merges.
  private static let pretokenizers: [(classes: [String], steps: JSON)] = [
    (["GPT2", "Roberta", "Bart", "Longformer", "LED", "Blenderbot", "CodeGen", "Whisper"], byteLevel(usesRegex: true)),
    (
      ["Qwen2"],
      .object([
        "type": .string("Sequence"),
        "pretokenizers": .array([
          .object([
            "type": .string("Split"),
            "pattern": .object([
              "Regex": .string(
                #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"#
                  + #"|\s+(?!\S)|\s+"#)
            ]),
            "behavior": .string("Isolated"), "invert": .bool(false),
          ]),
          byteLevel(usesRegex: false),
        ]),
      ])
    ),
  ]

  private static func byteLevel(usesRegex: Bool) -> JSON {
    .object([
      "type": .string("ByteLevel"), "add_prefix_space": .bool(false), "trim_offsets": .bool(true),
      "use_regex": .bool(usesRegex),
    ])
  }

  /// The document; nil when the files are not there, or belong to a class whose steps are not known.
  ///
  /// - Throws: `OunceError` when a file breaks a rule of its format.
  static func tokenizer(of model: Model) throws(OunceError) -> JSON? {
    guard let vocabulary = try model.json("vocab.json"), let merges = model.companions["merges.txt"] else { return nil }
    let settings = try model.json("tokenizer_config.json")
    var name = settings?["tokenizer_class"]?.string ?? "GPT2Tokenizer"
    for ending in ["Fast", "Tokenizer"] where name.hasSuffix(ending) { name.removeLast(ending.count) }
    guard let steps = pretokenizers.first(where: { $0.classes.contains(name) })?.steps else { return nil }
    guard vocabulary.object != nil else {
      throw OunceError(.malformed, "expected an object of tokens and their ids", file: "vocab.json")
    }
    var added: [JSON] = []
    for (text, id) in try model.json("added_tokens.json")?.object ?? [:] {
      added.append(.object(["id": id, "content": .string(text), "special": .bool(false), "normalized": .bool(false)]))
    }
    return .object([
      "added_tokens": .array(added), "pre_tokenizer": steps,
      "model": .object([
        "type": .string("BPE"), "vocab": vocabulary, "merges": .array(try lines(of: merges).map(JSON.string)),
      ]),
    ])
  }

  /// The merges: the first line may name a version.
  private static func lines(of file: InputFile) throws(OunceError) -> [String] {
    let bytes = try file.wholeContent(atMost: Limits.jsonByteCount)
    let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
    return lines.first?.hasPrefix("#version") == true ? Array(lines.dropFirst()) : lines
  }
}
