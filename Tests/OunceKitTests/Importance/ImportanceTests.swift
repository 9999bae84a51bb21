import Foundation
import OunceKit
import Testing

/// Importance matrices of both formats, against files of llama-imatrix.
struct ImportanceTests {
  private static func fixture(_ name: String) -> String { Repository.root + "/fixtures/importance/" + name }

  private static func load(_ path: String) -> Result<ImportanceMatrix, OunceError> {
    do { return .success(try ImportanceMatrix(path: path)) } catch { return .failure(error) }
  }

  private static func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: path))) }

  /// A folder that is removed when the value goes.
  private final class Scratch {
    let path = NSTemporaryDirectory() + "ounce-importance-" + UUID().uuidString
    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func file(_ name: String) -> String { path + "/" + name }
    func write(_ bytes: [UInt8], to name: String) throws -> String {
      try Data(bytes).write(to: URL(filePath: file(name)))
      return file(name)
    }
  }

  /// What llama-imatrix made of which files; it was told of chunks of 64 tokens.
  private static let merges: [(inputs: [String], output: String)] = [
    (["one.gguf", "two.gguf"], "merged.gguf"), (["one.gguf"], "one.dat"), (["one.dat", "two.gguf"], "mixed.gguf"),
    (["one.gguf"], "one.gguf"),
  ]

  @Test(arguments: merges)
  func `merging and converting make the files that llama-imatrix makes`(_ inputs: [String], _ output: String) throws {
    let scratch = try Scratch()
    let matrices = try inputs.map { try ImportanceMatrix(path: Self.fixture($0)) }
    let merged = try ImportanceMatrix.merged(matrices, chunkSize: 64)
    let format = output.hasSuffix(".dat") ? ImportanceMatrix.Format.dat : .gguf
    try merged.plan(format, output: scratch.file("out")).execute()
    #expect(try Self.bytes(scratch.file("out")) == Self.bytes(Self.fixture(output)))
  }

  @Test func `the size of a chunk comes from the first file that knows it`() throws {
    let matrices = try ["one.dat", "two.gguf"].map { try ImportanceMatrix(path: Self.fixture($0)) }
    #expect(try ImportanceMatrix.merged(matrices).chunkSize == 64)
    #expect(try ImportanceMatrix.merged([matrices[0]]).chunkSize == ImportanceMatrix.usualChunkSize)
  }

  @Test func `statistics are those of the numbers`() throws {
    let statistics = try ImportanceMatrix(path: Self.fixture("one.gguf")).statistics
    #expect(statistics.count == 28)
    let entry = try #require(ImportanceMatrix(path: Self.fixture("one.gguf")).entries["blk.1.ffn_down.weight"])
    let row = try #require(statistics.first { $0.name == "blk.1.ffn_down.weight" })
    let means = entry.sums.map { Double($0) / Double(entry.counts[0]) }
    let sum = means.reduce(0, +)
    let mean = sum / Double(means.count)
    let deviation = (means.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(means.count)).squareRoot()
    let entropy = -means.reduce(0) { $0 + $1 / sum * log2($1 / sum) }
    let outliers = means.filter { $0 > mean + deviation }.count
    #expect(row.elementCount == 768 && row.expertCount == 1 && row.unreachedCount == 0)
    #expect(abs(Double(row.sum) / sum - 1) < 1e-5)
    #expect(abs(Double(row.deviation) / deviation - 1) < 1e-3)
    #expect(abs(Double(row.entropy) - entropy) < 1e-3)
    #expect(abs(Double(row.outlierShare) * 768 - Double(outliers)) < 1.5)
    #expect(row.relativeEntropy < 1 && row.relativeEntropy > 0.5)
    #expect(statistics.first { $0.layer == 0 }?.similarity == nil && row.similarity != nil)
    let layers = statistics.layers
    #expect(layers.map(\.layer) == [0, 1, 2, 3])
  }

  @Test func `experts that no token reached count alike, and are told`() throws {
    var matrix = try ImportanceMatrix(path: Self.fixture("one.gguf"))
    matrix.entries = [
      "blk.0.ffn_up_exps.weight": .init(sums: [2, 4, 0, 0, 9, 3], counts: [2, 0, 3]),
      "blk.0.attn_q.weight": .init(sums: [8, 4], counts: [4]),
    ]
    let weights = try ColumnWeights(matrix)
    #expect(weights.unreached.keys.elementsEqual(["blk.0.ffn_up_exps.weight"]))
    #expect(weights.unreached["blk.0.ffn_up_exps.weight"]?.count == 1)
    let statistics = matrix.statistics
    #expect(statistics.map(\.unreachedCount).contains(1))
    #expect(statistics.first { $0.unreachedCount == 1 }?.elementCount == 4)
    #expect(throws: OunceError.self) { try ColumnWeights(matrix, including: ["no such part"]) }
  }

  @Test(arguments: ["one.gguf", "one.dat"])
  func `a file cut short is an error, or nothing of its matrices was lost`(_ name: String) throws {
    let whole = try Self.bytes(Self.fixture(name))
    let entries = try ImportanceMatrix(path: Self.fixture(name)).entries
    let scratch = try Scratch()
    // Every byte of the header, and a few hundred of the rest.
    for count in Array(0..<600) + stride(from: 600, to: whole.count, by: 97) + [whole.count - 1] {
      let path = try scratch.write(Array(whole[..<count]), to: "cut")
      switch Self.load(path) {
      case .success(let matrix): #expect(matrix.entries == entries, "cut at \(count)")
      case .failure(let error): #expect(error.file == path, "cut at \(count): \(error)")
      }
    }
  }

  @Test(arguments: ["one.gguf", "one.dat"])
  func `damage is an error or numbers, never a trap`(_ name: String) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("damaged \(name): seed \(seed)")
    var state = seed
    func next(_ count: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % count
    }
    let whole = try Self.bytes(Self.fixture(name))
    let scratch = try Scratch()
    for _ in 0..<400 {
      var bytes = whole
      for _ in 0..<1 + next(3) {
        let place = min(next(bytes.count), next(bytes.count))
        switch next(3) {
        case 0: bytes[place] ^= 1 << UInt8(next(8))
        case 1: for k in place..<min(place + 4, bytes.count) { bytes[k] = next(2) == 0 ? 255 : 0 }
        default: bytes[place] = UInt8(next(256))
        }
      }
      let path = try scratch.write(bytes, to: "damaged")
      switch Self.load(path) {
      case .success(let matrix):
        #expect(matrix.entries.values.allSatisfy { $0.sums.allSatisfy(\.isFinite) }, "seed \(seed)")
        _ = try ImportanceMatrix.merged([matrix, matrix]).statistics
        _ = try ColumnWeights(matrix)
      case .failure(let error): #expect(error.file == path, "seed \(seed): \(error)")
      }
    }
  }

  @Test func `a file of another kind is named as such`() throws {
    let scratch = try Scratch()
    for (bytes, text) in [
      (Array("hello, this is no matrix".utf8), "is no importance matrix"), ([], "is no importance matrix"),
      ([0, 0, 0, 0], "is no importance matrix"),
    ] {
      let path = try scratch.write(bytes, to: "other")
      let error = try #require(throws: OunceError.self) { try ImportanceMatrix(path: path) }
      #expect(error.message.contains(text), "\(error)")
      #expect(error.remedy != nil)
    }
  }

  @Test func `matrices of different models do not merge`() throws {
    var (a, b) = (
      try ImportanceMatrix(path: Self.fixture("one.gguf")), try ImportanceMatrix(path: Self.fixture("two.gguf"))
    )
    a.entries = ["x.weight": .init(sums: [1, 2], counts: [1])]
    b.entries = ["x.weight": .init(sums: [1, 2, 3], counts: [1])]
    let error = try #require(throws: OunceError.self) { try ImportanceMatrix.merged([a, b]) }
    #expect(error.message.contains("tensor x.weight: has 3 sums, but 2 in the files before"), "\(error)")
  }
}
