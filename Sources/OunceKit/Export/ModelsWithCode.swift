internal import OunceCore

/// Families whose classes came, or still come, with the model.
extension HuggingFaceForm {
  static let modelsWithCode: [HuggingFaceForm] = [
    .init(
      .internLM2, "internlm2", needsCode: true,
      settings: { (source, settings) throws(OunceError) in
        settings["bias"] = .bool(source.has("blk.0.attn_q.bias"))
      }),
    .init(
      .exaone, "exaone", names: ["num_hidden_layers": "num_layers", "layer_norm_eps": "layer_norm_epsilon"],
      needsCode: true, rename: { name, _ in name.hasPrefix("lm_head.") ? name : "transformer." + name },
      settings: { (_, settings) throws(OunceError) in settings["activation_function"] = .string("silu") }),
    .init(
      .miniCPM, "minicpm", needsCode: true,
      settings: { (source, settings) throws(OunceError) in
        if let scale = source.number("{arch}.residual_scale") {
          let root = Double(try source.require("{arch}.block_count")).squareRoot()
          settings["scale_depth"] = .double(ExportSettings.shortest(scale * root) { Float($0 / root) == Float(scale) })
        }
        if let scale = source.number("{arch}.logit_scale"), scale > 0 {
          let size = Double(try source.require("{arch}.embedding_length"))
          let base = ExportSettings.shortest(size / scale) { Float(size / $0) == Float(scale) }
          settings["dim_model_base"] = Int(exactly: base).map { .integer($0) } ?? .double(base)
        }
      }),
    .init(
      .bailingMoe, "bailing_moe", names: ["num_local_experts": "num_experts"], needsCode: true,
      settings: { (source, settings) throws(OunceError) in
        settings["num_shared_experts"] = source["{arch}.expert_shared_count"]?.json
        settings["norm_head"] = .bool(false)
        settings["use_bias"] = .bool(false)
        settings["use_qkv_bias"] = .bool(false)
      }),
    nomicBert(isGated: true), nomicBert(isGated: false),
    .init(
      .rwkv6, "rwkv6", names: ["layer_norm_eps": "layer_norm_epsilon"], needsCode: true,
      rename: { name, _ in
        for (index, letter) in Rwkv6.mixed.enumerated() where name.hasSuffix(".mixed.\(index)") {
          return name.dropLast(8) + ".time_maa_" + letter
        }
        return name
      },
      settings: { (source, settings) throws(OunceError) in
        settings["attention_hidden_size"] = settings["hidden_size"]
        settings["intermediate_size"] = source["{arch}.feed_forward_length"]?.json
        settings["head_size_divisor"] = .integer(8)
      }),
  ]

  private static func nomicBert(isGated: Bool) -> HuggingFaceForm {
    .init(
      .nomicBert, "nomic_bert",
      names: [
        "num_hidden_layers": "n_layer", "num_attention_heads": "n_head", "hidden_size": "n_embd",
        "prefix_dense_intermediate_size": "n_inner", "layer_norm_eps": "layer_norm_epsilon",
        "num_local_experts": "num_experts",
      ], without: ["encoder.layer.", "embeddings.LayerNorm.", isGated ? ".fc1." : ".fc11."], also: ["nomic-bert-moe"],
      hasOwnRope: true,
      needsCode: true, recognizes: { $0.has("blk.0.ffn_gate.weight") == isGated },
      settings: { (source, settings) throws(OunceError) in
        // Files say four times the length on which the models were trained, as the way there knows.
        let lengths = [2048: 8192, 512: 2048]
        settings["n_positions"] = lengths[try source.require("{arch}.context_length")].map { .integer($0) }
        settings.removeValue(forKey: "max_position_embeddings")
        settings["max_trained_positions"] = .integer(2048)
        settings["rotary_emb_base"] = source["{arch}.rope.freq_base"]?.json
        settings["rotary_emb_fraction"] = .double(1)
        settings["activation_function"] = .string(isGated ? "swiglu" : "gelu")
        settings["causal"] = .bool(false)
        settings["prenorm"] = .bool(false)
        settings["type_vocab_size"] = source.tensor("token_types.weight")?.info.shape.first.map { .integer($0) }
        for (name, tensor) in [("qkv_proj_bias", "attn_qkv"), ("mlp_fc1_bias", "ffn_up"), ("mlp_fc2_bias", "ffn_down")]
        {
          settings[name] = .bool(source.has("blk.0.\(tensor).bias"))
        }
        settings["moe_top_k"] = source["{arch}.expert_used_count"]?.json
      })
  }
}
