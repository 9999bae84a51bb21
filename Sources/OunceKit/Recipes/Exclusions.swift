/// Which tensors a recipe never touches: they keep the type that they come with.
///
/// The list is llama-quantize's: small or sensitive tensors, and weights that llama.cpp reads as floats.
enum Exclusions {
  /// Whether the tensor `name` with `dimensionCount` dimensions (trailing ones not counted) may be quantized.
  static func allows(_ name: String, dimensionCount: Int, architecture: String?) -> Bool {
    guard dimensionCount >= 2, name.hasSuffix("weight") else { return false }
    if names.contains(name) || fragments.contains(where: name.contains) { return false }
    return architecture != "glm5-next" || !glm5Next.contains(where: name.contains)
  }

  /// Position and token-type embeddings of BERT.
  private static let names: Set<String> = ["position_embd.weight", "token_types.weight"]

  private static let fragments = [
    "_norm.weight",
    // Routers of experts.
    "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight",
    // Gemma 3n.
    "altup", "laurel", "per_layer_model_proj",
    // Convolutions of state-space layers.
    "ssm_conv1d", "shortconv.conv.weight",
    // Sparse attention's indexers.
    "indexer.k_proj.weight", "indexer.q_proj.weight",
    // RWKV's small matrices.
    "time_mix_first.weight", "time_mix_w0.weight", "time_mix_w1.weight", "time_mix_w2.weight", "time_mix_v0.weight",
    "time_mix_v1.weight", "time_mix_v2.weight", "time_mix_a0.weight", "time_mix_a1.weight", "time_mix_a2.weight",
    "time_mix_g1.weight", "time_mix_g2.weight", "time_mix_decay_w1.weight", "time_mix_decay_w2.weight",
    "time_mix_lerp_fused.weight",
    // T5's relative positions.
    "attn_rel_b.weight",
    // Vision and audio.
    ".position_embd", "sam.pos_embd", "sam.neck.", "sam.net_", ".rel_pos", ".patch_embd", ".patch_merger",
    "a.rvq.codebook", "mm.a.code_embd",
  ]

  private static let glm5Next = [
    "hc_", "indexer.attn_q_b", "indexer.attn_k", "indexer.proj", "indexer_compressor_gate", "indexer_compressor_ape",
    "ssm_f_a.weight", "ssm_f_b.weight", "ssm_g_a.weight", "ssm_g_b.weight", "ssm_beta.weight", "attn_kv_a_mqa.weight",
    "attn_k_b.weight", "attn_v_b.weight",
  ]
}
