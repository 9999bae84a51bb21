import Foundation
import OunceKit
import Testing

/// `ounce inspect --stats`.
struct StatisticsTests {
  private func run(_ folder: Program.Folder, _ arguments: String...) throws -> Program.Result {
    try Program(folder: folder.path).run(["inspect", "--stats"] + arguments)
  }

  /// The statistics of each tensor, by its name.
  private func statistics(_ folder: Program.Folder, _ arguments: String...) throws -> [String: JSON] {
    let result = try Program(folder: folder.path).run(["inspect", "--stats", "--format", "json"] + arguments)
    #expect(result.exit == 0, "\(result.errors)")
    let tensors = try JSONParser.parse(Array(result.output.utf8))["tensors"]?.array ?? []
    return Dictionary(
      tensors.compactMap { tensor in tensor["name"]?.string.map { ($0, tensor["statistics"] ?? .null) } },
      uniquingKeysWith: { first, _ in first })
  }

  private func write(_ parts: [(name: String, dtype: String, shape: [Int], bytes: [UInt8])], to path: String) throws {
    var header: JSONObject = [:]
    var data: [UInt8] = []
    for part in parts {
      header[part.name] = .object([
        "dtype": .string(part.dtype), "shape": .array(part.shape.map(JSON.integer)),
        "data_offsets": .array([.integer(data.count), .integer(data.count + part.bytes.count)]),
      ])
      data += part.bytes
    }
    let text = Array(JSONWriter.write(.object(header)).utf8)
    try Data((0..<8).map { UInt8(text.count >> ($0 * 8) & 255) } + text + data).write(to: URL(filePath: path))
  }

  private func bytes<Word: FixedWidthInteger>(_ words: [Word]) -> [UInt8] {
    words.flatMap { word in (0..<Word.bitWidth / 8).map { UInt8(truncatingIfNeeded: word >> Word($0 * 8)) } }
  }

  private func bytes(_ floats: [Float]) -> [UInt8] { bytes(floats.map(\.bitPattern)) }

  private func expect(_ found: JSON?, _ expected: Double, _ name: String) {
    let value = found?.double ?? .nan
    #expect(abs(value - expected) <= 1e-9 * max(1e-6, abs(expected)), "\(name): \(value), expected \(expected)")
  }

