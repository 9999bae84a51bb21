internal import OunceCore

/// Qwen 3.8 Flash Next: Qwen 3.5's delta nets with several residual streams in place of norms, attention that chooses
/// what it sees, and embeddings of n-grams in one layer.
extension Architecture {
  static let qwen4Exp = Architecture(
    "qwen4exp", ["Qwen4ExpForCausalLM", "Qwen4ExpForConditionalGeneration"], names: LinearAttention.names,
    rename: Qwen4Exp.rename,
    tensors: [
      TensorRule("model.embed_tokens.weight", "token_embd.weight"), TensorRule("lm_head.weight", "output.weight"),
    ]
      + Qwen4Exp.streams("model.hyper_connection_mixer.", "output_hc_")
      + Qwen4Exp.streams("model.layers.{i}.attn_hyper_connection.", "blk.{i}.hc_attn_")
      + Qwen4Exp.streams("model.layers.{i}.mlp_hyper_connection.", "blk.{i}.hc_ffn_")
      + LinearAttention.tensors.filter { $0.source.contains("_attn.") } + LinearAttention.projections
      + LinearAttention.experts
      + Decoder.layers(
        TensorRule("self_attn.indexer.index_qk_proj.weight", "indexer.q_proj.weight", Qwen4Exp.indexerPart(.queries)),
        TensorRule("self_attn.indexer.index_qk_proj.weight", "indexer.k_proj.weight", Qwen4Exp.indexerPart(.keys)),
        TensorRule("self_attn.indexer.q_layernorm.weight", "indexer.q_norm.weight", Added(1)),
        TensorRule("self_attn.indexer.k_layernorm.weight", "indexer.k_norm.weight", Added(1)),
        TensorRule("ple.key_proj.weight", "ple_key.weight"), TensorRule("ple.value_proj.weight", "ple_value.weight"),
        TensorRule("ple.norm_key.weight", "ple_norm_key.weight", Added(1)),
        TensorRule("ple.norm_query.weight", "ple_norm_query.weight", Added(1)),
        TensorRule("ple.norm_conv.weight", "ple_norm_conv.weight", Added(1)),
        TensorRule("ple.conv1d.weight", "ple_conv1d.weight", Shaped.squeezed))
      + [TensorRule("ngram_embedding.{e}", "per_layer_token_embd.weight").joiningRows],
    metadata: LinearAttention.metadata(Qwen.expertSizes) + [LinearAttention.sections] + Qwen4Exp.metadata,
    tokenizer: BytePairTokenizer(preferred: ["qwen35"]))
}

enum Qwen4Exp {
  /// How streams are mixed before a part of a layer and how its result enters them.
  static func streams(_ source: String, _ target: String) -> [TensorRule] {
    let parts = ["input_mix_weight_down": "down", "input_mix_weight_up": "up", "block_inject_weight": "inject"]
    return parts.sorted { $0.key < $1.key }.flatMap { part in
      ["", ".weight"].map { TensorRule(source + part.key + $0, target + part.value + $0) }
    } + [TensorRule(source + "hc_norm.weight", target + "norm.weight", Added(1))]
  }

  /// Queries or keys of the small attention, which share a projection.
  static func indexerPart(_ part: GroupedPart.Part) -> RowSlice {
    RowSlice { (rows, checkpoint) throws(OunceError) in
      let count =
        try checkpoint.configuration.require("indexer_n_heads")
        * checkpoint.configuration.require("indexer_head_dim")
      return part == .queries ? 0..<count : count..<max(count, rows)
    }
  }

  /// Parts of the table of n-grams are numbered; its constants are settings; further layers are another model's.
  @Sendable static func rename(_ name: String, _ checkpoint: Checkpoint) throws(OunceError) -> String? {
    if name.hasPrefix("mtp.") || name.contains("ple_embedding.layer_multipliers")
      || name.contains("ple_embedding.ngram_heads_")
    {
      return nil
    }
    guard let range = name.firstRange(of: ".ngram_embedding.shard_") else { return name }
    return "ngram_embedding.\(name[range.upperBound...].prefix { $0.isASCIIDigit })"
  }

  static let metadata: [MetadataRule] = [
    .integer("{arch}.hyper_connection.count", "hc_count"),
    .integer("{arch}.hyper_connection.low_rank", "hc_lowrank"),
    .integer("{arch}.attention.indexer.head_count", "indexer_n_heads"),
    .integer("{arch}.attention.indexer.key_length", "indexer_head_dim"),
    .integer("{arch}.attention.indexer.top_k", "indexer_budget"),
    .value("{arch}.attention.compress_ratios") { (checkpoint) throws(OunceError) in
      let ratio = Int32(try checkpoint.configuration.require("indexer_compress_ratio"))
      let types = checkpoint.configuration.array("layer_types") ?? []
      return .array(.int32(types.map { $0.string == "full_attention" ? ratio : 0 }))
    },
    MetadataRule { (checkpoint, writer) throws(OunceError) in
      guard checkpoint.configuration.array("ple_layer_ids")?.isEmpty == false else { return }
      for rule in ngrams { try rule.apply(checkpoint, to: &writer) }
    },
  ]

  private static let ngrams: [MetadataRule] = [
    .value("{arch}.ple.layers") { (checkpoint) throws(OunceError) in
      // The file counts layers from 1.
      let layers = checkpoint.configuration.array("ple_layer_ids") ?? []
      return .array(.int32(layers.map { Int32(clamping: ($0.integer ?? 1) - 1) }))
    },
    .integer("{arch}.ple.ngram_size", "ngram_size"), .integer("{arch}.ple.heads_per_ngram", "heads_per_ngram"),
    .integer("{arch}.ple.conv_kernel", "ple_conv_kernel_size"),
    .count("{arch}.ple.eos_token_id") { (checkpoint) throws(OunceError) in
      // N-grams begin anew behind the last of several ends.
      checkpoint.configuration.array("eos_token_id")?.last?.integer ?? checkpoint.configuration.integer("eos_token_id")
    },
    .integer("{arch}.ple.image_token_id", "image_token_id"),
    .count("{arch}.embedding_length_per_layer_input") { (checkpoint) throws(OunceError) in
      checkpoint.model.tensors.first { $0.info.name.contains(".ngram_embedding.shard_") }?.info.columnCount
    },
    constants("layer_multipliers", "layer_multipliers"), constants("head_offsets", "ngram_heads_offsets"),
    constants("head_vocab_sizes", "ngram_heads_vocab_sizes"),
  ]

  /// Whole numbers of 64 bits that checkpoints hold as tensors.
  private static func constants(_ key: String, _ name: String) -> MetadataRule {
    .value("{arch}.ple.\(key)") { (checkpoint) throws(OunceError) in
      guard !checkpoint.options.vocabularyOnly else { return nil }
      guard let tensor = checkpoint.model.tensors.first(where: { $0.info.name.hasSuffix("ple_embedding.\(name)") })
      else { throw OunceError(.malformed, "lacks the tensor ple_embedding.\(name)", file: checkpoint.model.path) }
      return .array(.uint64(try tensor.integers().map { UInt64(bitPattern: $0) }))
    }
  }
}
