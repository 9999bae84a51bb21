/// Rules that several families of recipes share.
extension Rule {
  /// The matrix before the softmax, and shared embeddings: six bits, or eight where six do not fit.
  static func output(_ encoding: String = "Q6_K") -> [Rule] {
    [
      Rule(.output, "Q8_0", when: .any([.architecture("falcon"), .isMisfit])),
      Rule(.output, encoding),
    ]
  }

  /// Rules for `attn_v` and its kin: eight experts share one attention, which is then worth eight bits; a 70B model has
  /// so small an `attn_v` that four bits become five.
  ///
  /// - Parameters:
  ///   - base: the recipe's base encoding, which holds where no rule applies.
  static func attentionValue(base: String, _ rules: [Rule] = []) -> [Rule] {
    let withDefault = rules + [Rule(.attentionValue, base)]
    return [Rule(.attentionValue, "Q8_0", when: .expertCount(8))]
      + withDefault.flatMap { rule in
        ["Q3_K", "Q4_K"].contains(rule.encoding)
          ? [Rule(rule.roles, "Q5_K", when: .all([.is70B, rule.condition])), rule] : [rule]
      }
  }

  /// `attn_k` of a model with eight experts.
  static let attentionKeyOfEightExperts = Rule(.attentionKey, "Q8_0", when: .expertCount(8))
  /// `attn_output` of a model with eight experts.
  static let attentionOutputOfEightExperts = Rule(
    .attentionOutput, "Q5_K", when: .all([.expertCount(8), .not(.architecture("falcon"))]))

}
