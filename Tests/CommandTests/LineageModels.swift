import Foundation
import OunceKit
import Testing

/// Small models for `ounce check --against`: checkpoints of families with seeded weights, and files with mistakes that
/// were made on purpose.
enum LineageModels {
  /// A checkpoint of fixtures/architectures, which have no weights: with seeded ones.
  ///
  /// - Parameter tweak: what becomes of each tensor's values.
  static func checkpoint(
    _ fixture: String, at path: String, seed: UInt64 = 1, _ tweak: (_ name: String, inout [Float]) -> Void = { _, _ in }
  ) throws {
    let root = Program.fixtures.appending(path: "architectures/\(fixture)")
    let expected = try JSONParser.parse(file: InputFile(path: root.appending(path: "expected.json").path))
    let folder = root.appending(path: expected["folder"]?.string ?? "hf").path
    try FileManager.default.copyItem(atPath: folder, toPath: path)
    let list = try JSONParser.parse(file: InputFile(path: root.appending(path: "tensors.json").path))
    var generator = SeededNumbers(seed)
    var tensors: [Tensor] = []
    for (name, entry) in list.object ?? [:] {
      let shape = (entry["shape"]?.array ?? []).compactMap(\.integer)
      var values = (0..<shape.reduce(1, *)).map { _ in 0.05 * generator.normal() }
      if name.hasSuffix("A_log") { values = values.map { 1 + 10 * abs($0) } }
      tweak(name, &values)
      tensors.append(try tensor(name, shape, values, as: "BF16"))
    }
    try write(tensors, [:], SafetensorsContainer(), to: path + "/model.safetensors")
  }

  /// A tensor of these values.
  static func tensor(_ name: String, _ shape: [Int], _ values: [Float], as encoding: String) throws -> Tensor {
    let target = try #require(Encodings.writable(encoding))
    let info = try TensorInfo(name: name, shape: shape, encoding: target)
    var bytes = [UInt8](repeating: 0, count: info.byteCount)
    bytes.withMutableRawSpan { target.encode(values.span, columns: info.columnCount, importance: nil, into: &$0) }
    return Tensor(info: info, data: Memory(bytes: bytes, rowByteCount: info.rowByteCount))
  }

  static func write(
    _ tensors: [Tensor], _ metadata: Metadata, _ container: any WritableContainer, to path: String
  ) throws {
    let layout = try container.layout(metadata, tensors.map(\.info))
    var data = Data(layout.header)
    data.append(Data(count: layout.byteCount - data.count))
    for (tensor, offset) in zip(tensors, layout.offsets) {
      data.replaceSubrange(offset..<offset + tensor.info.byteCount, with: try tensor.bytes())
    }
    try data.write(to: URL(filePath: path))
  }

  /// Writes a GGUF file again, with a mistake.
  static func plant(_ path: String, to target: String, _ change: (inout Model) throws -> Void) throws {
    var model = try Open.model(at: path)
    try change(&model)
    try write(model.tensors, model.metadata, GGUFContainer(), to: target)
  }
}

/// Numbers that are the same each time.
struct SeededNumbers {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  /// Between 0 and 1.
  mutating func uniform() -> Float { Float(next() >> 40) / Float(1 << 24) }

  /// Of mean 0 and deviation 1.
  mutating func normal() -> Float {
    Float((-2 * log(Double(uniform()) + 1e-12)).squareRoot() * cos(2 * Double.pi * Double(uniform())))
  }
}

extension Tensor {
  func bytes() throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: info.byteCount)
    try bytes.withMutableRawSpan { (span) throws(OunceError) in try data.read(rows: 0..<info.rowCount, into: &span) }
    return bytes
  }

  func values() throws -> [Float] {
    var values = [Float](repeating: 0, count: info.elementCount)
    try bytes().withRawSpan { blocks in
      var span = values.mutableSpan
      info.encoding.decode(blocks, into: &span)
    }
    return values
  }

  /// The same tensor with other values.
  func with(_ values: [Float], shape: [Int]? = nil) throws -> Tensor {
    try LineageModels.tensor(info.name, shape ?? info.shape, values, as: info.encoding.name)
  }

  /// The same with its rows in another order.
  func reordered(_ source: (Int) -> Int) throws -> Tensor {
    let (values, columns) = (try values(), info.columnCount)
    return try with(
      (0..<info.rowCount).flatMap { row in values[source(row) * columns..<(source(row) + 1) * columns] })
  }
}

extension Model {
  /// Changes every tensor whose name ends so.
  mutating func change(_ suffix: String, _ body: (Tensor) throws -> Tensor) throws {
    var count = 0
    for index in tensors.indices where tensors[index].info.name.hasSuffix(suffix) {
      tensors[index] = try body(tensors[index])
      count += 1
    }
    try #require(count > 0, "no tensor ends with \(suffix)")
  }

  /// Changes the values of every tensor whose name ends so.
  mutating func changeValues(_ suffix: String, _ body: (Float) -> Float) throws {
    try change(suffix) { try $0.with(try $0.values().map(body)) }
  }

  func tensor(_ name: String) throws -> Tensor { try #require(tensors.first { $0.info.name == name }) }
}
