/// One scale (and one minimum) for 32 weights.
let legacyRecipes: [Recipe] = [
  Recipe(
    "Q4_0", fileType: 2, encoding: "Q4_0",
    rules: Rule.output() + Rule.attentionValue(base: "Q4_0") + [.attentionKeyOfEightExperts]
      // The first layers' ffn_down can go astray in Q4_0 when an importance matrix drives it.
      + [Rule(.feedForwardDown, "Q4_1", when: .all([.hasImportance, .firstPart(8)]))]),
  Recipe(
    "Q4_1", fileType: 3, encoding: "Q4_1",
    rules: Rule.output() + Rule.attentionValue(base: "Q4_1") + [.attentionKeyOfEightExperts]),
  Recipe(
    "Q5_0", fileType: 8, encoding: "Q5_0",
    rules: Rule.output() + Rule.attentionValue(base: "Q5_0") + [.attentionKeyOfEightExperts]
      + [Rule(.feedForwardDown, "Q5_1", when: .all([.hasImportance, .firstPart(8)]))]),
  Recipe(
    "Q5_1", fileType: 9, encoding: "Q5_1",
    rules: Rule.output() + Rule.attentionValue(base: "Q5_1") + [.attentionKeyOfEightExperts]),
  Recipe("Q8_0", fileType: 7, encoding: "Q8_0"),
]
