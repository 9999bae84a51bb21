import OunceEncoding
import Testing

/// Records of MLX, whose kinds are too many for the catalog, against arithmetic on single elements.
struct MLXRecordTests {
  private static let records =
    MLXRecord.bits.flatMap { bits in
      MLXRecord.groupSizes.flatMap { size in
        MLXRecord.Scale.allCases.map { MLXRecord.affine(bits: bits, groupSize: size, scale: $0) }
      }
    } + [.mxfp8]

  /// What an encoding of the catalog makes of one float, and back.
  private func rounded(_ value: Float, _ encoding: any WritableEncoding) -> Float {
    encoding.decoded(encoding.encoded([value], columns: 1, importance: nil))[0]
  }

  private func truth(_ record: MLXRecord, _ bytes: [UInt8], _ kernels: any Kernels) throws -> [Float] {
    func encoding(_ name: String) throws -> any WritableEncoding {
      try #require(kernels.encodings.first { $0.name == name } as? any WritableEncoding)
    }
    guard case .affine(let bits, let size, let type) = record else {
      let scale = Float(bitPattern: bytes[0] == 0 ? 1 << 22 : UInt32(bytes[0]) << 23)
      let bfloat = try encoding("BF16")
      return try encoding("F8_E4M3").decoded(Array(bytes[1...])).map { rounded($0 * scale, bfloat) }
    }
    let (width, plain) = (type.byteCount, try encoding(type.rawValue))
    let scale = plain.decoded(Array(bytes[..<width]))[0]
    let bias = plain.decoded(Array(bytes[width..<2 * width]))[0]
    return (0..<size).map { index in
      var code = 0
      for bit in 0..<bits {
        let place = index * bits + bit
        code |= Int(bytes[2 * width + place / 8] >> UInt8(place % 8) & 1) << bit
      }
      return rounded(rounded(Float(code) * scale, plain) + bias, plain)
    }
  }

  @Test(arguments: records) func `a record decodes to what its elements say`(_ record: MLXRecord) throws {
    var generator = Seeded(state: 11)
    for level in levels {
      let encoding = try #require(level.kernels.mlx(record))
      for _ in 0..<50 {
        let bytes = (0..<encoding.bytesPerBlock).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let (found, expected) = (encoding.decoded(bytes), try truth(record, bytes, level.kernels))
        let isSame = zip(found, expected).allSatisfy { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN }
        #expect(isSame && found.count == expected.count, "\(encoding.name) \(level.name): \(bytes)")
      }
    }
  }

  @Test func `other bits and groups have no record`() {
    for level in levels {
      #expect(level.kernels.mlx(.affine(bits: 7, groupSize: 64, scale: .f16)) == nil)
      #expect(level.kernels.mlx(.affine(bits: 4, groupSize: 16, scale: .f16)) == nil)
    }
  }
}
