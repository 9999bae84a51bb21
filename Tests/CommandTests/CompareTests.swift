import Foundation
import OunceKit
import Testing

/// `ounce compare`, as pipelines run it.
struct CompareTests {
  private func run(_ folder: Program.Folder, _ arguments: String...) throws -> Program.Result {
    try Program(folder: folder.path).run(["compare"] + arguments)
  }

  private func json(_ folder: Program.Folder, _ arguments: String...) throws -> JSON {
    let result = try Program(folder: folder.path).run(["compare", "--format", "json"] + arguments)
    return try JSONParser.parse(Array(result.output.utf8))
  }

  /// A folder with the small model quantized.
  private func quantized() throws -> Program.Folder {
    let folder = try Program.Folder()
    let made = try Program().run("quantize", Program.checkpoint, "--to", "Q4_K_M", "-o", folder.file("q4.gguf"))
    #expect(made.exit == 0, "\(made.errors)")
    return folder
  }

  /// Elements of a tensor as floats.
  private func floats(_ model: Model, _ name: String) throws -> [Float] {
    let tensor = try #require(model.tensors.first { $0.info.name == name })
    var bytes = [UInt8](repeating: 0, count: tensor.info.byteCount)
    try bytes.withMutableRawSpan { try tensor.data.read(rows: 0..<tensor.info.rowCount, into: &$0) }
    var floats = [Float](repeating: 0, count: tensor.info.elementCount)
    bytes.withRawSpan { blocks in
      var span = floats.mutableSpan
      tensor.info.encoding.decode(blocks, into: &span)
    }
    return floats
  }

  /// A tensor of a safetensors file.
  private struct Part {
    let name: String
    let dtype: String
    let shape: [Int]
    let bytes: [UInt8]

    init(_ name: String, _ dtype: String, _ shape: [Int], _ bytes: [UInt8]) {
      (self.name, self.dtype, self.shape, self.bytes) = (name, dtype, shape, bytes)
    }

    init(_ name: String, _ shape: [Int], _ floats: [Float]) {
      self.init(
        name, "F32", shape, floats.flatMap { float in (0..<4).map { UInt8(float.bitPattern >> ($0 * 8) & 255) } })
    }
  }

  private func write(_ parts: [Part], _ metadata: JSONObject = [:], to path: String) throws {
    var header: JSONObject = metadata.isEmpty ? [:] : ["__metadata__": .object(metadata)]
    var data: [UInt8] = []
    for part in parts {
      header[part.name] = .object([
        "dtype": .string(part.dtype), "shape": .array(part.shape.map(JSON.integer)),
        "data_offsets": .array([.integer(data.count), .integer(data.count + part.bytes.count)]),
      ])
      data += part.bytes
    }
    let text = Array(JSONWriter.write(.object(header)).utf8)
    let length = (0..<8).map { UInt8(text.count >> ($0 * 8) & 255) }
    try Data(length + text + data).write(to: URL(filePath: path))
  }

  private struct Figures {
    var (max, mean, squares, a, b, product) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

    init(_ x: some Sequence<Float>, _ y: some Sequence<Float>) {
      var count = 0.0
      for (x, y) in zip(x, y) {
        let (p, q) = (Double(x), Double(y))
        max = Swift.max(max, abs(p - q))
        mean += abs(p - q)
        squares += (p - q) * (p - q)
        (a, b, product) = (a + p * p, b + q * q, product + p * q)
        count += 1
      }
      mean /= count
      rmse = (squares / count).squareRoot()
    }
    let rmse: Double
  }

  private func expect(_ found: JSON?, _ expected: Double, _ name: String) {
    let value = found?.double ?? .nan
    #expect(abs(value - expected) <= 1e-9 * abs(expected), "\(name): \(value), expected \(expected)")
  }