  /// Holds statistics against sums of their own over the same values.
  private func expect(_ found: JSON?, of values: [Double], _ name: String) throws {
    let (low, high) = (try #require(values.min()), try #require(values.max()))
    let mean = values.reduce(0, +) / Double(values.count)
    let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
    expect(found?["min"], low, "min of \(name)")
    expect(found?["max"], high, "max of \(name)")
    expect(found?["mean"], mean, "mean of \(name)")
    expect(found?["deviation"], deviation, "deviation of \(name)")
    #expect(found?["zeroCount"]?.integer == values.count { $0 == 0 }, "\(name)")
    var bins = [Int](repeating: 0, count: 64)
    for value in values { bins[min(63, Int((value - low) / (high - low) * 64))] += 1 }
    #expect(found?["histogram"]?.array?.map { $0.integer } == bins, "\(name)")
  }

  @Test func `figures are those of the elements, of blocks too, for any number of threads`() throws {
    let folder = try Program.Folder()
    #expect(try Program().run("quantize", Program.checkpoint, "--to", "Q4_K_M", "-o", folder.file("q.gguf")).exit == 0)
    let found = try statistics(folder, "q.gguf")
    let model = try Open.model(at: folder.file("q.gguf"))
    #expect(found.count == model.tensors.count && Set(model.tensors.map(\.info.encoding.name)).count >= 3)
    for tensor in model.tensors {
      var bytes = [UInt8](repeating: 0, count: tensor.info.byteCount)
      try bytes.withMutableRawSpan { try tensor.data.read(rows: 0..<tensor.info.rowCount, into: &$0) }
      var floats = [Float](repeating: 0, count: tensor.info.elementCount)
      bytes.withRawSpan { blocks in
        var span = floats.mutableSpan
        tensor.info.encoding.decode(blocks, into: &span)
      }
      try expect(found[tensor.info.name], of: floats.map(Double.init), tensor.info.name)
    }
    let outputs = try ["1", "2", "5"].map { try run(folder, "q.gguf", "--format", "tsv", "--jobs", $0).output }
    #expect(Set(outputs).count == 1 && outputs[0].split(separator: "\n").count == 40)
    let filtered = try statistics(folder, "q.gguf", "--filter", "blk.1.attn_*")
    #expect(filtered.count == 5 && filtered.allSatisfy { found[$0.key] == $0.value }, "\(filtered.keys)")
  }

  @Test func `several chunks, whole numbers, NaN and nothing at all are counted`() throws {
    let folder = try Program.Folder()
    let seed = UInt64.random(in: 1..<1 << 32)
    var state = seed
    let large = (0..<3 * 262_145).map { _ -> Float in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int32(truncatingIfNeeded: state >> 32)) / 2_147_483_648
    }
    var spoiled = large
    spoiled[5] = .nan
    spoiled[300_000] = -.infinity
    spoiled[700_001] = 0
    let words: [Int64] = [-9_007_199_254_740_992, 0, 5, 9_007_199_254_740_991]
    try write(
      [
        ("large", "F32", [3, 262_145], bytes(large)), ("spoiled", "F32", [3, 262_145], bytes(spoiled)),
        ("words", "I64", [4], bytes(words)), ("flags", "BOOL", [3], [0, 1, 1]),
        ("constant", "F32", [2, 2], bytes([0.5, 0.5, 0.5, 0.5])), ("nothing", "F32", [0, 4], []),
        ("nan", "F32", [1], bytes([.nan])), ("pairs", "C64", [2], bytes([1, -2, 0, 4] as [Float])),
      ], to: folder.file("m.safetensors"))
    let found = try statistics(folder, "m.safetensors")
    try expect(found["large"], of: large.map(Double.init), "large, seed \(seed)")
    try expect(found["spoiled"], of: spoiled.filter(\.isFinite).map(Double.init), "spoiled, seed \(seed)")
    #expect(found["spoiled"]?["nanCount"]?.integer == 1 && found["spoiled"]?["infiniteCount"]?.integer == 1)
    try expect(found["words"], of: words.map(Double.init), "words")
    try expect(found["flags"], of: [0, 1, 1], "flags")
    try expect(found["pairs"], of: [1, -2, 0, 4], "pairs")
    #expect(found["constant"]?["deviation"]?.double == 0)
    #expect(found["constant"]?["histogram"]?.array?.firstIndex(of: .integer(4)) == 32)
    for name in ["nothing", "nan"] {
      #expect(found[name]?["histogram"]?.array == [], "\(name)")
      // `subscript` takes null for nothing there.
      #expect(found[name]?.object?["mean"] == .null, "\(name)")
    }
  }

  @Test func `histograms are drawn as the locale can show them`() throws {
    let folder = try Program.Folder()
    // One element at each end, many in the middle.
    let values: [Float] = [-8, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 8]
    try write([("w", "F32", [14], bytes(values))], to: folder.file("m.safetensors"))
    func histogram(_ locale: String) throws -> String? {
      let program = Program(environment: ["LC_ALL": locale, "LC_CTYPE": "", "LANG": ""], folder: folder.path)
      let result = try program.run("inspect", "m.safetensors", "--stats")
      return result.output.split(separator: "\n").last { $0.hasPrefix("w ") }.map(String.init)
    }
    let line = try #require(try histogram("C.UTF-8"))
    #expect(line.hasSuffix("  -8.00  8.00     0       3.07  57.1%    0    0  ▁      ▂█▂     ▁"), "\(line)")
    let plain = try #require(try histogram("C"))
    #expect(plain.hasSuffix(".      :@:     ."), "\(plain)")
    #expect(plain.utf8.allSatisfy { $0 < 128 })
    let markdown = try run(folder, "m.safetensors", "--format", "markdown").output
    #expect(markdown.hasPrefix("| name | encoding | min | max | mean | deviation | zeros | NaN | Inf | histogram |\n"))
  }

  @Test func `a file that cannot be read whole is an error`() throws {
    let folder = try Program.Folder()
    #expect(try run(folder, "nowhere.gguf").exit == 66)
    try write([("w", "F32", [4], bytes([1, 2, 3, 4]))], to: folder.file("m.safetensors"))
    let data = try Data(contentsOf: URL(filePath: folder.file("m.safetensors")))
    try data.dropLast(1).write(to: URL(filePath: folder.file("cut.safetensors")))
    let result = try run(folder, "cut.safetensors")
    #expect(result.exit == 65 && result.output.isEmpty && result.errors.contains("cut.safetensors"), "\(result.errors)")
  }
}
