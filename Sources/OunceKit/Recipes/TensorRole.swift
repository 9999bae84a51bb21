/// What a tensor does in a transformer, by its GGUF name: the broad roles that recipes distinguish.
public enum TensorRole: Sendable, Hashable, CaseIterable {
  /// `output.weight`, and the token embeddings of a model without one.
  case output
  case tokenEmbedding
  /// `attn_v`, and the fused `attn_qkv` and `attn_kv_b`: the most sensitive tensors of a layer.
  case attentionValue
  case attentionKey
  case attentionQuery
  case attentionOutput
  case feedForwardUp
  case feedForwardGate
  case feedForwardDown
  case other

  /// The role of the tensor `name`. Order matters: `attn_qkv.weight` also contains `attn_q`.
  public init(name: String, sharesEmbeddings: Bool) {
    if name == "output.weight" {
      self = .output
    } else if name == "token_embd.weight" || name == "per_layer_token_embd.weight" {
      self = sharesEmbeddings ? .output : .tokenEmbedding
    } else {
      self = Self.fragments.first { name.contains($0.fragment) }?.role ?? .other
    }
  }

  private static let fragments: [(fragment: String, role: TensorRole)] = [
    ("attn_qkv.weight", .attentionValue), ("attn_kv_b.weight", .attentionValue), ("attn_v.weight", .attentionValue),
    ("attn_k.weight", .attentionKey), ("attn_q.weight", .attentionQuery), ("attn_output.weight", .attentionOutput),
    ("ffn_up", .feedForwardUp), ("ffn_gate", .feedForwardGate), ("ffn_down", .feedForwardDown),
  ]
}
