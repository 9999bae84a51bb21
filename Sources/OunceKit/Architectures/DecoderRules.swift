/// Names that nearly all decoders of transformers share, so that a family's file says what is its own.
enum Decoder {
  /// `layers` with the usual prefixes.
  static func layers(_ rules: TensorRule...) -> [TensorRule] { TensorRule.layers("model.layers.{i}.", rules) }

  static let ends = [
    TensorRule("model.embed_tokens.weight", "token_embd.weight"),
    TensorRule("model.norm.*", "output_norm.*"),
    TensorRule("lm_head.*", "output.*"),
  ]

  /// The norms before attention and before the feed-forward part.
  static let norms = layers(
    TensorRule("input_layernorm.*", "attn_norm.*"), TensorRule("post_attention_layernorm.*", "ffn_norm.*"))

  static let attention = layers(
    TensorRule("self_attn.q_proj.*", "attn_q.*"), TensorRule("self_attn.k_proj.*", "attn_k.*"), values, outputs)

  /// Queries and keys whose halves are interleaved.
  static let interleavedAttention = layers(
    TensorRule("self_attn.q_proj.*", "attn_q.*", Interleaved(.query)),
    TensorRule("self_attn.k_proj.*", "attn_k.*", Interleaved(.keyValue)), values, outputs)

  private static let values = TensorRule("self_attn.v_proj.*", "attn_v.*")
  private static let outputs = TensorRule("self_attn.o_proj.*", "attn_output.*")

  static let headNorms = layers(
    TensorRule("self_attn.q_norm.*", "attn_q_norm.*"), TensorRule("self_attn.k_norm.*", "attn_k_norm.*"))

  static let feedForward = layers(
    TensorRule("mlp.gate_proj.*", "ffn_gate.*"), TensorRule("mlp.up_proj.*", "ffn_up.*"),
    TensorRule("mlp.down_proj.*", "ffn_down.*"))

  /// Experts that the checkpoint keeps apart, in the order in which they are written.
  static let experts = layers(
    TensorRule("mlp.gate.weight", "ffn_gate_inp.weight"),
    TensorRule("mlp.experts.{e}.down_proj.weight", "ffn_down_exps.weight"),
    TensorRule("mlp.experts.{e}.gate_proj.weight", "ffn_gate_exps.weight"),
    TensorRule("mlp.experts.{e}.up_proj.weight", "ffn_up_exps.weight"))

  /// Experts that transformers 5 stacks itself, gate and up fused.
  static let fusedExperts = layers(
    TensorRule("mlp.experts.gate_up_proj", "ffn_gate_exps.weight", ExpertRows(0, of: 2)),
    TensorRule("mlp.experts.gate_up_proj", "ffn_up_exps.weight", ExpertRows(1, of: 2)),
    TensorRule("mlp.experts.down_proj", "ffn_down_exps.weight"))

  /// Experts called w1, w2 and w3.
  static let mixtralExperts = layers(
    TensorRule("block_sparse_moe.gate.weight", "ffn_gate_inp.weight"),
    TensorRule("block_sparse_moe.experts.{e}.w1.weight", "ffn_gate_exps.weight"),
    TensorRule("block_sparse_moe.experts.{e}.w2.weight", "ffn_down_exps.weight"),
    TensorRule("block_sparse_moe.experts.{e}.w3.weight", "ffn_up_exps.weight"))
}
