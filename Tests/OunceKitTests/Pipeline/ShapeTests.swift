import Foundation
import OunceKit
import Testing

/// Stacks, long rows and odd counts of rows through the whole pipeline, against a call of the encoder for each matrix.
struct ShapeTests {
  /// A tensor of a model that exists in memory only.
  struct Shape: Sendable, CustomTestStringConvertible {
    let sizes: [Int]
    /// How many matrices have importance weights of their own; 0: there are none.
    var weighted = 0
    var recipe = "Q4_K_M"
    var testDescription: String { "\(sizes) as \(recipe)" + (weighted > 0 ? ", weights for \(weighted)" : "") }
  }

  private static let shapes: [Shape] =
    [
      Shape(sizes: [3, 32]), Shape(sizes: [2, 256]), Shape(sizes: [17, 768]), Shape(sizes: [33, 4096]),
      Shape(sizes: [2, 262_144]), Shape(sizes: [2, 262_144], weighted: 1), Shape(sizes: [17, 4096], weighted: 1),
      Shape(sizes: [5, 37, 256]), Shape(sizes: [5, 37, 512], weighted: 5), Shape(sizes: [4, 613, 1024], weighted: 4),
      Shape(sizes: [2, 3, 7, 256]), Shape(sizes: [2, 3, 7, 256], weighted: 6),
      Shape(sizes: [2, 3, 7, 256], weighted: 3),
      Shape(sizes: [3, 2, 5, 32]), Shape(sizes: [1, 1, 9, 256], weighted: 1),
    ]
    + ["Q2_K", "IQ3_S", "IQ2_XS", "IQ1_S", "IQ4_XS", "Q8_0", "MXFP4", "NVFP4", "TQ1_0", "Q1_0"].map {
      Shape(sizes: [3, 19, 512], weighted: 3, recipe: $0)
    }

  private static let name = "blk.0.ffn_gate_exps.weight"

