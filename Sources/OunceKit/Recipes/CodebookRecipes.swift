/// Weights as entries of code books (IQ types).
let codebookRecipes: [Recipe] = [
  smallest("IQ1_S", fileType: 24, encoding: "IQ1_S", embedding: "Q2_K", boosted: "Q2_K", attentionOutput: "IQ2_XXS"),
  smallest("IQ1_M", fileType: 31, encoding: "IQ1_M", embedding: "Q2_K", boosted: "Q2_K", attentionOutput: "IQ2_XXS"),
  smallest("IQ2_XXS", fileType: 19, encoding: "IQ2_XXS", embedding: "Q2_K", boosted: "Q2_K"),
  smallest("IQ2_XS", fileType: 20, encoding: "IQ2_XS", embedding: "Q2_K", boosted: "Q2_K"),
  smallest("IQ2_S", fileType: 28, encoding: "IQ2_XS", embedding: "IQ3_S", boosted: "IQ3_S", attentionOutput: "IQ3_S"),
  smallest("IQ2_M", fileType: 29, encoding: "IQ2_S", embedding: "IQ3_S", boosted: "IQ3_S", attentionOutput: "IQ3_S"),
  Recipe(
    "IQ3_XXS", fileType: 23, encoding: "IQ3_XXS",
    rules: Rule.output("Q5_K")
      + [Rule(.tokenEmbedding, "IQ3_S")]
      + Rule.attentionValue(
        base: "IQ3_XXS",
        [
          Rule(.attentionValue, "Q4_K", when: .groupedQueries),
          Rule(.attentionValue, "IQ3_S", when: .not(.hasImportance)),
        ])
      + [.attentionKeyOfEightExperts, .attentionOutputOfEightExperts]
      + [
        Rule([.attentionKey, .attentionQuery], "IQ2_S"),
        Rule(.feedForwardDown, "Q4_K", when: .all([.not(.hasImportance), .firstPart(8)])),
        Rule(.feedForwardDown, "Q3_K", when: .not(.hasImportance)),
        Rule(.attentionOutput, "IQ3_S", when: .not(.architecture("falcon"))),
      ],
    encodingsThatNeedImportance: needImportance),
  Recipe(
    "IQ3_XS", fileType: 22, encoding: "IQ3_S",
    rules: Rule.output()
      + Rule.attentionValue(base: "IQ3_S", [Rule(.attentionValue, "Q4_K", when: .groupedQueries)])
      + [.attentionKeyOfEightExperts, .attentionOutputOfEightExperts]
      + [
        Rule([.attentionKey, .attentionQuery], "IQ3_XXS"),
        Rule([.feedForwardGate, .feedForwardUp], "IQ3_XXS", when: .middleLayers),
      ],
    encodingsThatNeedImportance: needImportance),
  Recipe(
    "IQ3_S", fileType: 26, encoding: "IQ3_S",
    rules: Rule.output()
      + Rule.attentionValue(base: "IQ3_S", [Rule(.attentionValue, "Q4_K", when: .groupedQueries)])
      + [.attentionKeyOfEightExperts, .attentionOutputOfEightExperts],
    encodingsThatNeedImportance: needImportance),
  Recipe(
    "IQ3_M", fileType: 27, encoding: "IQ3_S",
    rules: Rule.output() + Rule.attentionValue(base: "IQ3_S", [Rule(.attentionValue, "Q4_K")])
      + [.attentionKeyOfEightExperts, .attentionOutputOfEightExperts]
      + [
        Rule(.feedForwardDown, "Q4_K", when: .any([.firstPart(8), .all([.expertCount(8), .moreBits])])),
        Rule(.attentionOutput, "Q4_K", when: .not(.architecture("falcon"))),
      ],
    encodingsThatNeedImportance: needImportance),
  nonLinear("IQ4_NL", fileType: 25),
  nonLinear("IQ4_XS", fileType: 30),
]

private let needImportance: Set<String> = ["IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS"]

/// Below three bits: what suffers most gets a larger type.
private func smallest(
  _ name: String, fileType: UInt32, encoding: String, embedding: String, boosted: String, attentionOutput: String? = nil
) -> Recipe {
  Recipe(
    name, fileType: fileType, encoding: encoding,
    rules: Rule.output("Q5_K")
      + [
        Rule(.tokenEmbedding, embedding),
        Rule(.attentionValue, "Q4_K", when: .any([.groupedQueries, .expertCountAtLeast(4)])),
        Rule(.attentionValue, boosted),
        Rule(.attentionKey, "Q4_K", when: .expertCount(8)),
        Rule(.feedForwardDown, boosted, when: .firstShare(8)),
        Rule(.attentionOutput, "Q5_K", when: .expertCount(8)),
      ] + (attentionOutput.map { [Rule(.attentionOutput, $0)] } ?? []),
    encodingsThatNeedImportance: needImportance)
}

private func nonLinear(_ name: String, fileType: UInt32) -> Recipe {
  Recipe(
    name, fileType: fileType, encoding: name,
    rules: Rule.output()
      + Rule.attentionValue(base: name, [Rule(.attentionValue, "Q5_K", when: .groupedQueries)])
      + [.attentionKeyOfEightExperts, .attentionOutputOfEightExperts]
      + [Rule(.feedForwardDown, "Q5_K", when: .all([.not(.hasImportance), .firstPart(8)]))])
}
