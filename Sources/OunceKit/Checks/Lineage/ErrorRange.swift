internal import OunceCore
internal import OunceEncoding

/// How far a tensor may lie from its source in one encoding: root mean square of the error over that of the source.
///
/// The bounds are measured, with margin: docs/lineage.md has the figures and says how.
struct ErrorRange: Sendable, Equatable {
  /// What people call the encoding.
  let name: String
  /// Of a whole tensor.
  let tensor: Double
  /// Of one row, of which a few outliers may be most.
  let row: Double
  /// An error that is always granted: weights below the smallest scale that half precision can hold become zero.
  let floor: Double

  /// The range of a tensor as it is stored.
  init(_ tensor: Tensor) {
    let encoding = tensor.info.encoding
    let bits =
      tensor.stored.map { Double($0.byteCount) * 8 / Double(max(1, tensor.info.elementCount)) }
      ?? encoding.bitsPerElement
    name = tensor.stored?.name ?? encoding.name
    if tensor.stored == nil, encoding.kind == .integer {
      (self.tensor, row, floor) = (0, 0, 0)
    } else if tensor.stored == nil, let known = Self.plain[encoding.name] {
      (self.tensor, row, floor) = (known.bound, known.bound, known.floor)
    } else {
      // Of MLX only the bits count, not the size of groups.
      let key = encoding.name.hasPrefix("MLX") ? String(encoding.name.prefix { $0 != "_" }) : encoding.name
      let known = tensor.stored == nil ? Self.blocks[key] : nil
      let bounds = known ?? Self.bounds(bits: bits)
      (self.tensor, row, floor) = (bounds.tensor, bounds.row, Self.smallestScale)
    }
  }

  /// Whether an error is in the range of a whole tensor.
  func holds(_ figures: ErrorFigures) -> Bool {
    figures.nonFiniteCount == 0 && (figures.relativeRMSE <= tensor || figures.rmse <= floor)
  }

  /// Whether an error is in the range of a row.
  func holds(_ error: RowError) -> Bool { error.relativeRMSE <= row || error.rmse <= floor }

  /// The bound of a sample of rows: more than that of all, less than that of one.
  var sample: Double { min((tensor + row) / 2, tensor * 1.25) }

  /// What rounding to an encoding of plain floats costs at most; 0: it is none.
  static func bound(ofFloats name: String) -> Double { plain[name]?.bound ?? 0 }

  /// Codes up to 63 times 15 of a scale that half precision rounds to 2⁻²⁴.
  private static let smallestScale = 3e-5

  /// Plain floats: half of the last digit, and the smallest number.
  private static let plain: [String: (bound: Double, floor: Double)] = [
    "F64": (1e-6, 0), "F32": (1e-5, 1e-38), "F16": (0.001, 6e-8), "BF16": (0.004, 1e-38),
    "F8_E4M3": (0.07, 0.002), "F8_E5M2": (0.14, 4e-5), "F8_E4M3FNUZ": (0.07, 0.002), "F8_E5M2FNUZ": (0.14, 4e-5),
  ]

  /// Measured for each encoding that is written.
  private static let blocks: [String: (tensor: Double, row: Double)] = [
    "Q8_0": (0.02, 0.03), "Q6_K": (0.14, 0.5), "Q5_0": (0.18, 0.5), "Q5_1": (0.16, 0.9), "Q5_K": (0.17, 0.9),
    "Q4_0": (0.28, 0.5), "Q4_1": (0.3, 0.95), "Q4_K": (0.3, 0.95), "IQ4_NL": (0.28, 0.9), "IQ4_XS": (0.27, 0.85),
    "MXFP4": (0.23, 0.35), "NVFP4": (0.23, 0.35), "Q3_K": (0.33, 0.6), "Q2_K": (0.6, 1.05), "Q2_0": (0.95, 0.98),
    "IQ3_S": (0.8, 1), "IQ3_XXS": (0.8, 1), "IQ2_S": (0.9, 1.05), "IQ2_XS": (0.9, 1.05),
    "IQ2_XXS": (0.995, 1.2), "IQ1_M": (0.95, 1.05), "IQ1_S": (0.95, 1.05), "TQ1_0": (0.97, 0.99),
    "TQ2_0": (0.97, 0.99), "Q1_0": (0.998, 0.999), "MLX8": (0.02, 0.03), "MLX6": (0.09, 0.15), "MLX5": (0.15, 0.25),
    "MLX4": (0.25, 0.4), "MLX3": (0.45, 0.6), "MLX2": (0.75, 0.9), "MLX1": (0.999, 1),
  ]

  /// Of an encoding that was not measured, by the bits of an element: those of a plain grid of so many steps.
  private static func bounds(bits: Double) -> (tensor: Double, row: Double) {
    switch bits {
    case 7.5...: (0.05, 0.1)
    case 5.9...: (0.12, 0.25)
    case 4.9...: (0.2, 0.4)
    case 3.9...: (0.35, 0.6)
    case 2.9...: (0.6, 0.8)
    case 1.9...: (0.85, 0.95)
    default: (0.99, 0.999)
    }
  }
}
