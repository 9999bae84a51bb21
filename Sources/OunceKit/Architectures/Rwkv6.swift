internal import OunceCore

/// RWKV 6: a recurrent network; what is mixed from one token to the next is stored as one tensor a layer.
extension Architecture {
  static let rwkv6 = Architecture(
    "rwkv6", ["Rwkv6ForCausalLM"], rename: Rwkv6.rename,
    tensors: [
      TensorRule("rwkv.embeddings.weight", "token_embd.weight"),
      TensorRule("rwkv.blocks.0.pre_ln.weight", "token_embd_norm.weight"),
      TensorRule("rwkv.blocks.0.pre_ln.bias", "token_embd_norm.bias"), TensorRule("rwkv.ln_out.*", "output_norm.*"),
      TensorRule("head.weight", "output.weight"),
    ]
      + TensorRule.layers(
        "rwkv.blocks.{i}.",
        [
          TensorRule("ln1.*", "attn_norm.*"), TensorRule("ln2.*", "attn_norm_2.*"),
          TensorRule("attention.mixed.{e}", "time_mix_lerp_fused.weight", Rwkv6.single),
          TensorRule("attention.time_maa_x", "time_mix_lerp_x.weight", Rwkv6.vector),
          TensorRule("attention.time_maa_w1", "time_mix_w1.weight", Exchanged()),
          TensorRule("attention.time_maa_w2", "time_mix_w2.weight", Exchanged()),
          TensorRule("attention.time_faaaa", "time_mix_first.weight"),
          TensorRule("attention.time_decay", "time_mix_decay.weight", Rwkv6.vector),
          TensorRule("attention.time_decay_w1", "time_mix_decay_w1.weight", Exchanged()),
          TensorRule("attention.time_decay_w2", "time_mix_decay_w2.weight", Exchanged()),
          TensorRule("attention.ln_x.*", "time_mix_ln.*"), TensorRule("attention.key.weight", "time_mix_key.weight"),
          TensorRule("attention.value.weight", "time_mix_value.weight"),
          TensorRule("attention.receptance.weight", "time_mix_receptance.weight"),
          TensorRule("attention.gate.weight", "time_mix_gate.weight"),
          TensorRule("attention.output.weight", "time_mix_output.weight", Rwkv6.rescaled),
          TensorRule("feed_forward.time_maa_k", "channel_mix_lerp_k.weight", Rwkv6.vector),
          TensorRule("feed_forward.time_maa_r", "channel_mix_lerp_r.weight", Rwkv6.vector),
          TensorRule("feed_forward.key.weight", "channel_mix_key.weight"),
          TensorRule("feed_forward.receptance.weight", "channel_mix_receptance.weight"),
          TensorRule("feed_forward.value.weight", "channel_mix_value.weight", Rwkv6.rescaled),
        ]), metadata: Rwkv6.metadata, tokenizer: RwkvTokenizer())
}

enum Rwkv6 {
  static let metadata: [MetadataRule] = [
    .constant("{arch}.context_length", .uint32(1 << 20)), .integer("{arch}.embedding_length", "hidden_size"),
    .blockCount, .float("{arch}.attention.layer_norm_epsilon", "layer_norm_epsilon"),
    .integer("{arch}.rescale_every_n_layers", "rescale_every"), .integer("{arch}.wkv.head_size", "head_size"),
    .count("{arch}.time_mix_extra_dim") { (checkpoint) throws(OunceError) in
      checkpoint.configuration.integer("hidden_size") == 4096 ? 64 : 32
    },
    .count("{arch}.time_decay_extra_dim") { (checkpoint) throws(OunceError) in
      checkpoint.configuration.integer("hidden_size") == 4096 ? 128 : 64
    },
    .count("{arch}.feed_forward_length") { (checkpoint) throws(OunceError) in
      if let width = checkpoint.configuration.integer("intermediate_size") { return width }
      return try checkpoint.configuration.require("hidden_size") * 7 / 2 / 32 * 32
    }, .fileType, .constant("{arch}.attention.head_count", .uint32(0)),
  ]

  /// One of the five vectors that are stacked.
  static let single = Shaped(asSingle, back: asSingle)
  private static let asSingle: Shaped.Rule = { (old, _) throws(OunceError) in [1, 1, old.reduce(1, *)] }

  /// One vector in a row of its own, which GGUF keeps as a plain vector.
  static let vector = Shaped({ (old, _) throws(OunceError) in old.filter { $0 != 1 } }, back: asSingle)

  /// Every few layers, activations are halved once more, so that half precision holds them.
  static let rescaled = Custom(
    { (tensor, checkpoint, match) throws(OunceError) in try rescale(tensor, checkpoint, match, by: -1) },
    back: { (tensor, checkpoint, match) throws(OunceError) in try rescale(tensor, checkpoint, match, by: 1) })

  private static func rescale(
    _ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch, by direction: Int
  ) throws(OunceError) -> Tensor {
    guard let step = checkpoint.configuration.integer("rescale_every"), step > 0, let layer = match.layer,
      layer >= step
    else { return tensor }
    let factor = Float(sign: .plus, exponent: direction * min(layer / step, 126), significand: 1)
    return try Scaled { (_) in factor }.apply(tensor, checkpoint, match)
  }

  /// The vectors that are stacked, by their letters.
  static let mixed = ["w", "k", "v", "r", "g"]

  /// The order of the vectors in the stack.
  @Sendable static func rename(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    for (index, letter) in mixed.enumerated() {
      let ending = ".attention.time_maa_\(letter)"
      if name.hasSuffix(ending) { return name.dropLast(ending.count) + ".attention.mixed.\(index)" }
    }
    return name
  }
}
