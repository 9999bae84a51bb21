/// What takes the place of an encoding whose blocks do not divide a tensor's rows.
enum Fallbacks {
  /// The encoding for rows of `columnCount`: `name` itself where its blocks fit, else the type of 32 that
  /// llama-quantize puts in its place, else F16.
  ///
  /// NVFP4 and Q1_0 have a place here too, where llama-quantize ends the run.
  static func fitting(_ name: String, columnCount: Int, blocksOf: (String) -> Int) -> String {
    if columnCount % blocksOf(name) == 0 { return name }
    if let smaller = smaller[name], columnCount % blocksOf(smaller) == 0 { return smaller }
    return "F16"
  }

  private static let smaller: [String: String] = [
    "IQ1_S": "IQ4_NL", "IQ1_M": "IQ4_NL", "IQ2_XXS": "IQ4_NL", "IQ2_XS": "IQ4_NL", "IQ2_S": "IQ4_NL",
    "IQ3_XXS": "IQ4_NL", "IQ3_S": "IQ4_NL", "IQ4_XS": "IQ4_NL",
    "Q1_0": "Q4_0", "Q2_0": "Q4_0", "Q2_K": "Q4_0", "Q3_K": "Q4_0", "TQ1_0": "Q4_0", "TQ2_0": "Q4_0",
    "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0", "NVFP4": "MXFP4",
  ]
}