  @Test func `figures of a quantized model are those of its elements`() throws {
    let folder = try quantized()
    let document = try json(folder, Program.checkpoint, "q4.gguf", "--sort", "name")
    #expect(document["a"]?["translated"]?.bool == true && document["b"]?["translated"]?.bool == false)
    #expect(document["tensors"]?.array?.count == 39)
    #expect(document["onlyInA"]?.array?.isEmpty == true && document["onlyInB"]?.array?.isEmpty == true)
    #expect(document["metadata"]?.array?.isEmpty == true, "\(JSONWriter.write(document["metadata"] ?? .null))")
    let tensor = try #require(
      document["tensors"]?.array?.first { $0["name"]?.string == "blk.0.attn_q.weight" })
    // The checkpoint has the halves of each head one after the other, GGUF in turns: 4 heads of 64 rows.
    let source = try floats(try Open.model(at: Program.checkpoint), "model.layers.0.self_attn.q_proj.weight")
    let config = try #require(try Open.model(at: Program.checkpoint).json("config.json"))
    let heads = try #require(config["num_attention_heads"]?.integer)
    let (columns, size) = (256, source.count / 256 / heads)
    let a = (0..<heads * size).flatMap { row -> ArraySlice<Float> in
      let (head, place) = (row / size, row % size)
      let from = head * size + place % 2 * (size / 2) + place / 2
      return source[from * columns..<(from + 1) * columns]
    }
    let b = try floats(try Open.model(at: folder.file("q4.gguf")), "blk.0.attn_q.weight")
    let expected = Figures(a, b)
    #expect(expected.squares > 0)
    let figures = tensor["figures"]
    expect(figures?["max"], expected.max, "max")
    expect(figures?["mean"], expected.mean, "mean")
    expect(figures?["rmse"], expected.rmse, "rmse")
    expect(figures?["nmse"], expected.squares / expected.a, "nmse")
    expect(figures?["relative"], (expected.squares / expected.a).squareRoot(), "relative")
    expect(figures?["cosine"], expected.product / (expected.a * expected.b).squareRoot(), "cosine")
    expect(figures?["sqnr"], 10 * log10(expected.a / expected.squares), "sqnr")
    let rows = (0..<a.count / columns).map { row in
      let range = row * columns..<(row + 1) * columns
      return (row, Figures(a[range], b[range]).rmse)
    }.sorted { $0.1 > $1.1 }.prefix(3)
    #expect(tensor["worstRows"]?.array?.map { $0["row"]?.integer } == rows.map(\.0))
    expect(tensor["worstRows"]?.array?.first?["rmse"], rows.first?.1 ?? 0, "rmse of the worst row")
  }

  @Test func `rows in several chunks and rows longer than a chunk are found, the same for any number of threads`()
    throws
  {
    let folder = try Program.Folder()
    var generator = SystemRandomNumberGenerator()
    let seed = UInt64.random(in: 1..<1 << 32, using: &generator)
    var state = seed
    func next() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int32(truncatingIfNeeded: state >> 32)) / 2_147_483_648
    }
    let (tall, long) = ((0..<900 * 701).map { _ in next() }, (0..<3 * 300_001).map { _ in next() })
    var (other, far) = (tall.map { $0 + 0.001 * next() }, long)
    // In the third chunk; in a row that begins in one chunk and ends in another.
    other[750 * 701 + 5] += 3
    for index in 300_001..<600_002 { far[index] += 0.01 * next() }
    try write([Part("tall", [900, 701], tall), Part("long", [3, 300_001], long)], to: folder.file("a.safetensors"))
    try write([Part("tall", [900, 701], other), Part("long", [3, 300_001], far)], to: folder.file("b.safetensors"))
    let arguments = ["compare", "a.safetensors", "b.safetensors", "--format", "json", "--sort", "name"]
    let one = try Program(folder: folder.path).run(arguments + ["--jobs", "1"])
    for jobs in ["2", "3", "7"] {
      #expect(try Program(folder: folder.path).run(arguments + ["--jobs", jobs]).output == one.output, "seed \(seed)")
    }
    let tensors = try #require(try JSONParser.parse(Array(one.output.utf8))["tensors"]?.array)
    #expect(tensors.map { $0["name"]?.string } == ["long", "tall"])
    #expect(tensors[0]["worstRows"]?.array?.map { $0["row"]?.integer } == [1], "seed \(seed)")
    #expect(tensors[1]["worstRows"]?.array?.first?["row"]?.integer == 750, "seed \(seed)")
    expect(tensors[0]["figures"]?["rmse"], Figures(long, far).rmse, "long, seed \(seed)")
    expect(tensors[1]["figures"]?["rmse"], Figures(tall, other).rmse, "tall, seed \(seed)")
    let row = 300_001..<600_002
    expect(tensors[0]["worstRows"]?.array?.first?["rmse"], Figures(long[row], far[row]).rmse, "row, seed \(seed)")
  }

  @Test func `a model equals itself and what was converted from it`() throws {
    let folder = try Program.Folder()
    for name in ["f.gguf", "f.safetensors"] {
      #expect(try Program().run("convert", Program.checkpoint, "-o", folder.file(name)).exit == 0)
    }
    for pair in [
      [Program.checkpoint, Program.checkpoint], [Program.checkpoint, "f.gguf"], ["f.gguf", Program.checkpoint],
      [Program.checkpoint, "f.safetensors"],
    ] {
      let result = try run(folder, pair[0], pair[1], "--fail-above", "max=0", "--fail-below", "cosine=1")
      #expect(result.exit == 0, "\(result.output)")
      #expect(result.output.contains("39 tensors compared, 39 with equal values\n"), "\(result.output)")
    }
  }

  @Test func `every file that can be read equals itself`() throws {
    var tensorCount = 0
    for folder in try FileManager.default.contentsOfDirectory(atPath: Program.fixtures.path).sorted() {
      let valid = Program.fixtures.appending(path: folder + "/valid").path
      for file in ((try? FileManager.default.contentsOfDirectory(atPath: valid)) ?? []).sorted()
      where !file.hasSuffix(".listing") {
        let model = try Open.model(at: valid + "/" + file)
        let comparison = try Compare.run(model, model)
        #expect(comparison.onlyInA.isEmpty && comparison.onlyInB.isEmpty && comparison.metadata.isEmpty, "\(file)")
        for tensor in comparison.tensors {
          #expect(tensor.isIdentical && tensor.worstRows.isEmpty, "\(file): \(tensor.name)")
        }
        tensorCount += comparison.tensors.count
      }
    }
    #expect(tensorCount > 1000)
  }

  @Test func `limits decide the exit code`() throws {
    let folder = try quantized()
    #expect(try run(folder, Program.checkpoint, "q4.gguf").exit == 0)
    #expect(try run(folder, Program.checkpoint, "q4.gguf", "--fail-above", "relative=0.5").exit == 0)
    let result = try run(
      folder, Program.checkpoint, "q4.gguf", "--fail-above", "relative=0.5", "--fail-below", "sqnr=22.75")
    #expect(result.exit == 1)
    #expect(result.output.contains("fails: blk.1.attn_v.weight: sqnr is 22.7\n"), "\(result.output)")
    for (arguments, hint) in [
      (["--fail-above", "sqnr=3"], "use --fail-below sqnr=3"), (["--fail-below", "rmse=3"], "use --fail-above rmse=3"),
      (["--fail-above", "rsme=3"], "did you mean rmse?"), (["--fail-above", "rmse"], "expected METRIC=VALUE"),
      (["--fail-above", "rmse=nan"], "expected METRIC=VALUE"), (["--metrics", "cosin"], "did you mean cosine?"),
      (["--filter", "nothing*"], "no tensor of either model matches"),
    ] {
      let wrong = try Program(folder: folder.path).run(["compare", Program.checkpoint, "q4.gguf"] + arguments)
      #expect(wrong.exit == 64 && wrong.errors.contains(hint), "\(wrong.errors)")
    }
  }

  @Test func `what cannot be compared is said, and fails where there is a limit`() throws {
    let folder = try Program.Folder()
    let shared = Part("same", [2, 2], [1, 2, 3, 4])
    try write(
      [shared, Part("lost", [1], [0]), Part("grown", [2, 3], [0, 0, 0, 0, 0, 0]), Part("flat", [1, 3], [1, 2, 3])],
      ["format": .string("pt"), "step": .string("1")], to: folder.file("a.safetensors"))
    try write(
      [shared, Part("new", [1], [0]), Part("grown", [3, 2], [0, 0, 0, 0, 0, 0]), Part("flat", [3, 1], [1, 2, 3])],
      ["format": .string("pt"), "step": .string("2"), "extra": .string("x")], to: folder.file("b.safetensors"))
    let document = try json(folder, "a.safetensors", "b.safetensors", "--sort", "name")
    #expect(document["onlyInA"]?.array?.map { $0["name"]?.string } == ["lost"])
    #expect(document["onlyInB"]?.array?.map { $0["name"]?.string } == ["new"])
    let tensors = try #require(document["tensors"]?.array)
    #expect(tensors.map { $0["identical"]?.bool } == [true, false, true], "flat, grown, same")
    #expect(tensors[1]["reason"]?.string == "the shapes differ" && tensors[1]["figures"] == nil)
    #expect(document["metadata"]?.array?.map { $0["key"]?.string } == ["step", "extra"])
    #expect(document["metadata"]?.array?.first?["b"]?.string == "string 2")
    #expect(document["failures"]?.array?.isEmpty == true)
    #expect(try run(folder, "a.safetensors", "b.safetensors").exit == 0)
    let failing = try run(folder, "a.safetensors", "b.safetensors", "--fail-above", "max=1")
    #expect(failing.exit == 1)
    for line in ["grown: the shapes differ", "lost: is only in A", "new: is only in B"] {
      #expect(failing.output.contains("fails: \(line)\n"), "\(failing.output)")
    }
    try write([], to: folder.file("none.safetensors"))
    #expect(try run(folder, "none.safetensors", "none.safetensors").exit == 0)
    let empty = try run(folder, "none.safetensors", "none.safetensors", "--fail-above", "max=1")
    #expect(empty.exit == 1 && empty.output.contains("fails: *: no tensor was compared\n"), "\(empty.output)")
    try write([Part("other", [1], [0])], to: folder.file("c.safetensors"))
    let nothing = try run(folder, "a.safetensors", "c.safetensors")
    #expect(nothing.exit == 64 && nothing.errors.contains("no tensor has the same name"), "\(nothing.errors)")
  }

  @Test func `integers are compared exactly, NaN and infinity by what they are`() throws {
    let folder = try Program.Folder()
    // 2^53 and 2^53 + 1 are one number in double precision, -1 and 255 one byte.
    let big: [UInt8] = [0, 0, 0, 0, 0, 0, 32, 0]
    try write(
      [
        Part("int", "I64", [2], big + [255, 255, 255, 255, 255, 255, 255, 255]), Part("byte", "I8", [2], [255, 7]),
        Part("nan", [2, 4], [.nan, .infinity, 1, 2, 3, 4, 5, 6]), Part("inf", [1, 4], [.infinity, 1, 2, 3]),
        Part("zero", [2], [0, -0.0]), Part("complex", "C64", [1], [0, 0, 128, 63, 0, 0, 128, 63]),
      ], to: folder.file("a.safetensors"))
    try write(
      [
        Part("int", "I64", [2], [1] + big.dropFirst() + [255, 255, 255, 255, 255, 255, 255, 255]),
        Part("byte", "U8", [2], [255, 7]), Part("nan", [2, 4], [.nan, .infinity, 1, 2, 3, 4, 5, 7]),
        Part("inf", [1, 4], [1, 1, 2, 3]), Part("zero", [2], [-0.0, 0]),
        Part("complex", "C64", [1], [0, 0, 128, 63, 0, 0, 0, 64]),
      ], to: folder.file("b.safetensors"))
    let document = try json(folder, "a.safetensors", "b.safetensors", "--sort", "name", "--fail-above", "max=2000")
    var figures: [String: JSON] = [:]
    for tensor in document["tensors"]?.array ?? [] { figures[tensor["name"]?.string ?? ""] = tensor["figures"] }
    #expect(figures["int"]?["differingCount"]?.integer == 1)
    #expect(figures["byte"]?["differingCount"]?.integer == 1 && figures["byte"]?["max"]?.double == 256)
    #expect(figures["nan"]?["differingCount"]?.integer == 1 && figures["nan"]?["nonFiniteCount"]?.integer == 0)
    #expect(figures["nan"]?["max"]?.double == 1)
    #expect(figures["inf"]?["nonFiniteCount"]?.integer == 1 && figures["inf"]?["max"]?.string == "inf")
    #expect(figures["inf"]?["cosine"]?.string == "nan")
    #expect(figures["zero"]?["differingCount"]?.integer == 0 && figures["zero"]?["cosine"]?.double == 1)
    #expect(figures["complex"]?["elementCount"]?.integer == 2 && figures["complex"]?["max"]?.double == 1)
    #expect(document["failures"]?.array?.map { $0["tensor"]?.string } == ["inf"])
    let first = try run(folder, "a.safetensors", "b.safetensors", "--format", "tsv").output.split(separator: "\n")
    #expect(first[1].hasPrefix("inf\tF32\t[1, 4]\tinf\tinf\tinf\tinf\tinf\tnan\t-inf\t0"), "\(first[1])")
  }

  @Test func `integers that stand for real numbers are compared as those`() throws {
    let folder = try Program.Folder()
    let files = try FileManager.default.contentsOfDirectory(
      atPath: Program.fixtures.appending(path: "tflite/valid").path
    ).filter { $0.hasSuffix(".tflite") }.sorted()
    var scaledCount = 0
    for file in files {
      let path = Program.fixtures.appending(path: "tflite/valid/\(file)").path
      let model = try Open.model(at: path)
      let floats = try model.dequantized()
      let names = model.tensors.filter { $0.scaling != nil && $0.info.elementCount > 1 }.map(\.info.name)
      guard Set(names).count == names.count, !names.isEmpty else { continue }
      scaledCount += names.count
      try write(
        try names.map { name in
          let tensor = try #require(floats.tensors.first { $0.info.name == name })
          return Part(name, tensor.info.shape, try self.floats(floats, name))
        }, to: folder.file("floats.safetensors"))
      let document = try json(folder, path, "floats.safetensors", "--no-map")
      let tensors = try #require(document["tensors"]?.array)
      #expect(tensors.count == names.count, "\(file)")
      for tensor in tensors {
        #expect(tensor["identical"]?.bool == true && tensor["b"]?["dtype"]?.string == "F32", "\(file): \(tensor)")
        #expect(tensor["a"]?["dtype"]?.string != "F32")
      }
    }
    #expect(scaledCount > 0)
  }

  @Test func `a checkpoint that no family knows is told how to be compared`() throws {
    let folder = try quantized()
    try FileManager.default.copyItem(atPath: Program.checkpoint, toPath: folder.file("foo"))
    let path = folder.file("foo/config.json")
    let config = try String(contentsOfFile: path, encoding: .utf8)
    #expect(config.contains("LlamaForCausalLM"))
    try config.replacing("LlamaForCausalLM", with: "FooForCausalLM").write(
      toFile: path, atomically: true, encoding: .utf8)
    let unknown = try run(folder, "foo", "q4.gguf")
    #expect(unknown.exit == 78 && unknown.errors.contains("to compare, --no-map pairs equal names only"))
    let unmapped = try run(folder, "foo", "q4.gguf", "--no-map")
    #expect(unmapped.exit == 64 && unmapped.errors.contains("no tensor has the same name in foo and q4.gguf"))
    // Names that are the same need no translation.
    let same = try run(folder, "foo", Program.checkpoint, "--fail-above", "max=0")
    #expect(same.exit == 0, "\(same.output)")
    #expect(try run(folder, "foo", "missing.gguf").exit == 66)
    #expect(try run(folder, "--help").output.contains("EXAMPLES"))
  }

  @Test func `every format says the same`() throws {
    let folder = try quantized()
    let arguments = ["compare", Program.checkpoint, "q4.gguf", "--metrics", "rmse,cosine", "--filter", "blk.0.*"]
    let program = Program(folder: folder.path)
    let tsv = try program.run(arguments + ["--format", "tsv"]).output.split(separator: "\n")
    #expect(tsv.count == 10 && tsv[0] == "name\ttypes\tshape\trmse\tcosine\tworst row")
    let markdown = try program.run(arguments + ["--format", "markdown", "--top", "2"]).output
    #expect(markdown.hasPrefix("| name | types | shape | RMSE | cosine | worst row |\n| --- | --- | --- | ---: |"))
    #expect(markdown.split(separator: "\n").count == 4)
    let table = try program.run(arguments + ["--top", "2"]).output
    #expect(table.contains("… and 7 more; --top 9 shows all"))
    let document = try JSONParser.parse(Array(try program.run(arguments + ["--format", "json"]).output.utf8))
    let schema = try JSONParser.parse(
      Array(try Data(contentsOf: Program.root.appending(path: "docs/schemas/compare.json"))))
    expectKeys(document, schema, schema, "")
    let worst = try #require(document["tensors"]?.array?.first)
    #expect(tsv[1].hasPrefix("\(worst["name"]?.string ?? "")\t"))
  }

  /// All keys of `value` are in the schema, and all that it requires are there.
  private func expectKeys(_ value: JSON, _ schema: JSON, _ root: JSON, _ path: String) {
    var schema = schema
    if let name = schema["$ref"]?.string?.split(separator: "/").last {
      schema = root["$defs"]?[String(name)] ?? .null
    }
    for element in value.array ?? [] { expectKeys(element, schema["items"] ?? .null, root, path + "[]") }
    guard let members = value.object else { return }
    for name in schema["required"]?.array ?? [] { #expect(value[name.string ?? ""] != nil, "\(path).\(name)") }
    for (key, member) in members {
      #expect(schema["properties"]?[key] != nil, "\(path).\(key) is not in the schema")
      expectKeys(member, schema["properties"]?[key] ?? .null, root, path + "." + key)
    }
  }
}
