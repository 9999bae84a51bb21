import Foundation
import OunceEncoding
import Testing

/// How much of a Gaussian the quantized encodings keep, beside the reference's figures.
@Suite struct AccuracyTests {
  private struct Errors: Decodable {
    let plain: Double?
    let importance: Double
  }

  @Test func `relative errors are within a hundredth of the reference's`() throws {
    let fixtures = Fixtures()
    let table = try JSONDecoder().decode([String: Errors].self, from: Data(try fixtures.bytes("rmse.json")))
    let elements = try fixtures.floats("input/gaussian.f32")
    let importance = try fixtures.floats("input/imatrix.f32")
    for level in levels {
      for encoding in level.kernels.encodings where encoding.kind == .quantized {
        guard let writable = encoding as? any WritableEncoding else { continue }
        let errors = try #require(table[encoding.name], "\(encoding.name) is missing in rmse.json")
        let cases: [(weights: [Float]?, expected: Double)] =
          (errors.plain.map { [(nil, $0)] } ?? []) + [(importance, errors.importance)]
        for (weights, expected) in cases {
          let bytes = writable.encoded(elements, columns: GoldenTests.columns, importance: weights)
          let error = relativeError(encoding.decoded(bytes), elements)
          #expect(
            abs(error - expected) < expected / 100,
            "\(encoding.name) at \(level.name), importance \(weights != nil): \(error), the reference \(expected)")
        }
      }
    }
  }

  /// The root of the mean squared error over that of the mean square.
  private func relativeError(_ decoded: [Float], _ elements: [Float]) -> Double {
    let squares = elements.reduce(0.0) { $0 + Double($1) * Double($1) }
    let errors = zip(decoded, elements).reduce(0.0) { sum, pair in
      let difference = Double(pair.0 - pair.1)
      return sum + difference * difference
    }
    return (errors / squares).squareRoot()
  }
}
