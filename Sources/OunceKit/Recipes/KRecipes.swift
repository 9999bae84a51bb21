/// Super-blocks of 256 weights, whose scales are quantized themselves.
let kRecipes: [Recipe] = [
  Recipe(
    "Q2_K", fileType: 10, encoding: "Q2_K",
    rules: Rule.output()
      + Rule.attentionValue(
        base: "Q2_K",
        [
          Rule(.attentionValue, "Q4_K", when: .groupedQueries), Rule(.attentionValue, "Q3_K"),
        ])
      + [.attentionKeyOfEightExperts, .attentionOutputOfEightExperts]
      + [
        Rule(.feedForwardDown, "Q3_K"),
        Rule(.attentionOutput, "Q3_K", when: .not(.architecture("falcon"))),
      ]),
  Recipe(
    "Q2_K_S", fileType: 21, encoding: "Q2_K",
    rules: Rule.output()
      + Rule.attentionValue(base: "Q2_K", [Rule(.attentionValue, "Q4_K", when: .groupedQueries)])
      + [.attentionKeyOfEightExperts, Rule(.feedForwardDown, "Q4_K", when: .firstPart(8))],
    encodingsThatNeedImportance: ["Q2_K"]),
  Recipe(
    "Q3_K_S", fileType: 11, encoding: "Q3_K",
    rules: Rule.output() + Rule.attentionValue(base: "Q3_K")
      + [.attentionKeyOfEightExperts, .attentionOutputOfEightExperts]),
  Recipe(
    "Q3_K_M", aliases: ["Q3_K"], fileType: 12, encoding: "Q3_K",
    rules: Rule.output()
      + Rule.attentionValue(
        base: "Q3_K",
        [
          Rule(.attentionValue, "Q5_K", when: .first(2)), Rule(.attentionValue, "Q4_K"),
        ])
      + [.attentionKeyOfEightExperts, .attentionOutputOfEightExperts]
      + [
        Rule(.feedForwardDown, "Q5_K", when: .firstPart(16)),
        Rule(.feedForwardDown, "Q4_K", when: .any([.not(.architecture("falcon")), .moreBits])),
        Rule(.attentionOutput, "Q4_K", when: .not(.architecture("falcon"))),
      ]),
  Recipe(
    "Q3_K_L", fileType: 13, encoding: "Q3_K",
    rules: Rule.output() + Rule.attentionValue(base: "Q3_K", [Rule(.attentionValue, "Q5_K")])
      + [.attentionKeyOfEightExperts]
      + [
        Rule(.feedForwardDown, "Q4_K", when: .architecture("falcon")), Rule(.feedForwardDown, "Q5_K"),
        Rule(.attentionOutput, "Q4_K", when: .architecture("falcon")),
        Rule(.attentionOutput, "Q5_K", when: .not(.expertCount(8))),
      ]),
  Recipe(
    "Q4_K_S", fileType: 14, encoding: "Q4_K",
    rules: Rule.output() + Rule.attentionValue(base: "Q4_K", [Rule(.attentionValue, "Q5_K", when: .first(4))])
      + [.attentionKeyOfEightExperts, .attentionOutputOfEightExperts]
      + [Rule(.feedForwardDown, "Q5_K", when: .all([.firstPart(8), .not(.architecture("falcon"))]))]),
  Recipe(
    "Q4_K_M", aliases: ["Q4_K"], fileType: 15, encoding: "Q4_K",
    rules: Rule.output() + Rule.attentionValue(base: "Q4_K", [Rule(.attentionValue, "Q6_K", when: .moreBits)])
      + [.attentionKeyOfEightExperts, .attentionOutputOfEightExperts]
      + [
        Rule(.feedForwardDown, "Q6_K", when: .all([.architecture("falcon"), .firstPart(16)])),
        Rule(.feedForwardDown, "Q5_K", when: .all([.architecture("falcon"), .moreBits])),
        Rule(.feedForwardDown, "Q6_K", when: .all([.not(.architecture("falcon")), .moreBits])),
      ]),
  Recipe(
    "Q5_K_S", fileType: 16, encoding: "Q5_K",
    rules: Rule.output() + Rule.attentionValue(base: "Q5_K") + [.attentionKeyOfEightExperts]),
  Recipe(
    "Q5_K_M", aliases: ["Q5_K"], fileType: 17, encoding: "Q5_K",
    rules: Rule.output() + Rule.attentionValue(base: "Q5_K", [Rule(.attentionValue, "Q6_K", when: .moreBits)])
      + [.attentionKeyOfEightExperts, Rule(.feedForwardDown, "Q6_K", when: .moreBits)]),
  Recipe(
    "Q6_K", fileType: 18, encoding: "Q6_K",
    rules: Rule.output() + Rule.attentionValue(base: "Q6_K") + [.attentionKeyOfEightExperts]),
]