  private static func model(_ shape: Shape) throws -> (Model, floats: [Float]) {
    var state: UInt64 = 0x9E37_79B9 &+ UInt64(shape.sizes.reduce(1, *))
    func uniform() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(state >> 40) / Float(1 << 24) - 0.5
    }
    let floats = (0..<shape.sizes.reduce(1, *)).map { _ in uniform() + uniform() + uniform() }
    let tensor = try Tensor(
      name: name, shape: shape.sizes, encoding: try Encodings.require("F32"),
      data: Memory(bytes: Memory.bytes(of: floats), rowByteCount: 4 * (shape.sizes.last ?? 1)))
    // No architecture that anybody knows: none is needed.
    let metadata: Metadata = ["general.architecture": .string("unheard-of")]
    return (Model(path: "memory.gguf", container: "GGUF", metadata: metadata, tensors: [tensor]), floats)
  }

  private static func weights(_ shape: Shape) throws -> [Float] {
    (0..<shape.weighted * (shape.sizes.last ?? 1)).map { Float(1 + $0 * 7 % 13) }
  }

  private static func request(_ shape: Shape, output: String) throws -> QuantizeRequest {
    var request = QuantizeRequest(recipes: [try #require(Recipes.named(shape.recipe))], output: output)
    request.overrides.isPure = true
    guard shape.weighted > 0 else { return request }
    var matrix = try ImportanceMatrix(path: Repository.root + "/fixtures/importance/one.gguf")
    matrix.entries = [name: .init(sums: try weights(shape), counts: Array(repeating: 1, count: shape.weighted))]
    request.importance = try ColumnWeights(matrix)
    return request
  }

  @Test(arguments: shapes)
  func `every matrix of a stack is encoded with its own weights`(_ shape: Shape) throws {
    let path = NSTemporaryDirectory() + "ounce-shape-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: path) }
    let (model, floats) = try Self.model(shape)
    var options = ExecutionOptions()
    options.jobs = 2
    try model.plan(Self.request(shape, output: path)).execute(options)
    let made = try #require(Open.model(at: path).tensors.first)
    let encoding = try #require(made.info.encoding as? any WritableEncoding)
    #expect(encoding.name != "F32")
    var bytes = [UInt8](repeating: 0, count: made.info.byteCount)
    try bytes.withMutableRawSpan { span in try made.data.read(rows: 0..<made.info.rowCount, into: &span) }

    let columns = made.info.columnCount
    let matrixSize = columns * (shape.sizes.dropLast().last ?? 1)
    let weights = try Self.weights(shape)
    var expected: [UInt8] = []
    for matrix in 0..<floats.count / matrixSize {
      let elements = Array(floats[matrix * matrixSize..<(matrix + 1) * matrixSize])
      var encoded = [UInt8](repeating: 0, count: matrixSize / encoding.elementsPerBlock * encoding.bytesPerBlock)
      let own = shape.weighted > 0 ? matrix % shape.weighted * columns : 0
      encoded.withMutableRawSpan { span in
        if shape.weighted > 0 {
          encoding.encode(
            elements.span, columns: columns, importance: weights.span.extracting(own..<own + columns), into: &span)
        } else {
          encoding.encode(elements.span, columns: columns, importance: nil, into: &span)
        }
      }
      expected += encoded
    }
    #expect(bytes == expected)
  }

  @Test func `memory that is short only makes chunks smaller`() throws {
    let shape = Shape(sizes: [4, 613, 1024], weighted: 4)
    var hashes: Set<[UInt8]> = []
    for memory in [64 << 10, 1 << 20, 192 << 20] {
      let path = NSTemporaryDirectory() + "ounce-memory-" + UUID().uuidString
      defer { try? FileManager.default.removeItem(atPath: path) }
      var options = ExecutionOptions()
      options.maxMemory = memory
      try Self.model(shape).0.plan(Self.request(shape, output: path)).execute(options)
      hashes.insert([UInt8](try Data(contentsOf: URL(filePath: path))))
    }
    #expect(hashes.count == 1)
    var options = ExecutionOptions()
    options.maxMemory = 1000
    let path = NSTemporaryDirectory() + "ounce-none"
    let error = try #require(throws: OunceError.self) {
      try Self.model(shape).0.plan(Self.request(shape, output: path)).execute(options)
    }
    #expect(error.message.contains("more than the 1000 allowed"), "\(error)")
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func `several recipes read each byte once`() throws {
    let (model, floats) = try Self.model(Shape(sizes: [64, 256]))
    let folder = NSTemporaryDirectory() + "ounce-several-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let recipes = try ["Q4_K_M", "Q5_K_M", "Q8_0"].map { try #require(Recipes.named($0)) }
    let plan = try model.plan(QuantizeRequest(recipes: recipes, output: folder))
    #expect(plan.files.count == 3 && plan.steps.count == 1 && plan.sourceByteCount == 4 * floats.count)
  }

  @Test func `a recipe writes the reference's mistake only where it is asked to`() throws {
    // A sub-block of zeros misleads the reference's IQ3_S.
    var floats = (0..<512).map { Float($0 % 17) - 8 }
    for index in 32..<64 { floats[index] = 0 }
    let tensor = try Tensor(
      name: Self.name, shape: [2, 256], encoding: try Encodings.require("F32"),
      data: Memory(bytes: Memory.bytes(of: floats), rowByteCount: 1024))
    let model = Model(path: "memory.gguf", container: "GGUF", tensors: [tensor])
    var errors: [Float] = []
    for matchesReference in [false, true] {
      let path = NSTemporaryDirectory() + "ounce-reference-" + UUID().uuidString
      defer { try? FileManager.default.removeItem(atPath: path) }
      var request = QuantizeRequest(recipes: [try #require(Recipes.named("IQ3_S"))], output: path)
      request.overrides.isPure = true
      request.matchesReference = matchesReference
      try model.plan(request).execute()
      let made = try #require(Open.model(at: path).tensors.first)
      var bytes = [UInt8](repeating: 0, count: made.info.byteCount)
      try bytes.withMutableRawSpan { span in try made.data.read(rows: 0..<made.info.rowCount, into: &span) }
      var decoded = [Float](repeating: 0, count: 512)
      bytes.withRawSpan { blocks in
        var elements = decoded.mutableSpan
        made.info.encoding.decode(blocks, into: &elements)
      }
      errors.append(zip(floats, decoded).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) })
    }
    #expect(errors[0] * 10 < errors[1], "\(errors)")
  }
}
