internal import OunceCore

/// poolside's Laguna: gated attention with as many heads as each layer says, experts with a shared one.
extension Architecture {
  static let laguna = Architecture(
    "laguna", ["LagunaForCausalLM"],
    tensors: Decoder.ends + Decoder.norms + Decoder.attention + Decoder.headNorms + Decoder.feedForward
      + Qwen.sharedExpert
      + Decoder.layers(
        TensorRule("self_attn.g_proj.weight", "attn_gate.weight"),
        TensorRule("mlp.gate.weight", "ffn_gate_inp.weight"),
        TensorRule("mlp.experts.e_score_correction.bias", "exp_probs_b.bias"),
        TensorRule("mlp.experts.{e}.gate_proj.weight", "ffn_gate_exps.weight"),
        TensorRule("mlp.experts.{e}.up_proj.weight", "ffn_up_exps.weight"),
        TensorRule("mlp.experts.{e}.down_proj.weight", "ffn_down_exps.weight")),
    metadata: MetadataRule.common + [
      .integer("{arch}.vocab_size", "vocab_size"),
      .value("{arch}.attention.head_count") { (checkpoint) throws(OunceError) in
        let uniform = Int32(try checkpoint.configuration.require("num_attention_heads"))
        let listed = checkpoint.configuration.array("num_attention_heads_per_layer") ?? []
        let count = try checkpoint.blockCount
        guard listed.isEmpty || listed.count == count else {
          throw OunceError(
            .malformed, "lists heads for \(listed.count) layers, but there are \(count)", file: "config.json",
            subject: "num_attention_heads_per_layer")
        }
        return .array(
          .int32(
            listed.isEmpty
              ? Array(repeating: uniform, count: count) : listed.map { Int32(clamping: $0.integer ?? 0) }))
      },
      .positive("{arch}.attention.sliding_window", "sliding_window"),
      .integer("{arch}.expert_feed_forward_length", "moe_intermediate_size"),
      .integer("{arch}.expert_shared_feed_forward_length", "shared_expert_intermediate_size"),
      .constant("{arch}.expert_weights_norm", .bool(true)),
      .float("{arch}.expert_weights_scale", "moe_routed_scaling_factor"),
      .constant("{arch}.expert_gating_func", .uint32(2)),
      .count("{arch}.leading_dense_block_count") { (checkpoint) throws(OunceError) in
        let types = checkpoint.configuration.array("mlp_layer_types") ?? []
        return types.firstIndex { $0.string != "dense" } ?? types.count
      }, rotaryWidth("{arch}.rope.dimension_count", "full_attention"),
      rotaryWidth("{arch}.rope.dimension_count_swa", "sliding_attention"),
    ], tokenizer: LagunaTokenizer())

  /// How much of a head rotates in layers of one kind.
  private static func rotaryWidth(_ key: String, _ kind: String) -> MetadataRule {
    .count(key) { (checkpoint) throws(OunceError) in
      guard let rope = checkpoint.configuration.rope[kind] else { return nil }
      let width = Double(try checkpoint.configuration.require("head_dim"))
      return try Configuration.whole(width * (rope["partial_rotary_factor"]?.double ?? 1))
    }
  }
}

/// Byte-level BPE whose token for the end of a turn is a control token; a template of its own file wins.
struct LagunaTokenizer: TokenizerRule {
  func write(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    try BytePairTokenizer(preferred: ["laguna"], control: ["</assistant>"]).write(checkpoint, to: &writer)
    if let text = try ChatTemplate.file(checkpoint.model, "chat_template.jinja") {
      writer.set("tokenizer.chat_template", .string(text))
    }
    // Of several ends of a text, the first that does not begin one ends a turn.
    let first = checkpoint.configuration.integer("bos_token_id")
    let ends = checkpoint.configuration.array("eos_token_id")?.compactMap(\.integer) ?? []
    if let turn = ends.first(where: { $0 != first }).flatMap(UInt32.init(exactly:)) {
      writer.set("tokenizer.ggml.eot_token_id", .uint32(turn))
    }
  }
}
