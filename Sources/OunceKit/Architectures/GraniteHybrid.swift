internal import OunceCore

/// IBM's Granite 4 and Bamba: state spaces in most layers, attention in a few, experts where the file names them.
extension Architecture {
  static let graniteHybrid = Architecture(
    "granitehybrid", ["GraniteMoeHybridForCausalLM", "BambaForCausalLM"], derive: GraniteHybrid.derive,
    names: Granite.names, rename: Granite.rename,
    tensors: Llama.tensors + Granite.experts + Granite.sharedExperts
      + TensorRule.layers("model.layers.{i}.", Mamba.mixer("mamba"))
      + [TensorRule("model.final_layernorm.weight", "output_norm.weight")]
      + Decoder.layers(
        TensorRule("pre_ff_layernorm.weight", "ffn_norm"), TensorRule("feed_forward.gate_proj.*", "ffn_gate.*"),
        TensorRule("feed_forward.up_proj.*", "ffn_up.*"), TensorRule("feed_forward.down_proj.*", "ffn_down.*")),
    computed: RopeFrequencies.llama3,
    metadata: GraniteHybrid.metadata + [
      MetadataRule { (checkpoint, writer) throws(OunceError) in
        let hasStateSpaces = try GraniteHybrid.hasStateSpaces(checkpoint)
        let rotates = checkpoint.className == "BambaForCausalLM" || !hasStateSpaces
        writer.set("{arch}.rope.scaling.finetuned", .bool(rotates))
        if !rotates { writer.set("{arch}.context_length", .uint32(1 << 20)) }
      }
    ], tokenizer: GraniteHybrid.tokenizer)
}

/// What the hybrids of state spaces and attention share.
enum GraniteHybrid {
  static let tokenizer = PaddedTokenizer(BytePairTokenizer(preferred: ["dbrx", "refact"])) {
    (checkpoint) throws(OunceError) in try hasStateSpaces(checkpoint) ? 8 : 1
  }

  /// Granite's own settings, then the state space's, then which layers attend.
  static let metadata: [MetadataRule] =
    Granite.metadata + [
      .positive("{arch}.expert_shared_feed_forward_length", "shared_intermediate_size"),
      .integer("{arch}.ssm.conv_kernel", "conv_kernel", "d_conv", "mamba_conv_kernel", "mamba_d_conv"),
      .integer(
        "{arch}.ssm.state_size", "state_size", "d_state", "state_dim", "ssm_state_size", "mamba_state_size",
        "mamba_d_state", "mamba_state_dim", "mamba_ssm_state_size"),
      .count("{arch}.ssm.group_count") { (checkpoint) throws(OunceError) in Mamba.groups(checkpoint) },
      .count("{arch}.ssm.inner_size") { (checkpoint) throws(OunceError) in try innerSize(checkpoint) },
      .integer("{arch}.ssm.time_step_rank", "n_heads", "num_heads", "mamba_n_heads", "mamba_num_heads"),
      .positive("{arch}.rope.dimension_count", "attn_rotary_emb"),
      .value("{arch}.attention.head_count_kv") { (checkpoint) throws(OunceError) in
        let heads = Int32(clamping: try checkpoint.keyValueHeadCount)
        let attention = try attentionLayers(checkpoint)
        return .array(.int32((0..<(try checkpoint.blockCount)).map { attention.contains($0) ? heads : 0 }))
      },
    ]

  private static func innerSize(_ checkpoint: Checkpoint) throws(OunceError) -> Int {
    let configuration = checkpoint.configuration
    let width = try configuration.require("mamba_head_dim", "hidden_size", "d_model")
    // Nemotron's layers are as wide as their heads say, whatever its factor.
    guard !checkpoint.architectureName.hasPrefix("nemotron") else {
      return try configuration.require("num_heads", "mamba_num_heads") * width
    }
    return try configuration.require("expand", "num_heads", "mamba_expand", "mamba_num_heads") * width
  }

  static func hasStateSpaces(_ checkpoint: Checkpoint) throws(OunceError) -> Bool {
    try attentionLayers(checkpoint).count < checkpoint.blockCount
  }

  /// The layers that attend: listed by kind, by pattern, by number, or every so many.
  static func attentionLayers(_ checkpoint: Checkpoint) throws(OunceError) -> Set<Int> {
    let configuration = checkpoint.configuration
    if checkpoint.architectureName.hasPrefix("nemotron") { return NemotronH.layers(checkpoint, of: .attention) }
    if let types = configuration.array("layer_types"), !types.isEmpty {
      return Set(types.indices.filter { types[$0].string == "attention" })
    }
    if let listed = configuration.array("attn_layer_indices"), !listed.isEmpty {
      return Set(listed.compactMap(\.integer))
    }
    let period = try configuration.require("attn_layer_period")
    let offset = try configuration.require("attn_layer_offset")
    guard period > 0 else { throw OunceError(.malformed, "\"attn_layer_period\" is 0", file: "config.json") }
    return Set((0..<(try checkpoint.blockCount)).filter { $0 % period == offset })
  }

  /// Without state spaces the model is a plain Granite.
  @Sendable static func derive(_ checkpoint: inout Checkpoint) throws(OunceError) {
    checkpoint.configuration["head_dim"] = nil
    guard !(try hasStateSpaces(checkpoint)) else { return }
    let hasExperts = checkpoint.configuration.integer("num_experts_per_tok", "num_experts_per_token") ?? 0 > 0
    checkpoint.architectureName = hasExperts ? "granitemoe" : "granite"
  }
}

/// A tokenizer whose vocabulary is padded to a multiple.
struct PaddedTokenizer: TokenizerRule {
  private let base: any TokenizerRule
  private let multiple: @Sendable (Checkpoint) throws(OunceError) -> Int

  init(_ base: any TokenizerRule, multiple: @escaping @Sendable (Checkpoint) throws(OunceError) -> Int) {
    self.base = base
    self.multiple = multiple
  }

  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    var padded = checkpoint
    padded.configuration["pad_vocab_size_multiple"] = .integer(try multiple(checkpoint))
    try Mamba.derive(multiple: 16)(&padded)
    try base.write(padded, to: &writer)
  }
}
