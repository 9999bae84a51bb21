/// The pre-tokenizers of published models, by what their tokenizer.json holds. Among entries of the same steps one with
/// a marker wins where the vocabulary has it.
extension Pretokenizers {
  static let all: [Pretokenizer] = [
    Pretokenizer("llama-bpe", isolated(llama3), ignoresMerges: true),
    Pretokenizer("dbrx", isolated(llama3), ignoresMerges: false),
    Pretokenizer("llama-bpe", isolated(llama3), marker: "<|begin_of_text|>"),
    Pretokenizer("glm4", isolated(llama3), marker: "[gMASK]"),
    Pretokenizer("lfm2", isolated(llama3), marker: "<|startoftext|>"),
    Pretokenizer("falcon3", isolated(llama3), marker: ">>TITLE<<"),
    Pretokenizer("smaug-bpe", isolated(llama3)),
    Pretokenizer("jais-2", isolated(jais2)),
    Pretokenizer("qwen2", ["NFC"] + isolated(qwen2)),
    Pretokenizer("qwen2", isolated(qwen2)),
    Pretokenizer("deepseek-r1-qwen", isolated(qwen2), marker: deepseekBegin),
    Pretokenizer("deepseek-r1-qwen", ["NFC"] + isolated(qwen2), marker: deepseekBegin),
    Pretokenizer("megrez", ["NFC"] + isolated(qwen2), marker: "<|role_start|>"),
    Pretokenizer("exaone4", ["NFC"] + isolated(qwen2), marker: "[|endofturn|]"),
    Pretokenizer("grok-2", isolated(qwen2), marker: "<|separator|>"),
    Pretokenizer("stablelm2", ["NFC", "Split Removed inverted " + qwen2, "ByteLevel"]),
    Pretokenizer("qwen35", ["NFC"] + isolated(qwen35)),
    Pretokenizer("qwen35", isolated(qwen35)),
    Pretokenizer("ufakzeka", ["NFC"] + isolated(ufakzeka)),
    Pretokenizer("gpt-4o", isolated(gpt4o)),
    Pretokenizer("llama4", isolated(gpt4o), marker: "<|begin_of_text|>"),
    Pretokenizer("minimax-m2", isolated(gpt4o), marker: "]~!b["),
    Pretokenizer("tiny_aya", ["NFC"] + isolated(thousands, gpt4o)),
    Pretokenizer("tekken", isolated(tekken)),
    Pretokenizer("pixtral", isolated(tekken), marker: "[IMG]"),
    Pretokenizer("pixtral", isolated(tekken), marker: "<SPECIAL_12>"),
    Pretokenizer(
      "deepseek-llm",
      isolatedSteps("[\r\n]", deepseekLetters, deepseekPunctuation, #"\s+$"#, deepseekHan)
        + ["Digits one by one", "ByteLevel"]),
    Pretokenizer(
      "deepseek-coder",
      isolatedSteps("[\r\n]", #"\s?\p{L}+"#, #"\s?\p{P}+"#, deepseekHan) + ["Digits one by one", "ByteLevel"]),
    Pretokenizer("deepseek-v3", isolated(#"\p{N}{1,3}"#, deepseek3Han, deepseek3)),
    Pretokenizer("hunyuan-dense", isolated(#"\p{N}{1,3}"#, deepseek3Han, deepseek3), marker: hunyuanBegin),
    Pretokenizer("minicpm5", isolated(#"\p{N}{1,3}"#, minicpm5)),
    Pretokenizer("gpt-2", ["ByteLevel GPT-2"]),
    Pretokenizer("phi-2", ["ByteLevel GPT-2"], marker: "                               "),
    Pretokenizer("roberta-bpe", ["ByteLevel GPT-2"], marker: "<mask>"),
    Pretokenizer("gpt-2", ["ByteLevel prefixed GPT-2"]),
    Pretokenizer("roberta-bpe", ["ByteLevel prefixed GPT-2"], marker: "<mask>"),
    Pretokenizer("mpt", ["NFC", "ByteLevel GPT-2"]),
    Pretokenizer("olmo", ["NFC", "ByteLevel GPT-2"], marker: "|||IP_ADDRESS|||"),
    Pretokenizer("modern-bert", ["NFC", "ByteLevel GPT-2"], marker: "[MASK]"),
    Pretokenizer("starcoder", ["Digits one by one", "ByteLevel GPT-2"]),
    Pretokenizer("refact", ["Digits one by one", "ByteLevel GPT-2"], marker: "<|start_of_role|>"),
    Pretokenizer("refact", ["Digits one by one", "ByteLevel GPT-2"], marker: "<empty_output>"),
    Pretokenizer("smollm", ["Digits one by one", "ByteLevel GPT-2"], marker: "<repo_name>"),
    Pretokenizer("smollm", ["Digits one by one", "ByteLevel GPT-2"], marker: "<|im_start|>"),
    Pretokenizer("codeshell", ["Digits one by one", "ByteLevel GPT-2"], marker: "|<end>|"),
    Pretokenizer("command-r", ["NFC", "Digits one by one", "ByteLevel GPT-2"]),
    Pretokenizer("exaone", ["NFC", "Digits one by one", "ByteLevel GPT-2"], marker: "[|endofturn|]"),
    Pretokenizer(
      "falcon", ["Punctuation Contiguous", "ByteLevel GPT-2", "Digits", "Split Isolated [0-9][0-9][0-9]"]),
    Pretokenizer("falcon-h1", ["Punctuation Contiguous", "ByteLevel GPT-2", "Digits one by one"]),
    Pretokenizer("bloom", isolated(bloom)),
    Pretokenizer("viking", isolatedSteps(bloom) + ["Digits one by one", "ByteLevel"]),
    Pretokenizer("bailingmoe", isolated(bailing)),
    Pretokenizer("seed-coder", isolated(seed)),
  ]

  /// Names that llama.cpp knows and whose tokenizers are told by name only.
  static let otherNames = [
    "default", "chatglm-bpe", "minerva-7b", "hunyuan", "hy_v4", "kimi-k2", "jina-v2-de", "jina-v2-es", "jina-v2-code",
    "jina-v1-en", "jina-v2-en", "jina-v5-nano", "gemma4", "spark2_5", "bert-bge", "bert-bge-large", "cohere2moe",
    "poro-chat", "jais", "gpt3-finnish", "chameleon", "gigachat", "superbpe", "trillion", "a.x-4.0", "midm-2.0",
    "mellum", "mellum2", "afmoe", "bailingmoe2", "granite-docling", "kormo", "youtu", "solar-open", "exaone-moe",
    "joyai-llm", "kanana2", "f2llmv2", "sarvam-moe", "talkie", "granite-embed-multi-97m",
    "granite-embed-multi-311m", "laguna", "whitespace", "llada-moe",
  ]

  /// Splits one after the other, then bytes.
  private static func isolated(_ patterns: String...) -> [String] {
    patterns.map { "Split Isolated " + $0 } + ["ByteLevel"]
  }

  private static func isolatedSteps(_ patterns: String...) -> [String] { patterns.map { "Split Isolated " + $0 } }

  private static let deepseekBegin = "<\u{FF5C}begin\u{2581}of\u{2581}sentence\u{FF5C}>"
  private static let hunyuanBegin = "<\u{FF5C}hy_begin\u{2581}of\u{2581}sentence\u{FF5C}>"
  private static let llama3 =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s"#
    + #"+(?!\S)|\s+"#
  private static let qwen2 =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\"#
    + #"S)|\s+"#
  private static let qwen35 =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r"#
    + #"\n]+|\s+(?!\S)|\s+"#
  private static let gpt4o =
    #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)"#
    + #"?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'"#
    + #"d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  private static let tekken =
    #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p"#
    + #"{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|"#
    + #"\s+"#
  private static let deepseekLetters =
    #"\s?[A-Za-z\#u{B5}\#u{C0}-\#u{D6}\#u{D8}-\#u{F6}\#u{F8}-\#u{1BA}\#u{1BC}-\#u{1BF}\#u{1C4}-\#u{293}"#
    + #"\#u{295}-\#u{2AF}\#u{370}-\#u{373}\#u{376}\#u{377}\#u{37B}-\#u{37D}\#u{37F}\#u{386}\#u{388}-\#u{38A}"#
    + #"\#u{38C}\#u{38E}-\#u{3A1}\#u{3A3}-\#u{3F5}\#u{3F7}-\#u{481}\#u{48A}-\#u{52F}\#u{531}-\#u{556}\#u{10A0}-"#
    + #"\#u{10C5}\#u{13A0}-\#u{13F5}\#u{13F8}-\#u{13FD}\#u{1C90}-\#u{1CBA}\#u{1CBD}-\#u{1CBF}\#u{1D00}-\#u{1D2B}"#
    + #"\#u{1D6B}-\#u{1D77}\#u{1D79}-\#u{1D9A}\#u{1E00}-\#u{1F15}\#u{1F18}-\#u{1F1D}\#u{1F20}-\#u{1F45}\#u{1F48}"#
    + #"-\#u{1F4D}\#u{1F50}-\#u{1F57}\#u{1F59}\#u{1F5B}\#u{1F5D}\#u{1F5F}-\#u{1F7D}\#u{1F80}-\#u{1FB4}\#u{1FB6}-"#
    + #"\#u{1FBC}\#u{1FBE}\#u{1FC2}-\#u{1FC4}\#u{1FC6}-\#u{1FCC}\#u{1FD0}-\#u{1FD3}\#u{1FD6}-\#u{1FDB}\#u{1FE0}-"#
    + #"\#u{1FEC}\#u{1FF2}-\#u{1FF4}\#u{1FF6}-\#u{1FFC}\#u{2102}\#u{2107}\#u{210A}-\#u{2113}\#u{2115}\#u{2119}-"#
    + #"\#u{211D}\#u{2124}\#u{2126}\#u{2128}\#u{212A}-\#u{212D}\#u{212F}-\#u{2134}\#u{2139}\#u{213C}-\#u{213F}"#
    + #"\#u{2145}-\#u{2149}\#u{214E}\#u{2183}\#u{2184}\#u{2C00}-\#u{2C7B}\#u{2C7E}-\#u{2CE4}\#u{2CEB}-\#u{2CEE}"#
    + #"\#u{2CF2}\#u{2CF3}\#u{A640}-\#u{A66D}\#u{A680}-\#u{A69B}\#u{A722}-\#u{A76F}\#u{A771}-\#u{A787}\#u{A78B}-"#
    + #"\#u{A78E}\#u{AB70}-\#u{ABBF}\#u{FB00}-\#u{FB06}\#u{FB13}-\#u{FB17}\#u{FF21}-\#u{FF3A}\#u{FF41}-\#u{FF5A}"#
    + #"\#u{10400}-\#u{1044F}\#u{104B0}-\#u{104D3}\#u{104D8}-\#u{104FB}\#u{10C80}-\#u{10CB2}\#u{10CC0}-"#
    + #"\#u{10CF2}\#u{118A0}-\#u{118DF}\#u{1E900}-\#u{1E943}]+"#
  private static let deepseekPunctuation =
    #"\s?[!-/:-~\#u{FF01}-\#u{FF0F}\#u{FF1A}-\#u{FF5E}\#u{2018}-\#u{201F}\#u{3000}-\#u{3002}]+"#
  private static let deepseekHan = #"[\#u{4E00}-\#u{9FA5}\#u{800}-\#u{4E00}\#u{AC00}-\#u{D7FF}]+"#
  private static let deepseek3Han = #"[\#u{4E00}-\#u{9FA5}\#u{3040}-\#u{309F}\#u{30A0}-\#u{30FF}]+"#
  private static let deepseek3 =
    ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\##r\##n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+["##
    + ##"\##r\##n]*|\s*[\##r\##n]+|\s+(?!\S)|\s+"##
  private static let bailing =
    #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"#
  private static let bloom = #" ?[^(\s|[.,!?\#u{2026}\#u{3002}\#u{FF0C}\#u{3001}\#u{964}\#u{6D4}\#u{60C}])]+"#
  private static let seed =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\#r\#n]+|\s*[\#r\#n]+|\s+"#
    + #"(?!\S)|\s+"#
  private static let jais2 =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s"#
    + #"{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\"#
    + #"s{1,2}(?!\S)|\s{1}"#
  private static let ufakzeka = #"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  private static let minicpm5 =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!"#
    + #"\S)|\s+"#
  private static let thousands = #"\d{1,3}(?=(?:\d{3})*\b)"#
}
