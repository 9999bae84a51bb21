internal import OunceCore

/// OpenAI's gpt-oss: experts with biases, attention sinks; published as MXFP4, which is kept bit for bit.
extension Architecture {
  static let gptOss = Architecture(
    "gpt-oss", ["GptOssForCausalLM"],
    defaults: [
      "max_position_embeddings": .integer(131_072), "rms_norm_eps": .double(1e-5), "rope_theta": .double(150_000),
      "sliding_window": .integer(128), "head_dim": .integer(64), "num_key_value_heads": .integer(8),
      "num_local_experts": .integer(128), "num_experts_per_tok": .integer(4),
      "rope_scaling": .object([
        "rope_type": .string("yarn"), "factor": .double(32), "beta_fast": .double(32), "beta_slow": .double(1),
        "truncate": .bool(false), "original_max_position_embeddings": .integer(4096),
      ]),
    ],
    names: SourceNames(
      suffixes: [("sinks", "sinks.weight")], ignoredSuffixes: ["_proj_blocks", "_proj_scales"]),
    tensors: Decoder.ends + Decoder.attention
      + Decoder.layers(
        TensorRule("input_layernorm.weight", "attn_norm.weight"),
        TensorRule("post_attention_layernorm.weight", "post_attention_norm.weight"),
        TensorRule("self_attn.sinks.weight", "attn_sinks.weight"),
        TensorRule("mlp.router.*", "ffn_gate_inp.*"),
        TensorRule("mlp.experts.down_proj", "ffn_down_exps.weight", Exchanged()),
        TensorRule("mlp.experts.down_proj_bias", "ffn_down_exps.bias"),
        TensorRule("mlp.experts.gate_up_proj", "ffn_gate_exps.weight", Exchanged(), ExpertRows(every: 2, from: 0)),
        TensorRule("mlp.experts.gate_up_proj", "ffn_up_exps.weight", Exchanged(), ExpertRows(every: 2, from: 1)),
        TensorRule("mlp.experts.gate_up_proj_bias", "ffn_gate_exps.bias", GptOss.everySecondColumn(0)),
        TensorRule("mlp.experts.gate_up_proj_bias", "ffn_up_exps.bias", GptOss.everySecondColumn(1))),
    computed: GptOss.packedExperts,
    metadata: MetadataRule.common + [
      .integer("{arch}.attention.sliding_window", "sliding_window"),
      .integer("{arch}.expert_feed_forward_length", "intermediate_size"),
    ], tokenizer: BytePairTokenizer(preferred: ["gpt-4o"]))
}

enum GptOss {
  static func everySecondColumn(_ first: Int) -> Custom {
    Custom { (tensor, _, _) throws(OunceError) in
      try tensor.gatheringColumns((tensor.info.shape.last ?? 0) / 2) { $0 * 2 + first }
    }
  }

  /// The experts of checkpoints in MXFP4, which the reference writes before everything else.
  @Sendable static func packedExperts(_ checkpoint: Checkpoint) throws(OunceError) -> [Tensor] {
    var scales: [String: Tensor] = [:]
    for tensor in checkpoint.model.tensors where tensor.info.name.hasSuffix("_proj_scales") {
      scales[String(tensor.info.name.dropLast(7))] = tensor
    }
    var result: [Tensor] = []
    let blocks = checkpoint.model.tensors.filter { $0.info.name.hasSuffix("_proj_blocks") }
    for tensor in blocks.sorted(by: { $0.info.name < $1.info.name }) {
      let name = String(tensor.info.name.dropLast(7))
      guard let scale = scales[name], let layer = Int(name.split(separator: ".").dropFirst(2).first ?? "") else {
        throw OunceError(.malformed, "has no scales", subject: "tensor \(tensor.info.name)")
      }
      if name.hasSuffix("down_proj") {
        result.append(try MXFP4Source.tensor(tensor, scale, name: "blk.\(layer).ffn_down_exps.weight"))
      } else {
        for (first, part) in ["gate", "up"].enumerated() {
          let every = ExpertRows(every: 2, from: first)
          let match = NameMatch()
          let rows = try tensor.reshaped(MXFP4Source.flat(tensor.info.shape))
          result.append(
            try MXFP4Source.tensor(
              try every.apply(rows, checkpoint, match), try every.apply(scale, checkpoint, match),
              name: "blk.\(layer).ffn_\(part)_exps.weight"))
        }
      }
    }
    return result
  }
}
