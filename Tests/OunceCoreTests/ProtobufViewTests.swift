import OunceCore
import OunceEncoding
import Testing

/// Views of numbers in protocol buffers and of numbers below a byte, compared with the same numbers in memory.
struct ProtobufViewTests {
  private func varint(_ value: UInt64) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    while rest > 0x7F {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  private func field(_ number: UInt64, _ content: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(UInt64(content.count)) + content
  }

  private func read(_ data: any TensorData, _ rows: Range<Int>, rowByteCount: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xEE, count: rows.count * rowByteCount)
    try bytes.withMutableRawSpan { (span) throws(OunceError) in try data.read(rows: rows, into: &span) }
    return bytes
  }

  /// Packed in runs of any length, one by one, and between fields of other numbers.
  @Test func `numbers are found wherever a mark stands`() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("numbers of a protocol buffer: seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    var numbers: [UInt64] = []
    var message: [UInt8] = []
    while numbers.count < 20_000 {
      let run = (0..<Int.random(in: 0...6000, using: &generator)).map { _ in
        UInt64.random(in: 0...UInt64.max, using: &generator) >> UInt64.random(in: 0...63, using: &generator)
      }
      if run.count < 3000 {
        for number in run { message += varint(7 << 3) + varint(number) }
      } else {
        message += field(7, run.flatMap(varint))
      }
      message += field(9, [1, 2, 3]) + varint(6 << 3) + varint(5)
      numbers += run
    }
    let file = InputFile(path: "numbers", bytes: [0xFF] + message + [0xFF])
    let view = try ProtobufNumbers(ProtobufReader(file, 1..<message.count + 1), field: 7, wire: .varint)
    #expect(view.count == numbers.count)
    for (width, perRow) in [(8, 1), (4, 7), (1, 4099)] {
      let rows = view.rows(wordByteCount: width, rowByteCount: width * perRow)
      let bytes = numbers.flatMap { number in
        (0..<width).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
      }
      let rowCount = numbers.count / perRow
      for _ in 0..<40 {
        let first = Int.random(in: 0..<rowCount, using: &generator)
        let end = min(rowCount, first + Int.random(in: 0...9000 / perRow + 1, using: &generator))
        let range = first * width * perRow..<end * width * perRow
        #expect(try read(rows, first..<end, rowByteCount: width * perRow) == Array(bytes[range]), "seed \(seed)")
      }
    }
  }

  @Test func `words of fixed width are found, packed or not`() throws {
    let values = (0..<9000).map { Float($0) / 8 }
    func bytes(_ value: Float) -> [UInt8] { Memory.bytes(of: [value]) }
    let message =
      field(4, values[..<5000].flatMap(bytes)) + values[5000...].flatMap { varint(4 << 3 | 5) + bytes($0) }
    let view = try ProtobufNumbers(
      ProtobufReader(InputFile(path: "floats", bytes: message)), field: 4, wire: .fixed32)
    #expect(view.count == values.count)
    let rows = view.rows(wordByteCount: 4, rowByteCount: 4)
    #expect(try read(rows, 4090..<8200, rowByteCount: 4) == values[4090..<8200].flatMap(bytes))
    #expect(throws: OunceError.self) {
      try ProtobufNumbers(ProtobufReader(InputFile(path: "floats", bytes: message)), field: 4, wire: .fixed64)
    }
  }

  @Test(arguments: 1...8) func `numbers of few bits are unpacked in either order`(_ bitCount: Int) throws {
    var generator = SeededGenerator(seed: UInt64(bitCount))
    let numbers = (0..<1001 * 7).map { _ in UInt8.random(in: 0...UInt8(1 << bitCount - 1), using: &generator) }
    for order in [PackedBits.Order.leastSignificantFirst, .mostSignificantFirst] {
      let packed = pack(numbers, bitCount, order)
      #expect(packed.count == PackedBits.byteCount(of: numbers.count, bitCount: bitCount))
      for isSigned in [false, true] {
        let view = PackedBits(
          Memory(bytes: packed, rowByteCount: 1), bitCount: bitCount, isSigned: isSigned, order: order, columnCount: 7)
        let expected = numbers.map { number in
          let shift = UInt8(8 - bitCount)
          return isSigned ? UInt8(bitPattern: Int8(bitPattern: number << shift) >> Int8(shift)) : number
        }
        for rows in [0..<1001, 1..<2, 500..<777, 1000..<1001] {
          #expect(
            try read(view, rows, rowByteCount: 7) == Array(expected[rows.lowerBound * 7..<rows.upperBound * 7]))
        }
      }
    }
  }

  /// The bits of all numbers, one after the other.
  private func pack(_ numbers: [UInt8], _ bitCount: Int, _ order: PackedBits.Order) -> [UInt8] {
    let isLeast = order == .leastSignificantFirst
    var stream: [UInt8] = []
    for number in numbers {
      let bits: [UInt8] = (0..<bitCount).map { (number >> UInt8($0)) & 1 }
      stream += isLeast ? bits : bits.reversed()
    }
    var packed = [UInt8](repeating: 0, count: (stream.count + 7) / 8)
    for (index, bit) in stream.enumerated() {
      packed[index / 8] |= bit << UInt8(isLeast ? index % 8 : 7 - index % 8)
    }
    return packed
  }

  /// Boxes along each dimension, in all rules.
  @Test func `codes become floats by the parameters of their box`() throws {
    let (shape, groups) = ([4, 6, 10], [2, 3, 5])
    var generator = SeededGenerator(seed: 11)
    let codes = (0..<240).map { _ in UInt8.random(in: 0...3, using: &generator) }
    let scales = (0..<30 * 4).map { _ in Float.random(in: -1...1, using: &generator) }
    let f32 = try #require(Encodings.writable("F32"))
    func parameters(_ floats: [Float], perRow: Int) -> Dequantized.Parameters {
      Dequantized.Parameters(
        Memory(bytes: Memory.bytes(of: floats), rowByteCount: 4 * perRow), f32, groups: groups)
    }
    func box(_ index: Int) -> Int {
      let (plane, row, column) = (index / 60 / 2, index / 10 % 6 / 2, index % 10 / 2)
      return (plane * 3 + row) * 5 + column
    }
    let zeros = Array(scales.suffix(30))
    let shifts = parameters(zeros, perRow: 5)
    let cases: [(Dequantized.Rule, Dequantized.Parameters?)] = [
      (.table(4), nil), (.scaled, nil), (.scaled, shifts), (.linear, shifts),
    ]
    for (rule, other) in cases {
      let entryCount = if case .table(let count) = rule { count } else { 1 }
      func value(_ index: Int) -> Float {
        let (box, code) = (box(index), codes[index])
        switch rule {
        case .table: return scales[box * 4 + Int(code)]
        case .scaled: return scales[box] * (Float(code) - (other == nil ? 0 : zeros[box]))
        case .linear: return Float(Double(scales[box]) * Double(code) + Double(zeros[box]))
        }
      }
      let view = Dequantized(
        codes: Memory(bytes: codes, rowByteCount: 10), isSigned: false, shape: shape, rule: rule,
        parameters(Array(scales.prefix(30 * entryCount)), perRow: 5 * entryCount), other, to: f32)
      let expected = Memory.bytes(of: (0..<240).map(value))
      for rows in [0..<24, 3..<4, 5..<19, 23..<24] {
        #expect(
          try read(view, rows, rowByteCount: 40) == Array(expected[rows.lowerBound * 40..<rows.upperBound * 40]))
      }
    }
  }
}
