/// What stands before the tensors in the files of one program.
struct GGMLLayout: Sendable {
  /// One part of the header. Everything is 32 bits wide; names are those of the program.
  enum Part: Sendable {
    case integers([String])
    case floats([String])
    /// An integer that is 0 or 1.
    case flag(String)
    /// A length and so many bytes.
    case text(String)
    /// Integers that are there as often as an earlier integer says.
    case repeated([String], times: String)
    /// The sizes, the slowest first, and so many floats.
    case tensor(String, dimensions: Int)
    /// For each token its length, its bytes and, where the version says so, its score.
    case tokens(Count, hasScores: Bool = false)
  }

  enum Count: Sendable {
    /// As many as an integer says that was read before.
    case field(String)
    /// The number stands before the tokens, again: it has to be equal to this integer.
    case again(String)
    /// The number stands before the tokens.
    case own
  }

  let name: String
  let parts: [Part]
  /// A tensor that tells programs apart whose headers look alike; nil: no other has such a header.
  var tensor: String?
  /// Whether a file without tensors is one: whisper.cpp tests with such.
  var mayBeEmpty = false

  func suits(_ version: GGMLVersion) -> Bool {
    switch name {
    case "rwkv": version.isRWKV
    case "whisper", "silero-vad", "parakeet": version.magic == .ggml
    default: !version.isRWKV
    }
  }

  /// The integer that says of what type most tensors are.
  static let fileType = "ftype"

  /// In the order in which they are tried: a header that repeats a number before one that looks alike but does not.
  static let all: [GGMLLayout] = [
    GGMLLayout(
      name: "rwkv", parts: [.integers(["n_vocab", "n_embed", "n_layer", fileType])]),
    GGMLLayout(
      name: "silero-vad",
      parts: [
        .text("model_type"),
        .integers([
          "version_major", "version_minor", "version_patch", "window_size", "context_size", "n_encoder_layers",
        ]),
        .repeated(["in_channels", "out_channels", "kernel_size"], times: "n_encoder_layers"),
        .integers(["lstm_input_size", "lstm_hidden_size", "final_conv_in", "final_conv_out"]),
      ]),
    GGMLLayout(
      name: "whisper",
      parts: [
        .integers([
          "n_vocab", "n_audio_ctx", "n_audio_state", "n_audio_head", "n_audio_layer", "n_text_ctx", "n_text_state",
          "n_text_head", "n_text_layer", "n_mels", fileType,
        ]),
        .tensor("mel_filters", dimensions: 2), .tokens(.own),
      ], mayBeEmpty: true),
    GGMLLayout(
      name: "parakeet",
      parts: [
        .integers([
          "n_vocab", "n_audio_ctx", "n_audio_state", "n_audio_head", "n_audio_layer", "n_mels", fileType, "n_fft",
          "subsampling_factor", "n_subsampling_channels", "n_pred_dim", "n_pred_layers", "n_tdt_durations",
          "n_max_tokens",
        ]),
        .tensor("mel_filters", dimensions: 2), .tensor("window", dimensions: 1),
        .repeated(["duration"], times: "n_tdt_durations"), .tokens(.own),
      ], mayBeEmpty: true),
    // StarCoder and Cerebras-GPT, too.
    GGMLLayout(
      name: "gpt-2",
      parts: [
        .integers(["n_vocab", "n_ctx", "n_embd", "n_head", "n_layer", fileType]), .tokens(.again("n_vocab")),
      ]),
    GGMLLayout(
      name: "gpt-j",
      parts: [
        .integers(["n_vocab", "n_ctx", "n_embd", "n_head", "n_layer", "n_rot", fileType]), .tokens(.again("n_vocab")),
      ]),
    // Dolly, StableLM and RedPajama, too.
    GGMLLayout(
      name: "gpt-neox",
      parts: [
        .integers(["n_vocab", "n_ctx", "n_embd", "n_head", "n_layer", "n_rot"]), .flag("par_res"),
        .integers([fileType]), .tokens(.field("n_vocab")),
      ]),
    GGMLLayout(
      name: "mpt",
      parts: [
        .integers(["d_model", "max_seq_len", "n_heads", "n_layers", "n_vocab"]),
        .floats(["alibi_bias_max", "clip_qkv"]), .integers([fileType]), .tokens(.field("n_vocab")),
      ]),
    GGMLLayout(
      name: "replit",
      parts: [
        .integers(["d_model", "max_seq_len", "n_heads", "n_layers", "n_vocab", fileType]),
        .tokens(.field("n_vocab"), hasScores: true),
      ]),
    GGMLLayout(
      name: "bert",
      parts: [
        .integers(["n_vocab", "n_max_tokens", "n_embd", "n_intermediate", "n_head", "n_layer", fileType]),
        .tokens(.field("n_vocab")),
      ], tensor: "embeddings.word_embeddings.weight"),
    GGMLLayout(
      name: "llama",
      parts: [
        .integers(["n_vocab", "n_embd", "n_mult", "n_head", "n_layer", "n_rot", fileType]),
        .tokens(.field("n_vocab")),
      ], tensor: "tok_embeddings.weight"),
  ]
}
