internal import OunceCore

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Rope factors that follow from the configuration, as a tensor.
enum RopeFrequencies {
  /// The `llama3` stretching: one divisor per pair of a head's elements.
  @Sendable static func llama3(_ checkpoint: Checkpoint) throws(OunceError) -> [Tensor] {
    let width = checkpoint.configuration.ropeType == "llama3" ? try checkpoint.configuration.headDimension() : 0
    return try llama3(checkpoint, width: width, paddedTo: width)
  }

  /// The same for heads of which only the first `dimension` elements rotate.
  static func llama3(
    _ checkpoint: Checkpoint, width dimension: Int, paddedTo headWidth: Int
  ) throws(OunceError) -> [Tensor] {
    guard checkpoint.configuration.ropeType == "llama3" else { return [] }
    let rope = checkpoint.configuration.fullRope
    guard (0...65_536).contains(dimension), (0...65_536).contains(headWidth) else {
      throw OunceError(.malformed, "heads of \(dimension) elements are not plausible", file: "config.json")
    }
    let base = rope["rope_theta"]?.double ?? 10_000
    let factor = rope["factor"]?.double ?? 8
    let low = rope["low_freq_factor"]?.double ?? 1
    let high = rope["high_freq_factor"]?.double ?? 4
    let length = rope["original_max_position_embeddings"]?.double ?? 8192
    // Each step is rounded to single precision, and a number over a tensor is the tensor's reciprocal times the number,
    // as the reference computes it.
    let factors = stride(from: 0, to: dimension, by: 2).map { index -> Float in
      let exponent = Float(index) / Float(dimension)
      let frequency = 1 / Float(pow(base, Double(exponent)))
      let wavelength = 1 / frequency * Float(2 * Double.pi)
      if wavelength < Float(length / high) { return 1 }
      if wavelength > Float(length / low) { return Float(factor) }
      let smooth = (1 / wavelength * Float(length) - Float(low)) / Float(high - low)
      return 1 / ((1 - smooth) / Float(factor) + smooth)
    }
    let rest = [Float](repeating: 1, count: max(0, headWidth / 2 - factors.count))
    return [try tensor("rope_freqs.weight", factors + rest)]
  }

  /// The tables of positions that are stretched differently for long and short texts.
  static func longAndShort(_ checkpoint: Checkpoint, width: Int) throws(OunceError) -> [Tensor] {
    let rope = JSON.object(checkpoint.configuration.rope)
    guard let long = rope["long_factor"]?.array, !long.isEmpty else { return [] }
    guard let short = rope["short_factor"]?.array, short.count == long.count, long.count * 2 == width else {
      throw OunceError(
        .malformed, "expected \(width / 2) long and short factors, found \(long.count) long ones",
        file: "config.json", subject: "rope_scaling")
    }
    func floats(_ values: [JSON]) -> [Float] { values.map { Float($0.double ?? 1) } }
    return [
      try tensor("rope_factors_long.weight", floats(long)), try tensor("rope_factors_short.weight", floats(short)),
    ]
  }

  static func tensor(_ name: String, _ factors: [Float]) throws(OunceError) -> Tensor {
    guard let encoding = Encodings.named("F32") else { throw OunceError(.unsupported, "F32 is not in the catalog") }
    return try Tensor(name: name, shape: [factors.count], encoding: encoding, data: Memory(floats: factors))
  }
}
