import OunceEncoding
import Testing

/// The bytes of the reference implementation, at every CPU level of this machine.
@Suite struct GoldenTests {
  let fixtures = Fixtures()
  static let sets = ["gaussian", "heavy", "wide", "edge"]
  /// Columns of each row of the golden input.
  static let columns = 1024

  @Test func `every quantized encoding has golden bytes`() {
    for level in levels {
      for encoding in level.kernels.encodings where encoding.kind == .quantized {
        #expect(fixtures.exists(encoding.name), "\(encoding.name) has no folder in fixtures/encodings")
      }
    }
  }

  @Test func `encoding gives the golden bytes`() throws {
    for level in levels {
      for encoding in level.kernels.encodings where encoding.kind == .quantized && fixtures.exists(encoding.name) {
        guard let writable = (encoding as? any CorrectedEncoding)?.reference ?? encoding as? any WritableEncoding
        else { continue }
        for set in Self.sets {
          let elements = try fixtures.floats("input/\(set).f32")
          if fixtures.exists("\(encoding.name)/\(set).q") {
            try expectGolden("\(encoding.name)/\(set).q", writable, elements, nil, level.name)
          }
          let importance = try fixtures.floats("input/imatrix.f32")
          try expectGolden("\(encoding.name)/\(set).imatrix.q", writable, elements, importance, level.name)
        }
      }
    }
  }

  private func expectGolden(
    _ path: String, _ encoding: any WritableEncoding, _ elements: [Float], _ importance: [Float]?, _ level: String
  ) throws {
    let golden = try fixtures.bytes(path)
    let bytes = encoding.encoded(elements, columns: Self.columns, importance: importance)
    try #require(bytes.count == golden.count)
    let wrong = differingBlocks(bytes, golden, encoding.bytesPerBlock)
    let count = golden.count / encoding.bytesPerBlock
    #expect(wrong.isEmpty, "\(path) at \(level): blocks \(wrong.prefix(20)) of \(count)")
  }

  @Test func `decoding gives the golden elements`() throws {
    for level in levels {
      for encoding in level.kernels.encodings where encoding.kind == .quantized && fixtures.exists(encoding.name) {
        for (blocks, elements) in Self.sets.map({ ("\($0).imatrix.q", "\($0).f32") }) + [("random.q", "random.f32")] {
          // Of types the reference only computes with there are random blocks alone.
          guard fixtures.exists("\(encoding.name)/\(blocks)") else { continue }
          let decoded = encoding.decoded(try fixtures.bytes("\(encoding.name)/\(blocks)"))
          let golden = try fixtures.floats("\(encoding.name)/\(elements)")
          try #require(decoded.count == golden.count)
          let wrong = zip(decoded, golden).enumerated().filter {
            $1.0.bitPattern != $1.1.bitPattern && !($1.0.isNaN && $1.1.isNaN)
          }
          #expect(
            wrong.isEmpty, "\(encoding.name)/\(blocks) at \(level.name): \(wrong.count) wrong, \(wrong.prefix(3))")
        }
      }
    }
  }
}

/// The indices of the blocks that are not equal.
func differingBlocks(_ a: [UInt8], _ b: [UInt8], _ bytesPerBlock: Int) -> [Int] {
  (0..<min(a.count, b.count) / bytesPerBlock).filter {
    a[$0 * bytesPerBlock..<($0 + 1) * bytesPerBlock] != b[$0 * bytesPerBlock..<($0 + 1) * bytesPerBlock]
  }
}
