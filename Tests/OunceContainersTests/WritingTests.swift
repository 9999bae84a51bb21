import Foundation
import OunceContainers
import OunceCore
import Testing

/// What must hold for every container that can be written.
struct WritingTests {
  private static let containers = Containers.writable
  private static let unlimited = containers.filter { $0.tensorLimit == nil }

  /// The file of a layout, rows included.
  private func file(_ layout: FileLayout, _ tensors: [Tensor]) throws -> [UInt8] {
    var file = layout.header
    file += [UInt8](repeating: 0, count: layout.byteCount - file.count)
    for insert in layout.inserts {
      file.replaceSubrange(insert.offset..<insert.offset + insert.bytes.count, with: insert.bytes)
    }
    for (tensor, offset) in zip(tensors, layout.offsets) {
      let isSwapped = layout.isBigEndian && !tensor.info.encoding.words.isEmpty
      let data: any TensorData = isSwapped ? ByteSwapped(tensor.data, encoding: tensor.info.encoding) : tensor.data
      let content = try Tensor(info: tensor.info, data: data).content()
      file.replaceSubrange(offset..<offset + content.count, with: content)
    }
    for checksum in layout.checksums {
      let content = try tensors[checksum.tensor].content()
      var bytes = ByteWriter()
      bytes.integer(content.withRawSpan { CRC32.checksum(of: $0, after: checksum.before) })
      for offset in checksum.offsets { file.replaceSubrange(offset..<offset + 4, with: bytes.bytes) }
    }
    return file
  }

  /// Whether a container holds all types of a model. Planes that were put together when it was opened have types that
  /// are in no file as they stand.
  private func holds(_ model: Model, _ container: any WritableContainer) -> Bool {
    let hasBlocks = model.tensors.contains { $0.info.encoding.kind == .quantized }
    return !hasBlocks || (try? container.layout(model.metadata, model.tensors.map(\.info))) != nil
  }

  /// Tensors in an order that no container chooses by itself.
  private func sorted(_ text: String) -> [String] { text.split(separator: "\n").map(String.init).sorted() }

  @Test(arguments: Fixtures.wellFormed) func `what is written is what is read again`(_ fixture: Fixture) throws {
    let model = try Open.model(at: fixture.path)
    let listing = try Listing.text(model)
    for container in Self.containers where container.name == model.container && holds(model, container) {
      for variant in container.variants {
        let layout = try variant.layout(model.metadata, model.tensors.map(\.info))
        let bytes = try file(layout, model.tensors)
        #expect(variant.recognizes(try Candidate(InputFile(path: "written", bytes: bytes))))
        let again = try variant.read(InputFile(path: fixture.stem, bytes: bytes))
        var expected = model
        // What cannot be read, or was left aside, is not in what is written.
        expected.remarks = []
        // What a variant adds or drops by design is no difference.
        for (key, value) in again.metadata where model.metadata[key] == nil { expected.metadata[key] = value }
        for index in expected.tensors.indices {
          let name = expected.tensors[index].info.name
          guard let other = again.tensors.first(where: { $0.info.name.utf8.elementsEqual(name.utf8) }) else { continue }
          let shape = expected.tensors[index].info.shape
          if other.info.shape != shape, other.info.shape == Array(shape.drop { $0 == 1 }) {
            expected.tensors[index].info = other.info
          }
        }
        #expect(sorted(try Listing.text(again)) == sorted(try Listing.text(expected)), "\(listing)")
      }
    }
  }

  @Test(arguments: Fixtures.canonical.filter { !Paths.isFolder($0.path) })
  func `a file of the reference library is reproduced byte for byte`(_ fixture: Fixture) throws {
    let bytes = try fixture.bytes()
    let model = try Open.model(at: fixture.path)
    let container = try #require(Self.containers.first { $0.name == model.container })
    let made = try container.variants.map {
      try file($0.layout(model.metadata, model.tensors.map(\.info)), model.tensors)
    }
    #expect(made.contains(bytes), "made \(made.map(\.count)) bytes instead of \(bytes.count)")
  }

  @Test(arguments: Fixtures.canonical.filter { Paths.isFolder($0.path) })
  func `a set of shards of the reference library is reproduced byte for byte`(_ fixture: Fixture) throws {
    let model = try Open.model(at: fixture.path)
    let container = try #require(
      Self.containers.first { $0.name == model.container } as? any SplittableContainer)
    let first = try #require(model.files.first)
    let count = try Containers.read(first).tensors.count
    let name = "model." + (try #require(container.fileExtensions.first))
    let made = try container.split(
      model.metadata, model.tensors.map(\.info), name: name, limits: ShardLimits(tensorCount: count))
    var files: [String: [UInt8]] = [:]
    for shard in made.shards { files[shard.name] = try file(shard.layout, shard.tensors.map { model.tensors[$0] }) }
    if let index = made.index { files[index.name] = index.bytes }
    #expect(files.keys.sorted() == (try Paths.names(in: fixture.path)))
    for (name, content) in files {
      #expect(content == (try Fixture(path: Paths.join(fixture.path, name)).bytes()), "\(name)")
    }
  }

