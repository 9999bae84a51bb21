/// Floats: every tensor that may be quantized gets the one type.
let plainRecipes: [Recipe] = [
  Recipe("F32", fileType: 0, encoding: "F32"),
  Recipe("F16", fileType: 1, encoding: "F16"),
  Recipe("BF16", fileType: 32, encoding: "BF16"),
  // Another order of tensors, other files, other metadata: nothing is quantized.
  Recipe("COPY", fileType: nil, encoding: nil),
]
