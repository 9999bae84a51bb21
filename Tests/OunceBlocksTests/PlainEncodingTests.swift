import Foundation
import OunceEncoding
import Testing

private let fixtures = Fixtures()

private func bytes(_ path: String) -> [UInt8]? { try? fixtures.bytes(path) }

private func floats(_ path: String) -> [Float]? { try? fixtures.floats(path) }

private func decode(_ encoding: any Encoding, _ bytes: [UInt8]) -> [Float] { encoding.decoded(bytes) }

private func encode(_ encoding: any WritableEncoding, _ elements: [Float]) -> [UInt8] {
  encoding.encoded(elements, columns: elements.count, importance: nil)
}

/// Bit patterns, all NaNs being one.
private func bits(_ elements: [Float]) -> [UInt32] { elements.map { $0.isNaN ? 0x7FC0_0000 : $0.bitPattern } }

/// The plain encodings: floats, integers and pairs, but no blocks with scales.
private func plain(_ kernels: any Kernels) -> [any Encoding] { kernels.encodings.filter { $0.kind != .quantized } }

/// IEEE binary interchange formats of 16 bits, by the arithmetic of their definition.
private func value(_ code: UInt16, exponentBits: Int, mantissaBits: Int) -> Double {
  let field = Int(code >> mantissaBits) & (1 << exponentBits - 1)
  let mantissa = Double(Int(code) & (1 << mantissaBits - 1)) / Double(1 << mantissaBits)
  let sign: Double = code >> 15 == 0 ? 1 : -1
  let bias = 1 << (exponentBits - 1) - 1
  if field == 1 << exponentBits - 1 { return mantissa == 0 ? sign * .infinity : .nan }
  return field == 0
    ? sign * mantissa * pow(2, Double(1 - bias)) : sign * (1 + mantissa) * pow(2, Double(field - bias))
}

@Suite struct PlainEncodingTests {
  @Test func `names and numbers are unique and words lie inside their block`() {
    for level in levels {
      let encodings = level.kernels.encodings
      #expect(Set(encodings.map(\.name)).count == encodings.count)
      #expect(Set(encodings.compactMap(\.ggmlType)).count == encodings.compactMap(\.ggmlType).count)
      #expect(Set(encodings.compactMap(\.safetensorsType)).count == encodings.compactMap(\.safetensorsType).count)
      #expect(encodings.map(\.name) == levels[0].kernels.encodings.map(\.name))
      for encoding in encodings {
        for run in encoding.words {
          #expect(run.width > 1 && run.offset + run.width * run.count <= encoding.bytesPerBlock, "\(encoding.name)")
        }
      }
    }
  }

  @Test func `every code of a small float has the reference's value`() throws {
    for level in levels {
      let withCodes = level.kernels.encodings.filter { bytes("\($0.name)/codes.q") != nil }
      #expect(withCodes.count >= 8)
      for encoding in withCodes {
        let codes = try #require(bytes("\(encoding.name)/codes.q"))
        let expected = try #require(floats("\(encoding.name)/codes.f32"))
        #expect(bits(decode(encoding, codes)) == bits(expected), "\(encoding.name) \(level.name)")
      }
    }
  }

  @Test func `a cast to a small float rounds as the reference rounds`() throws {
    for level in levels {
      let withCasts = level.kernels.encodings.filter { bytes("\($0.name)/cast.q") != nil }
      #expect(!withCasts.isEmpty)
      for encoding in withCasts {
        let elements = try #require(floats("\(encoding.name)/cast.f32"))
        let expected = try #require(bytes("\(encoding.name)/cast.q"))
        let writable = try #require(encoding as? any WritableEncoding)
        // In lanes, and one by one.
        #expect(encode(writable, elements) == expected, "\(encoding.name) \(level.name)")
        #expect(elements.flatMap { encode(writable, [$0]) } == expected, "\(encoding.name) \(level.name)")
      }
    }
  }

  @Test func `every code of a half has the value of its definition`() throws {
    let codes = (0...UInt16.max).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    for level in levels {
      for (name, exponentBits) in [("F16", 5), ("BF16", 8)] {
        let encoding = try #require(level.kernels.encodings.first { $0.name == name })
        let expected = (0...UInt16.max).map {
          Float(value($0, exponentBits: exponentBits, mantissaBits: 15 - exponentBits))
        }
        #expect(bits(decode(encoding, codes)) == bits(expected), "\(name) \(level.name)")
        let single = stride(from: 0, to: codes.count, by: 2).map { decode(encoding, [codes[$0], codes[$0 + 1]])[0] }
        #expect(single.map(\.bitPattern) == decode(encoding, codes).map(\.bitPattern), "\(name) \(level.name)")
      }
    }
  }

