import OunceEncoding
import Testing

/// Elements so far from their scale that the reference's rounding to an integer wraps around.
@Suite struct WrapTests {
  private static let columns = 768

  @Test func `codes beyond the range of the reference's rounding wrap as its codes do`() throws {
    let fixtures = Fixtures()
    for level in levels {
      for encoding in level.kernels.encodings where fixtures.exists("\(encoding.name)/wrap.f32") {
        guard let writable = encoding as? any WritableEncoding else { continue }
        let elements = try fixtures.floats("\(encoding.name)/wrap.f32")
        let importance = try fixtures.floats("\(encoding.name)/wrap.importance.f32")
        for (file, weights) in [("wrap.q", nil), ("wrap.imatrix.q", importance)] {
          let golden = try fixtures.bytes("\(encoding.name)/\(file)")
          let bytes = writable.encoded(elements, columns: Self.columns, importance: weights)
          let wrong = differingBlocks(bytes, golden, encoding.bytesPerBlock)
          #expect(bytes.count == golden.count && wrong.isEmpty, "\(encoding.name)/\(file) at \(level.name): \(wrong)")
        }
      }
    }
  }
}
