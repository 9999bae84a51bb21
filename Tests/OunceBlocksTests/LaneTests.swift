import OunceEncoding
import Testing

/// The lane kernels against the scalar truth, at every CPU level of this machine.
@Suite struct LaneTests {
  @Test func `lanes and scalar truth write the same bytes`() throws {
    for level in levels {
      for encoding in level.kernels.encodings {
        guard let writable = encoding as? any WritableEncoding else { continue }
        for seed in 1...UInt64(8) {
          var random = Seeded(state: seed)
          let columns = encoding.elementsPerBlock * [1, 2, 3, 5, 16, 33][Int(random.next() % 6)]
          let rows = [1, 2, 3, 17, 35][Int(random.next() % 5)]
          let elements = difficultRows(columns: columns, rows: rows, using: &random)
          for importance in [nil, difficultImportance(columns, using: &random)] {
            guard
              let truth = level.kernels.scalarBytes(
                encoding, elements, columns: columns, importance: importance)
            else { continue }
            let bytes = writable.encoded(elements, columns: columns, importance: importance)
            let wrong = differingBlocks(bytes, truth, encoding.bytesPerBlock)
            #expect(
              wrong.isEmpty,
              """
              \(encoding.name) at \(level.name), seed \(seed), \(rows) x \(columns), importance \
              \(importance != nil): blocks \(wrong.prefix(8)) of \(truth.count / encoding.bytesPerBlock)
              """)
          }
        }
      }
    }
  }

  @Test func `all levels decode alike`() throws {
    for (index, encoding) in levels[0].kernels.encodings.enumerated() where encoding.kind == .quantized {
      var random = Seeded(state: 7)
      let bytes = (0..<encoding.bytesPerBlock * 37).map { _ in UInt8.random(in: 0...255, using: &random) }
      let elements = encoding.decoded(bytes).map(\.bitPattern)
      for level in levels.dropFirst() {
        let other = level.kernels.encodings[index]
        try #require(other.name == encoding.name)
        let wrong = zip(elements, other.decoded(bytes)).filter {
          $0 != $1.bitPattern && !(Float(bitPattern: $0).isNaN && $1.isNaN)
        }
        #expect(wrong.isEmpty, "\(encoding.name) at \(level.name)")
      }
    }
  }

  @Test func `the first non-finite element is found`() {
    for level in levels {
      for count in [0, 1, 15, 16, 17, 64, 1000] {
        var elements = [Float](repeating: .greatestFiniteMagnitude, count: count)
        #expect(level.kernels.firstNonFinite(elements.span) == nil)
        for index in Set([0, count / 2, count - 1]) where count > 0 {
          for bad in [Float.nan, .infinity, -.infinity, .signalingNaN] {
            elements[index] = bad
            #expect(level.kernels.firstNonFinite(elements.span) == index, "\(bad) at \(index), \(level.name)")
            elements[index] = -.leastNonzeroMagnitude
          }
        }
      }
    }
  }
}

/// Rows whose stretches of 32 are of many kinds: Gaussian, zero, constant, of one sign, tied, denormal, huge, tiny.
private func difficultRows(columns: Int, rows: Int, using random: inout Seeded) -> [Float] {
  var elements: [Float] = []
  while elements.count < columns * rows {
    let kind = random.next() % 16
    let size = Float.random(in: 0.001...2, using: &random)
    for i in 0..<32 {
      let unit = Float.random(in: -1...1, using: &random)
      let bell = unit + Float.random(in: -1...1, using: &random) + Float.random(in: -1...1, using: &random)
      switch kind {
      case 0: elements.append(0)
      case 1: elements.append(i % 3 == 0 ? -0.0 : 0)
      case 2: elements.append(size)
      case 3: elements.append(-size)
      case 4: elements.append(bell.magnitude * size)
      case 5: elements.append(-bell.magnitude * size)
      case 6: elements.append((unit * 8).rounded() * size)
      case 7: elements.append(Float(bitPattern: UInt32(truncatingIfNeeded: random.next()) & 0x807f_ffff))
      case 8: elements.append(unit * Float(bitPattern: UInt32(random.next() % 180) << 23))
      case 9: elements.append(i == 5 ? size * 1000 : bell * size * 0.001)
      case 10: elements.append(size + unit * 1e-6)
      case 11: elements.append(unit < 0 ? -size : size)
      case 12: elements.append(unit * 1e30)
      case 13: elements.append(i == 31 ? -3e38 : unit * 3e38)
      default: elements.append(bell * size)
      }
    }
  }
  return elements
}

private func difficultImportance(_ columns: Int, using random: inout Seeded) -> [Float] {
  (0..<columns).map { _ in
    let value = Float.random(in: 0...1, using: &random)
    switch random.next() % 12 {
    case 0: return 0
    case 1: return value * 1e6
    case 2: return value * 1e-8
    default: return value * value
    }
  }
}
