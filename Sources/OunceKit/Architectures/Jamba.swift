internal import OunceCore

/// AI21's Jamba: state spaces, attention every few layers, experts every few layers.
extension Architecture {
  static let jamba = Architecture(
    "jamba", ["JambaForCausalLM"],
    defaults: [
      "max_position_embeddings": .integer(262_144), "rms_norm_eps": .double(1e-6), "num_key_value_heads": .integer(8),
      "mamba_d_state": .integer(16), "mamba_d_conv": .integer(4), "mamba_expand": .integer(2),
      "expert_layer_period": .integer(2), "expert_layer_offset": .integer(1), "attn_layer_period": .integer(8),
      "attn_layer_offset": .integer(4), "num_experts": .integer(16), "num_experts_per_tok": .integer(2),
    ], rename: Jamba.rename,
    tensors: [
      TensorRule("model.embed_tokens.weight", "token_embd.weight"),
      TensorRule("model.final_layernorm.weight", "output_norm.weight"), TensorRule("lm_head.weight", "output.weight"),
    ] + Decoder.attention
      + Decoder.layers(
        TensorRule("input_layernorm.weight", "attn_norm.weight"),
        TensorRule("pre_ff_layernorm.weight", "ffn_norm.weight"),
        TensorRule("feed_forward.router.weight", "ffn_gate_inp.weight"),
        TensorRule("feed_forward.experts.{e}.down_proj.weight", "ffn_down_exps.weight"),
        TensorRule("feed_forward.experts.{e}.gate_proj.weight", "ffn_gate_exps.weight"),
        TensorRule("feed_forward.experts.{e}.up_proj.weight", "ffn_up_exps.weight"),
        TensorRule("feed_forward.gate_proj.weight", "ffn_gate.weight"),
        TensorRule("feed_forward.up_proj.weight", "ffn_up.weight"),
        TensorRule("feed_forward.down_proj.weight", "ffn_down.weight"),
        TensorRule("mamba.A_log", "ssm_a", NegatedExponential()), TensorRule("mamba.D", "ssm_d"),
        TensorRule("mamba.conv1d.weight", "ssm_conv1d.weight", Squeezed(1)),
        TensorRule("mamba.conv1d.bias", "ssm_conv1d.bias"), TensorRule("mamba.dt_proj.*", "ssm_dt.*"),
        TensorRule("mamba.in_proj.weight", "ssm_in.weight"), TensorRule("mamba.x_proj.weight", "ssm_x.weight"),
        TensorRule("mamba.out_proj.weight", "ssm_out.weight"),
        TensorRule("mamba.b_layernorm.weight", "ssm_b_norm.weight"),
        TensorRule("mamba.c_layernorm.weight", "ssm_c_norm.weight"),
        TensorRule("mamba.dt_layernorm.weight", "ssm_dt_norm.weight")),
    metadata: Jamba.metadata, tokenizer: JambaTokenizer())
}

enum Jamba {
  static let metadata: [MetadataRule] = [
    .blockCount, .contextLength, .embeddingLength, .integer("{arch}.feed_forward_length", "intermediate_size"),
    .headCount,
    .value("{arch}.attention.head_count_kv") { (checkpoint) throws(OunceError) in
      let heads = Int32(try checkpoint.configuration.require("num_key_value_heads"))
      let offset = try checkpoint.configuration.require("attn_layer_offset")
      let period = max(1, try checkpoint.configuration.require("attn_layer_period"))
      return .array(
        .int32(
          (0..<(try checkpoint.blockCount)).map { layer in
            layer >= offset && (layer - offset) % period == 0 ? heads : 0
          }))
    },
    .integer("{arch}.ssm.conv_kernel", "mamba_d_conv"),
    .count("{arch}.ssm.inner_size") { (checkpoint) throws(OunceError) in
      try checkpoint.configuration.require("mamba_expand")
        * checkpoint.configuration.require("hidden_size", "mamba_d_model")
    },
    .integer("{arch}.ssm.state_size", "mamba_d_state"),
    .count("{arch}.ssm.time_step_rank") { (checkpoint) throws(OunceError) in
      if let rank = checkpoint.configuration.integer("mamba_dt_rank") { return rank }
      return (try checkpoint.configuration.require("hidden_size", "mamba_d_model") + 15) / 16
    },
    .float("{arch}.attention.layer_norm_rms_epsilon", "layer_norm_epsilon", "rms_norm_eps"),
    .integer("{arch}.expert_count", "num_local_experts", "num_experts"),
    .integer("{arch}.expert_used_count", "num_experts_per_tok", "num_experts_per_token"), .fileType,
  ]

  /// Small Jambas call the experts otherwise; a layer with one expert is a dense one.
  @Sendable static func rename(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    let name = name.replacing(".moe.", with: ".feed_forward.")
    guard name.hasPrefix("model.layers."), let layer = Int(name.dropFirst(13).prefix { $0.isASCIIDigit }) else {
      return name
    }
    let offset = try checkpoint.configuration.require("expert_layer_offset")
    let period = max(1, try checkpoint.configuration.require("expert_layer_period"))
    let hasExperts = layer >= offset && (layer - offset) % period == 0
    return hasExperts ? name : name.replacing(".experts.0.", with: ".")
  }
}

/// SentencePiece; where only tokenizer.json is there, without a space before the first word.
struct JambaTokenizer: TokenizerRule {
  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    if checkpoint.has("tokenizer.model") {
      try SentencePieceTokenizer().write(checkpoint, to: &writer)
    } else {
      try ByteFallbackTokenizer().write(checkpoint, to: &writer)
      writer.set("tokenizer.ggml.add_space_prefix", .bool(false))
    }
  }
}
