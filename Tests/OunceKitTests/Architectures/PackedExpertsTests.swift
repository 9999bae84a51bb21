@testable import OunceKit
import Testing

/// Experts in MXFP4 that stand apart, and tables of whole numbers.
struct PackedExpertsTests {
  private static let packed = PackedExperts(
    rules: [TensorRule("layers.{i}.experts.{e}.w1.weight", "blk.{i}.ffn_gate_exps.weight")], scaleSuffix: ".scale")

  private func tensor(_ name: String, _ encoding: String, _ shape: [Int], _ bytes: [UInt8]) throws -> Tensor {
    let encoding = try #require(Encodings.named(encoding))
    let info = try TensorInfo(name: name, shape: shape, encoding: encoding)
    return Tensor(info: info, data: Memory(bytes: bytes, rowByteCount: info.rowByteCount))
  }

  private func expert(_ number: Int) throws -> [Tensor] {
    let name = "layers.3.experts.\(number).w1"
    return [
      try tensor("\(name).weight", "I8", [1, 16], (0..<16).map { UInt8($0) << 4 | UInt8(number) }),
      try tensor("\(name).scale", "F8_E8M0", [1, 1], [UInt8(120 + number)]),
    ]
  }

  private func checkpoint(_ tensors: [Tensor], target: String? = nil) -> Checkpoint {
    var options = TranslationOptions()
    if let target {
      options.targetModel = Model(
        path: "target", container: "safetensors",
        companions: ["config.json": InputFile(path: "config.json", bytes: Array(target.utf8))])
    }
    return Checkpoint(
      model: Model(path: "hf", container: "safetensors", tensors: tensors), options: options,
      configuration: Configuration(.object([:])), architectureName: "x", className: "X")
  }

  private func bytes(_ tensor: Tensor) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: tensor.info.byteCount)
    try bytes.withMutableRawSpan { span throws(OunceError) in
      try tensor.data.read(rows: 0..<tensor.info.rowCount, into: &span)
    }
    return bytes
  }

  @Test func `codes and scales become blocks, expert by expert`() throws {
    let tensors = try expert(1) + expert(0)
    #expect(Self.packed.areIn(checkpoint(tensors).model))
    let stacks = try Self.packed.tensors(checkpoint(tensors)) { $0 }
    let stack = try #require(stacks.first)
    #expect(stack.info.name == "blk.3.ffn_gate_exps.weight")
    #expect(stack.info.encoding.name == "MXFP4")
    #expect(stack.info.shape == [2, 1, 32])
    // Byte j of a block holds elements j and j + 16; byte j of the codes holds elements 2j and 2j + 1.
    let low: [UInt8] = [0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7]
    let high: [UInt8] = [0, 8, 0, 9, 0, 10, 0, 11, 0, 12, 0, 13, 0, 14, 0, 15]
    let first = zip(low, high).map { $0 | $1 << 4 }
    let made = try bytes(stack)
    #expect(made[0] == 120)
    #expect(Array(made[1..<17]) == first)
    #expect(made[17] == 121)
    #expect(made[18] == 0x11)
  }

  @Test func `a missing expert or scale is named`() throws {
    let gap = #expect(throws: OunceError.self) {
      _ = try Self.packed.tensors(checkpoint(try expert(0) + expert(2))) { $0 }
    }
    #expect(gap?.problem == "expert 1 is missing")
    let bare = #expect(throws: OunceError.self) {
      _ = try Self.packed.tensors(checkpoint(Array(try expert(0).prefix(1)))) { $0 }
    }
    #expect(bare?.subject == "tensor layers.3.experts.0.w1.weight")
  }

  @Test func `whole numbers that 32 bits do not hold are refused`() throws {
    func wide(_ numbers: [Int64]) throws -> Tensor {
      let bytes = numbers.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } }
      return try tensor("t", "I64", [1, numbers.count], bytes)
    }
    let narrow = try NarrowedIntegers.tensor(try wide([7, -2]))
    #expect(try bytes(narrow) == [7, 0, 0, 0, 254, 255, 255, 255])
    #expect(throws: OunceError.self) { try bytes(try NarrowedIntegers.tensor(try wide([1 << 31]))) }
    #expect(throws: OunceError.self) { try NarrowedIntegers.tensor(try tensor("t", "F32", [1], [0, 0, 0, 0])) }
  }

  @Test func `ids of the target are distances from the place, each another token`() throws {
    func ids(_ distances: [Int64]) throws -> [UInt8] {
      let data = distances.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } }
      let source = try tensor("d2t", "I64", [distances.count], data)
      let drafter = checkpoint([source], target: #"{"vocab_size": 8}"#)
      return try bytes(try AbsoluteIds().apply(source, drafter, NameMatch()))
    }
    let made = try ids([0, 1, 5])
    #expect([made[0], made[8], made[16]] == [0, 2, 7])
    for wrong: [Int64] in [[-1], [0, 0, 6], [1, 0], [.max, .max]] {
      let error = #expect(throws: OunceError.self) { try ids(wrong) }
      #expect(error?.kind == .malformed)
    }
    let source = try tensor("d2t", "I64", [1], [UInt8](repeating: 0, count: 8))
    let error = #expect(throws: OunceError.self) {
      _ = try AbsoluteIds().apply(source, checkpoint([source]), NameMatch())
    }
    #expect(error?.remedy?.contains("--target-model-dir") == true)
  }
}
