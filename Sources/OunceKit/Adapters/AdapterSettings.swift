internal import OunceCore

/// `adapter_config.json` of PEFT.
struct AdapterSettings: Sendable {
  let alpha: Double
  /// Alpha of single modules, by the ends of their names.
  private let alphas: [(pattern: String, alpha: Double)]
  private let isRankStabilized: Bool
  let isTransposed: Bool
  /// Tokens that switch the adapter on (aLoRA).
  let invocationTokens: [Int]

  /// - Throws: `OunceError` when the file describes another method than LoRA.
  init(_ json: JSON, path: String) throws(OunceError) {
    let kind = json["peft_type"]?.string ?? "LORA"
    guard kind == "LORA" else {
      throw OunceError(
        .unsupported, "is an adapter of the kind \(kind); only LORA can be applied", file: path,
        remedy: "merge it with PEFT's merge_and_unload first")
    }
    guard let rank = json["r"]?.double, rank > 0 else {
      throw OunceError(.malformed, "there is no rank", file: path, subject: "key r of adapter_config.json")
    }
    alpha = json["lora_alpha"]?.double ?? rank
    var alphas: [(pattern: String, alpha: Double)] = []
    for (pattern, value) in json["alpha_pattern"]?.object ?? [:] {
      guard let alpha = value.double else {
        throw OunceError(.malformed, "expected a number", file: path, subject: "alpha_pattern of \(pattern)")
      }
      alphas.append((pattern, alpha))
    }
    self.alphas = alphas
    isRankStabilized = json["use_rslora"]?.bool ?? false
    isTransposed = json["fan_in_fan_out"]?.bool ?? false
    invocationTokens = (json["alora_invocation_tokens"]?.array ?? []).compactMap(\.integer)
  }

  /// Alpha of the module with the weight `name`: patterns match whole names or what follows a dot.
  func alpha(of name: String) -> Double {
    let module = name.hasSuffix(".weight") ? String(name.dropLast(7)) : name
    let own = alphas.first { pattern, _ in
      guard let regex = try? Regex("(?:.*\\.)?(?:\(pattern))") else { return false }
      return module.wholeMatch(of: regex) != nil
    }
    return own?.alpha ?? alpha
  }

  /// What the product of the factors is multiplied with. Ranks of single modules show in their factors.
  func scale(of name: String, rank: Int) -> Float {
    let divisor = isRankStabilized ? Double(rank).squareRoot() : Double(rank)
    return Float(alpha(of: name) / divisor)
  }
}