  @Test(arguments: Fixtures.wellFormed, [1, 2, 3]) func `shards hold every tensor once and open as one model`(
    _ fixture: Fixture, _ tensorCount: Int
  ) throws {
    let model = try Open.model(at: fixture.path)
    // Settings that keep planes from being joined are not among what is written here.
    guard model.remarks.isEmpty,
      let container = Self.containers.first(where: { $0.name == model.container }) as? any SplittableContainer,
      holds(model, container)
    else { return }
    let folder = FileManager.default.temporaryDirectory.appending(path: "ounce-shards-\(UUID())").path
    try Paths.makeFolder(folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for isFirstWithoutTensors in [false, true] {
      let made = try container.split(
        model.metadata, model.tensors.map(\.info), name: "model",
        limits: ShardLimits(tensorCount: tensorCount, isFirstWithoutTensors: isFirstWithoutTensors))
      #expect(made.shards.flatMap(\.tensors) == Array(model.tensors.indices))
      #expect(made.shards.allSatisfy { $0.tensors.count <= tensorCount } || made.shards.count == 1)
      for shard in made.shards {
        let content = try file(shard.layout, shard.tensors.map { model.tensors[$0] })
        try Data(content).write(to: URL(filePath: Paths.join(folder, shard.name)))
      }
      let last = try #require(made.shards.last)
      let again = try Open.model(at: Paths.join(folder, last.name))
      #expect(again.tensors.count == model.tensors.count)
      #expect(again.files.count == made.shards.count)
    }
  }

  @Test(arguments: containers.map(\.name)) func `two tensors of one name are refused`(_ name: String) throws {
    let container = try #require(Self.containers.first { $0.name == name })
    let info = try TensorInfo(name: "twin", shape: [2], encoding: try Encodings.require("F32"))
    let error = #expect(throws: OunceError.self) { try container.layout([:], [info, info]) }
    #expect(error?.subject == "tensor twin")
  }

  /// Offsets beyond 32 bits, and more elements than 32 bits count: the file is sparse, so it takes no room.
  @Test(arguments: unlimited.map(\.name)) func `a tensor beyond 4 GiB has its values`(_ name: String) throws {
    let container = try #require(Self.containers.first { $0.name == name })
    let path = FileManager.default.temporaryDirectory.appending(path: "ounce-large-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let values = (0..<16).map(Float.init)
    let tensors = [
      try TensorInfo(name: "large", shape: [3 << 20, 1024], encoding: try Encodings.require("I8")),
      try TensorInfo(name: "larger", shape: [1 << 20, 1024], encoding: try Encodings.require("I16")),
      try TensorInfo(name: "after", shape: [16], encoding: try Encodings.require("F32")),
    ]
    let layout = try container.layout([:], tensors)
    #expect(layout.byteCount > 5 << 30)
    let output = try OutputFile(path: path)
    try output.resize(to: layout.byteCount)
    try layout.header.withRawSpan { (span) throws(OunceError) in try output.write(span, at: 0) }
    for insert in layout.inserts {
      try insert.bytes.withRawSpan { (span) throws(OunceError) in try output.write(span, at: insert.offset) }
    }
    let content = values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) } }
    try content.withRawSpan { (span) throws(OunceError) in try output.write(span, at: layout.offsets[2]) }
    try output.commit()
    let after = try #require(try Open.model(at: path).tensors.first { $0.info.name == "after" })
    #expect(try after.content() == content)
  }

  @Test(arguments: containers.compactMap { $0 as? any SplittableContainer }.map(\.name))
  func `a thousand shards open as one model with few descriptors`(_ name: String) throws {
    let container = try #require(Self.containers.first { $0.name == name } as? any SplittableContainer)
    let folder = FileManager.default.temporaryDirectory.appending(path: "ounce-thousand-\(UUID())").path
    try Paths.makeFolder(folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let encoding = try Encodings.require("I8")
    let tensors = try (0..<1000).map { index in
      let content = [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: 4)
      return try Tensor(
        name: "t\(index)", shape: [4], encoding: encoding, data: Memory(bytes: content, rowByteCount: 4))
    }
    let made = try container.split(
      [:], tensors.map(\.info), name: "model", limits: ShardLimits(tensorCount: 1))
    for shard in made.shards {
      let content = try file(shard.layout, shard.tensors.map { tensors[$0] })
      try Data(content).write(to: URL(filePath: Paths.join(folder, shard.name)))
    }
    if let index = made.index {
      try Data(index.bytes).write(to: URL(filePath: Paths.join(folder, index.name)))
    }
    let model = try Open.model(at: folder)
    #expect(model.tensors.count == 1000 && model.files.count == 1000)
    for (index, tensor) in model.tensors.enumerated() {
      #expect(try tensor.content() == [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: 4))
    }
    #if os(Linux)
      let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))?.hasPrefix(folder) ?? false
      }
      #expect(open.count <= 64, "\(open.count) descriptors")
    #endif
  }
}