  @Test func `a half is the nearest one, ties to even`() throws {
    for level in levels {
      for (name, exponentBits) in [("F16", 5), ("BF16", 8)] {
        let encoding = try #require(level.kernels.encodings.first { $0.name == name } as? any WritableEncoding)
        let infinity = UInt16((1 << exponentBits - 1) << (15 - exponentBits))
        var elements: [Float] = []
        var expected: [UInt16] = []
        for code in 0..<infinity {
          let low = value(code, exponentBits: exponentBits, mantissaBits: 15 - exponentBits)
          // The step above the largest number is as wide as the one below it.
          let below = value(code &- 1, exponentBits: exponentBits, mantissaBits: 15 - exponentBits)
          let high =
            code + 1 == infinity
            ? 2 * low - below : value(code + 1, exponentBits: exponentBits, mantissaBits: 15 - exponentBits)
          let middle = Float((low + high) / 2)
          elements += [Float(low), middle.nextDown, middle, middle.nextUp]
          expected += [code, code, code + code & 1, code + 1]
        }
        elements += elements.map { -$0 } + [.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude]
        expected += expected.map { $0 | 0x8000 } + [infinity, infinity, 0]
        let wanted = expected.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        #expect(encode(encoding, elements) == wanted, "\(name) \(level.name)")
        #expect(elements.flatMap { encode(encoding, [$0]) } == wanted, "\(name) \(level.name)")
        let quiet = decode(encoding, encode(encoding, [.nan, -.nan, Float(bitPattern: 0x7F80_0001), -.signalingNaN]))
        #expect(quiet.allSatisfy { $0.isNaN && !$0.isSignalingNaN })
        #expect(quiet.map(\.sign) == [.plus, .minus, .plus, .minus])
      }
    }
  }

  @Test func `plain floats have the reference's bytes`() throws {
    for level in levels {
      for encoding in plain(level.kernels) {
        for set in ["gaussian", "heavy", "wide", "edge"] {
          guard let expected = bytes("\(encoding.name)/\(set).q") else { continue }
          let elements = try #require(floats("input/\(set).f32"))
          let writable = try #require(encoding as? any WritableEncoding)
          #expect(encode(writable, elements) == expected, "\(encoding.name) \(set) \(level.name)")
        }
        guard let random = bytes("\(encoding.name)/random.q") else { continue }
        let expected = try #require(floats("\(encoding.name)/random.f32"))
        #expect(bits(decode(encoding, random)) == bits(expected), "\(encoding.name) \(level.name)")
      }
    }
  }

  @Test func `all levels agree at every length`() {
    let seed = UInt64.random(in: 1 ... .max)
    print("seed \(seed)")
    var generator = Seeded(state: seed)
    for count in 0...67 {
      for (index, encoding) in levels[0].kernels.encodings.enumerated() where encoding.kind != .quantized {
        let blocks = (0..<count * encoding.bytesPerBlock).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let elements = (0..<count * encoding.elementsPerBlock).map { _ in
          Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator))
        }
        for level in levels.dropFirst() {
          let copy = level.kernels.encodings[index]
          #expect(bits(decode(copy, blocks)) == bits(decode(encoding, blocks)), "\(encoding.name) \(level.name)")
          if let writable = encoding as? any WritableEncoding, let other = copy as? any WritableEncoding {
            #expect(encode(other, elements) == encode(writable, elements), "\(encoding.name) \(level.name)")
          }
        }
      }
    }
  }

  @Test func `what a plain float writes it reads back`() {
    for level in levels {
      for encoding in plain(level.kernels) {
        guard let writable = encoding as? any WritableEncoding else { continue }
        let elements: [Float] = [0, -0.0, 1, -1.5, 0.25, 224, 2, 3.5, -0.015625, 448, .infinity].filter {
          $0.isFinite || !encoding.name.hasPrefix("F8_E4M3")
        }
        #expect(bits(decode(encoding, encode(writable, elements))) == bits(elements), "\(encoding.name)")
      }
    }
  }

  @Test func `wide numbers decode to the nearest float, ties to even`() throws {
    func expect<Word: BitwiseCopyable>(_ name: String, _ words: [Word], _ expected: [Float]) throws {
      for level in levels {
        let encoding = try #require(level.kernels.encodings.first { $0.name == name })
        let blocks = words.flatMap { word in withUnsafeBytes(of: word) { [UInt8]($0) } }
        #expect(bits(decode(encoding, blocks)) == bits(expected), "\(name) \(level.name)")
      }
    }
    try expect("I8", [Int8.min, -1, 0, .max], [-128, -1, 0, 127])
    try expect("U8", [UInt8.min, .max], [0, 255])
    try expect("I16", [Int16.min, -1, .max], [-32768, -1, 32767])
    try expect("U16", [UInt16.max], [65535])
    try expect("I32", [Int32.min, 16_777_217, 16_777_219, .max], [-0x1p31, 16_777_216, 16_777_220, 0x1p31])
    try expect("U32", [UInt32.max, 16_777_217], [0x1p32, 16_777_216])
    try expect("I64", [Int64.min, 1 << 40 + 1 << 16, .max], [-0x1p63, 0x1p40, 0x1p63])
    try expect("U64", [UInt64.max, 1 << 63 + 1 << 39, 1 << 63 + 1 << 39 + 1], [0x1p64, 0x1p63, 0x1.000002p63])
    try expect("F64", [0x1p24 + 1, 1e300, -0.0, 0x1p-150], [0x1p24, .infinity, -0.0, 0])
    try expect("BOOL", [UInt8(0), 1, 2, 255], [0, 1, 1, 1])
    try expect("C64", [Float(1), 2, -3, 4], [1, -3])
    try expect("C128", [Double(1), 2, -3, 4], [1, -3])
  }

  @Test func `the first element that is no finite number is found`() {
    for level in levels {
      var elements = [Float](repeating: 1, count: 100)
      #expect(level.kernels.firstNonFinite(elements.span) == nil)
      for index in [99, 96, 95, 64, 33, 17, 0] {
        elements[index] = index % 2 == 0 ? .nan : -.infinity
        #expect(level.kernels.firstNonFinite(elements.span) == index)
      }
      #expect(level.kernels.firstNonFinite([Float]().span) == nil)
      #expect(level.kernels.firstNonFinite([Float](repeating: -.greatestFiniteMagnitude, count: 40).span) == nil)
    }
  }
}
