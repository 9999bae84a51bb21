public import OunceCore

/// The reference converter's choice of an encoding for each tensor (`--outtype`).
extension TensorInfo {
  /// The encoding in which the reference converter stores this (translated) tensor.
  ///
  /// - Parameter outputType: "F32", "F16", "BF16", "Q8_0", "TQ1_0" or "TQ2_0".
  /// - Returns: the encoding's name. A tensor whose rows are no whole blocks falls back to F16.
  public func converterEncoding(_ outputType: String) -> String {
    if keepsFloat32 { return "F32" }
    guard let encoding = Encodings.named(outputType) else { return outputType }
    if outputType.hasPrefix("TQ"), Self.notTernary.contains(lastComponent) { return "F16" }
    return columnCount % encoding.elementsPerBlock == 0 ? outputType : "F16"
  }

  /// Whether the tensor is stored as F32 whatever the recipe: vectors, norms, and a few small matrices that are used as
  /// they are.
  public var keepsFloat32: Bool {
    if shape.count <= 1 || name.hasSuffix("_norm.weight") || !name.hasSuffix(".weight") { return true }
    return Self.smallMatrices.contains(lastComponent) || name.hasSuffix(".indexer.proj.weight")
  }

  /// `attn_q` of `blk.0.attn_q.weight`.
  private var lastComponent: String { name.dropLast(7).split(separator: ".").last.map(String.init) ?? "" }

  /// The last component of names, without `weight`, of matrices that are not stored as ternary numbers.
  private static let notTernary: Set<String> = [
    "token_embd", "per_layer_token_embd", "output", "altup_router", "laurel_l", "laurel_r",
  ]

  /// The last component of names, without `weight`.
  private static let smallMatrices: Set<String> = [
    "ffn_gate_inp", "ffn_gate_inp_shexp", "position_embd", "token_types", "ssm_conv1d", "conv", "time_mix_first",
    "time_mix_w1", "time_mix_w2", "time_mix_decay_w1", "time_mix_decay_w2", "time_mix_lerp_fused",
    "altup_correct_coef", "altup_predict_coef", "ssm_conv1d_q", "ssm_conv1d_k", "ssm_conv1d_v",
  ]
}

extension [Tensor] {
  /// What the reference converter takes for `--outtype auto`: F16 unless the first matrix is BF16.
  ///
  /// To be asked of the checkpoint's own tensors, before translation.
  public var automaticOutputType: String {
    for tensor in planes where tensor.info.shape.count >= 2 {
      if tensor.info.encoding.name == "BF16" { return "BF16" }
      if tensor.info.encoding.name == "F16" { return "F16" }
    }
    return "F16"
  }
}
