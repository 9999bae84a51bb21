/// Ternary and one-bit weights, and the microscaling float types.
let smallFloatRecipes: [Recipe] = [
  tiny("Q1_0", fileType: 40),
  tiny("Q2_0", fileType: 41, [Rule(.tokenEmbedding, "Q4_K")]),
  tiny("TQ1_0", fileType: 36, [Rule(.tokenEmbedding, "Q4_K")]),
  tiny("TQ2_0", fileType: 37, [Rule(.tokenEmbedding, "Q4_K")]),
  // Experts in four bits, all else in eight: how models with MXFP4 experts are published.
  Recipe(
    "MXFP4_MOE", fileType: 38, encoding: "MXFP4",
    rules: [
      Rule(.output, "Q8_0"),
      Rule([.feedForwardUp, .feedForwardGate, .feedForwardDown], "MXFP4", when: .isStacked),
      Rule(Set(TensorRole.allCases), "MXFP4", when: .all([.isStacked, .not(.architecture("bailingmoe3"))])),
      Rule(Set(TensorRole.allCases), "Q8_0"),
    ]),
  // llama-quantize has no recipes for dense models in these types; ours follow the rules of Q4_0.
  tiny("MXFP4", fileType: 38),
  tiny("NVFP4", fileType: 39),
]

private func tiny(_ name: String, fileType: UInt32, _ rules: [Rule] = []) -> Recipe {
  Recipe(
    name, fileType: fileType, encoding: name,
    rules: Rule.output() + rules + Rule.attentionValue(base: name) + [.attentionKeyOfEightExperts])
}
