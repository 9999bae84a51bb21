@testable import OunceKit
import Testing

/// Transforms with an inverse give the bytes back.
struct TransformTests {
  private static let configuration: JSON = .object([
    "architectures": .array([.string("LlamaForCausalLM")]), "num_attention_heads": .integer(4),
    "num_key_value_heads": .integer(2), "num_hidden_layers": .integer(1), "hidden_size": .integer(32),
    "linear_num_key_heads": .integer(2), "linear_num_value_heads": .integer(8), "linear_key_head_dim": .integer(2),
    "linear_value_head_dim": .integer(3),
  ])

  private static func checkpoint() -> Checkpoint {
    Checkpoint(
      model: Model(path: "hf", container: "safetensors"), options: .init(),
      configuration: Configuration(configuration), architectureName: "qwen35", className: "LlamaForCausalLM")
  }

  private static func tensor(_ shape: [Int]) throws -> Tensor {
    let encoding = try #require(Encodings.named("F32"))
    let count = shape.reduce(1, *)
    let floats = (0..<count).map { Float($0) * 0.5 + 1 }
    let bytes = floats.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) } }
    let columns = shape.last ?? 1
    return try Tensor(
      name: "t", shape: shape, encoding: encoding, data: Memory(bytes: bytes, rowByteCount: columns * 4))
  }

  private func expectsInverse(_ transform: any TensorTransform, _ shape: [Int]) throws {
    let checkpoint = Self.checkpoint()
    let source = try Self.tensor(shape)
    let there = try transform.apply(source, checkpoint, NameMatch())
    let back = try #require(transform.inverse).apply(there, checkpoint, NameMatch())
    #expect(back.info.shape == shape)
    #expect(try back.bytes(as: source.info.encoding) == source.bytes(as: source.info.encoding), "\(transform)")
  }

  @Test func `what has an inverse gives the bytes back`() throws {
    try expectsInverse(Interleaved(.query), [32, 5])
    try expectsInverse(Interleaved(.keyValue), [16, 5])
    try expectsInverse(Interleaved(.query), [32])
    try expectsInverse(Exchanged(), [7, 5])
    try expectsInverse(Exchanged(), [3, 7, 5])
    try expectsInverse(Squeezed(1), [6, 1, 4])
    try expectsInverse(Added(1), [9])
    try expectsInverse(ValueHeads(.rows), [24, 2])
    try expectsInverse(ValueHeads(.columns), [2, 24])
    try expectsInverse(ValueHeads(.behindQueriesAndKeys), [32, 2])
  }

  @Test func `rows are interleaved half by half`() throws {
    let tensor = try Interleaved(.query).apply(try Self.tensor([32]), Self.checkpoint(), NameMatch())
    let bytes = try tensor.bytes(as: tensor.info.encoding)
    let third = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[4 + $1]) << UInt32($1 * 8) }
    // Element 1 is the first of the second half of head 0: index 4 of 8.
    #expect(Float(bitPattern: third) == 4 * 0.5 + 1)
  }

  @Test func `heads that do not divide the rows are an error`() throws {
    let error = #expect(throws: OunceError.self) {
      try Interleaved(.query).apply(try Self.tensor([30, 2]), Self.checkpoint(), NameMatch())
    }
    #expect(error?.kind == .malformed)
  }
}
