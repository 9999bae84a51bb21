import OunceContainers
import OunceCore
import Testing

/// Weights times scales that stand elsewhere.
struct ScaledRowsTests {
  private func tensor(_ shape: [Int], _ values: [Float]) throws -> Tensor {
    let encoding = try #require(Encodings.named("F32"))
    let rowByteCount = (shape.last ?? 1) * 4
    let data = Memory(bytes: Memory.bytes(of: values), rowByteCount: rowByteCount)
    return try Tensor(name: "w", shape: shape, encoding: encoding, data: data)
  }

  private func product(_ weight: Tensor, _ scale: Tensor, _ block: (Int, Int)?) throws -> [Float] {
    let tensor = try ScaledRows.tensor(weight, scale, block: block)
    // Row by row and all at once must agree.
    let bytes = try tensor.content()
    #expect(try tensor.content(rowsAtOnce: 1) == bytes)
    return stride(from: 0, to: bytes.count, by: 4).map { start in
      Float(bitPattern: bytes[start..<start + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
    }
  }

  @Test func `a block of rows and columns shares a scale, and the last blocks may be cut`() throws {
    let weight = try tensor([3, 3], [1, 1, 1, 1, 1, 1, 1, 1, 1])
    let scale = try tensor([2, 2], [1, 2, 3, 4])
    #expect(try product(weight, scale, (2, 2)) == [1, 1, 2, 1, 1, 2, 3, 3, 4])
  }

  @Test func `one scale, a scale a row, a scale an expert`() throws {
    let weight = try tensor([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(try product(weight, try tensor([1], [2]), nil) == [2, 4, 6, 8, 10, 12, 14, 16])
    #expect(try product(weight, try tensor([2], [1, 10]), nil) == [1, 2, 3, 4, 50, 60, 70, 80])
    #expect(try product(weight, try tensor([2, 2, 1], [1, 2, 3, 4]), nil) == [1, 2, 6, 8, 15, 18, 28, 32])
    let rows = try tensor([2, 2], [1, 2, 3, 4])
    #expect(try product(rows, try tensor([2], [1, 10]), nil) == [1, 2, 30, 40])
  }

  @Test func `scales of another shape are refused`() throws {
    let weight = try tensor([4, 4], [Float](repeating: 1, count: 16))
    #expect(throws: OunceError.self) { try ScaledRows.tensor(weight, try tensor([3, 1], [1, 2, 3]), block: (2, 4)) }
    #expect(throws: OunceError.self) { try ScaledRows.tensor(weight, try tensor([2, 2], [1, 2, 3, 4]), block: nil) }
  }
}
