import OunceEncoding
import Testing

/// What a row becomes depends on nothing but the row and its columns' importance.
@Suite struct RowTests {
  /// The longest row that the tool encodes at once.
  static let longestRow = 262_144

  @Test func `rows come out the same alone and together`() {
    for level in levels {
      for encoding in level.kernels.encodings where encoding.kind == .quantized {
        guard let writable = encoding as? any WritableEncoding else { continue }
        for (rows, blocks) in [(1, 3), (3, 1), (17, 2), (33, 1), (33, 3)] {
          let columns = encoding.elementsPerBlock * blocks
          var random = Seeded(state: UInt64(rows * 8 + blocks))
          let elements = weights(rows * columns, using: &random)
          for importance in [nil, importance(columns, using: &random)] {
            let together = writable.encoded(elements, columns: columns, importance: importance)
            let alone = (0..<rows).flatMap { row in
              writable.encoded(
                Array(elements[row * columns..<(row + 1) * columns]), columns: columns, importance: importance)
            }
            let wrong = differingBlocks(together, alone, encoding.bytesPerBlock)
            #expect(
              wrong.isEmpty,
              """
              \(encoding.name) at \(level.name), \(rows) x \(columns), importance \(importance != nil): blocks \
              \(wrong.prefix(8)) of \(rows * blocks)
              """)
          }
        }
      }
    }
  }

  @Test func `the longest rows are the same at every level and in scalar code`() {
    var random = Seeded(state: 262_144)
    let elements = weights(Self.longestRow, using: &random)
    let importance = importance(Self.longestRow, using: &random)
    for (index, encoding) in levels[0].kernels.encodings.enumerated() where encoding.kind == .quantized {
      guard let writable = encoding as? any WritableEncoding else { continue }
      for weights in [nil, importance] {
        let bytes = writable.encoded(elements, columns: Self.longestRow, importance: weights)
        let truth = levels[0].kernels.scalarBytes(
          encoding, elements, columns: Self.longestRow, importance: weights)
        #expect(truth == nil || truth == bytes, "\(encoding.name), importance \(weights != nil)")
        for level in levels.dropFirst() {
          let other = (level.kernels.encodings[index] as? any WritableEncoding)?
            .encoded(elements, columns: Self.longestRow, importance: weights)
          #expect(other == bytes, "\(encoding.name) at \(level.name), importance \(weights != nil)")
        }
      }
    }
  }

  /// Nearly Gaussian, a block of zeros now and then.
  private func weights(_ count: Int, using random: inout Seeded) -> [Float] {
    (0..<count).map { index in
      let bell = (0..<4).reduce(Float(0)) { sum, _ in sum + Float.random(in: -0.02...0.02, using: &random) }
      return index / 64 % 29 == 7 ? 0 : bell
    }
  }

  private func importance(_ count: Int, using random: inout Seeded) -> [Float] {
    (0..<count).map { _ in
      let value = Float.random(in: 0...1, using: &random)
      return value * value * 10
    }
  }
}
