internal import OunceCore

/// Counts of weights, as size labels need them.
struct Parameters: Sendable {
  var total = 0
  var shared = 0
  /// Weights of one expert.
  var perExpert = 0
  var expertCount = 0
}

extension [Tensor] {
  var parameters: Parameters {
    var result = Parameters()
    var expertSum = 0
    var expertTensors = 0
    for tensor in self {
      let shape = tensor.info.shape
      let size = tensor.info.elementCount
      let isExpert = tensor.info.name.contains("_exps.")
      let dimension = tensor.info.name.contains(".bias") ? shape.count - 2 : shape.count - 3
      if isExpert, shape.count >= 3, shape[dimension] > 0 {
        result.perExpert &+= size / shape[dimension]
        expertSum += shape[dimension]
        expertTensors += 1
      } else {
        result.shared &+= size
      }
      result.total &+= size
    }
    result.expertCount = expertTensors > 0 ? expertSum / expertTensors : 0
    return result
  }
}

extension Parameters {
  /// "8x7B", "1.1B", "270K"; nil when there are no weights.
  var sizeLabel: String? {
    guard total != 0 else { return nil }
    // Adapters count below zero, to say that the number is not exact.
    let size = expertCount > 0 ? abs(shared) + abs(perExpert) : abs(total)
    return (expertCount > 0 ? "\(expertCount)x" : "") + Self.rounded(size)
  }

  /// At least two digits, without rounding to more.
  private static func rounded(_ count: Int) -> String {
    let number = Double(count)
    let (scaled, unit) =
      if number > 1e12 { (number * 1e-12, "T") } else if number > 1e9 { (number * 1e-9, "B") } else if number > 1e6 {
        (number * 1e-6, "M")
      } else { (number * 1e-3, "K") }
    let whole = Int(scaled.rounded(.toNearestOrEven))
    let digits = whole == 0 ? 0 : String(whole).count
    return Decimal.text(scaled, fractionDigits: max(2 - digits, 0)) + unit
  }
}

/// Numbers as text without a formatter.
enum Decimal {
  /// `value` rounded half to even on its exact binary value, as C's `printf` does.
  static func text(_ value: Double, fractionDigits: Int) -> String {
    // Two more digits than asked tell which side of a tie the binary value lies on: sizes have at most two.
    let scale = (0..<fractionDigits).reduce(1.0) { scale, _ in scale * 10 }
    var scaled = (value * scale).rounded(.toNearestOrEven)
    // A product that was rounded onto a tie is corrected by the error of the multiplication.
    let product = value * scale
    if abs(product - product.rounded(.down) - 0.5) == 0 {
      let error = (-product).addingProduct(value, scale)
      if error > 0 { scaled = product.rounded(.up) } else if error < 0 { scaled = product.rounded(.down) }
    }
    var digits = String(Int(scaled))
    guard fractionDigits > 0 else { return digits }
    while digits.count <= fractionDigits { digits = "0" + digits }
    return digits.dropLast(fractionDigits) + "." + digits.suffix(fractionDigits)
  }
}
