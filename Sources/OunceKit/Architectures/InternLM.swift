internal import OunceCore

/// Shanghai AI Lab's InternLM 2: one projection for queries, keys and values of a group of heads.
extension Architecture {
  static let internLM2 = Architecture(
    "internlm2", ["InternLM2ForCausalLM"],
    defaults: ["rms_norm_eps": .double(1e-6), "rope_theta": .double(10_000)],
    tensors: [
      TensorRule("model.tok_embeddings.weight", "token_embd.weight"),
      TensorRule("model.norm.weight", "output_norm.weight"), TensorRule("output.weight", "output.weight"),
    ]
      + Decoder.layers(
        TensorRule("attention_norm.weight", "attn_norm.weight"), TensorRule("ffn_norm.weight", "ffn_norm.weight"),
        TensorRule("attention.wqkv.*", "attn_q.*", GroupedPart(.queries), Interleaved(.query)),
        TensorRule("attention.wqkv.*", "attn_k.*", GroupedPart(.keys), Interleaved(.keyValue)),
        TensorRule("attention.wqkv.*", "attn_v.*", GroupedPart(.values)),
        TensorRule("attention.wo.*", "attn_output.*"), TensorRule("feed_forward.w1.weight", "ffn_gate.weight"),
        TensorRule("feed_forward.w2.weight", "ffn_down.weight"), TensorRule("feed_forward.w3.weight", "ffn_up.weight")),
    tokenizer: InternLMTokenizer())

  /// InternLM 3: Llama's shape.
  static let internLM3 = Architecture(
    "llama", ["InternLM3ForCausalLM"], tensors: Llama.tensors, metadata: Llama.metadata,
    tokenizer: InternLM3Tokenizer())
}
