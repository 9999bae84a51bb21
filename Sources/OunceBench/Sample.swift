import OunceKit

/// Weights as a trained model has them: Gaussian, with a seed that never changes.
struct Sample {
  static let columns = 4096
  /// Weights that the tool decodes and encodes at a time.
  static let chunk = 262_144

  let floats: [Float]
  /// One positive weight per column, spread over three orders of magnitude.
  let importance: [Float]

  var weightCount: Int { floats.count }

  init(weightCount: Int) {
    var random = Generator(state: 0x9E37_79B9_7F4A_7C15)
    floats = (0..<weightCount).map { _ in random.gaussian() * 0.02 }
    importance = (0..<Self.columns).map { _ in
      let value = random.gaussian()
      return value * value * 10 + 0.01
    }
  }

  /// The blocks of an encoding: those of the sample, or any bytes when it cannot be written.
  func blocks(_ encoding: any Encoding) -> Buffer {
    let byteCount = byteCount(encoding)
    var blocks = Buffer(byteCount: byteCount)
    blocks.withMutableBytes(0..<byteCount) { blocks in
      if let writable = encoding as? any WritableEncoding {
        writable.encode(floats.span, columns: Self.columns, importance: importance.span, into: &blocks)
      } else {
        // Numbers of ordinary size, wherever a scale is.
        [UInt8](repeating: 0x3C, count: byteCount).withRawSpan { blocks.copy($0) }
      }
    }
    return blocks
  }

  func byteCount(_ encoding: any Encoding) -> Int {
    weightCount / encoding.elementsPerBlock * encoding.bytesPerBlock
  }
}

/// SplitMix64, whose sums of twelve make a Gaussian good enough to search scales in.
private struct Generator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  mutating func gaussian() -> Float {
    var sum: Float = 0
    for _ in 0..<6 {
      let bits = next()
      sum += Float(bits & 0xFFFF_FFFF) * 0x1p-32 + Float(bits >> 32) * 0x1p-32
    }
    return sum - 6
  }
}
