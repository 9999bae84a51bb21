internal import OunceEncoding

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

  /// How often which encoding took the place of which.
  struct Tally {
    private var counts: [String: Int] = [:]

    mutating func count(_ choice: Choice) {
      if let meant = choice.meant { counts["\(meant) → \(choice.encoding.name)", default: 0] += 1 }
    }

    /// One sentence about all of them; nil: there was none.
    func note(_ recipe: String, of tensorCount: Int) -> String? {
      guard !counts.isEmpty else { return nil }
      let list = counts.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }.joined(separator: ", ")
      return "\(recipe): rows of \(counts.values.reduce(0, +)) of \(tensorCount) tensors are no whole blocks, "
        + "so they take another type: \(list)"
    }
  }
}
