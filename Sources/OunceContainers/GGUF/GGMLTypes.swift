internal import OunceCore
internal import OunceEncoding

/// What is known about the numbers of ggml's tensor types beyond the encodings of the catalog, for errors that explain.
///
/// Source: `enum ggml_type` of ggml.h.
enum GGMLTypes {
  /// The names of types 0 and up.
  static let names = [
    "F32", "F16", "Q4_0", "Q4_1", "Q4_2", "Q4_3", "Q5_0", "Q5_1", "Q8_0", "Q8_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K",
    "Q6_K", "Q8_K", "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS", "I8", "I16", "I32",
    "I64", "F64", "IQ1_M", "BF16", "Q4_0_4_4", "Q4_0_4_8", "Q4_0_8_8", "TQ1_0", "TQ2_0", "IQ4_NL_4_4", "IQ4_NL_4_8",
    "IQ4_NL_8_8", "MXFP4", "NVFP4", "Q1_0", "Q2_0",
  ]

  /// The year in which a type was removed from the format.
  private static func removal(_ type: Int) -> Int? {
    switch type {
    case 4, 5: 2023
    case 31...33, 36...38: 2025
    default: nil
    }
  }

  /// The encoding that has the number `type`.
  ///
  /// - Throws: `OunceError` without a place, which the caller adds.
  static func encoding(_ type: UInt32) throws(OunceError) -> any Encoding {
    if let encoding = Encodings.ggml(type) { return encoding }
    guard type < names.count else {
      throw OunceError(
        .unsupported, "has the unknown ggml type \(type); this build knows 0 to \(names.count - 1)",
        remedy: "written by a newer llama.cpp? look for a newer ounce; or the file is damaged")
    }
    let name = names[Int(type)]
    if let year = removal(Int(type)) {
      throw OunceError(
        .unsupported, "has the type \(name), which was removed from GGUF in \(year)",
        remedy: "requantize from the source")
    }
    throw OunceError(
      .unsupported, "has the type \(name), which this build cannot read yet",
      remedy: "`ounce formats` lists the types that it can")
  }
}
