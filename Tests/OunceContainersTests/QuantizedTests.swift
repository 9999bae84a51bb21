import Foundation
import OunceContainers
import OunceCore
import Testing

/// What must hold for checkpoints whose weights lie in several planes.
struct QuantizedTests {
  private static func folders(_ kind: String) -> [Fixture] {
    let folder = Paths.join(Paths.join(Fixtures.root, "quantized"), kind)
    return ((try? Paths.names(in: folder)) ?? []).map { Fixture(path: Paths.join(folder, $0)) }
      .filter { Paths.isFolder($0.path) }
  }

  private static let wellFormed = folders("valid")

  @Test func `there are fixtures`() { #expect(Self.wellFormed.count > 40 && Self.folders("malformed").count > 20) }

  @Test(arguments: wellFormed) func `a weight is what its library dequantizes it to`(_ fixture: Fixture) throws {
    let model = try Open.model(at: fixture.path)
    #expect(try Listing.text(model) == (try fixture.note(".listing")))
  }

  @Test(arguments: wellFormed) func `rows are the same bytes however many are read`(_ fixture: Fixture) throws {
    for tensor in try Open.model(at: fixture.path).tensors {
      let whole = try tensor.content()
      #expect(whole.count == tensor.info.byteCount)
      for count in [1, 2, 3, 7] { #expect(try tensor.content(rowsAtOnce: count) == whole, "\(tensor.info.name)") }
    }
  }

  @Test(arguments: wellFormed) func `planes are kept, and every tensor is somewhere`(_ fixture: Fixture) throws {
    let model = try Open.model(at: fixture.path)
    let file = try Containers.read(InputFile(path: Paths.join(fixture.path, "model.safetensors")))
    #expect(Set(model.tensors.planes.map(\.info.name)) == Set(file.tensors.map(\.info.name)))
    #expect(model.tensors.planes.count == file.tensors.count)
    for tensor in model.tensors {
      guard let stored = tensor.stored else { continue }
      #expect(!stored.name.isEmpty && stored.byteCount == stored.planes.reduce(0) { $0 + $1.info.byteCount })
    }
  }

  @Test(arguments: folders("malformed")) func `an error reads as recorded`(_ fixture: Fixture) throws {
    let error = try #require(throws: OunceError.self) { try Open.model(at: fixture.path) }
    let text = "\(error)".replacingOccurrences(of: Paths.folder(of: fixture.path) + "/", with: "") + "\n"
    if ProcessInfo.processInfo.environment["OUNCE_RECORD_EXPECTED"] == "1" {
      try text.write(toFile: fixture.path + ".expected", atomically: true, encoding: .utf8)
    }
    #expect(text == (try fixture.note(".expected")))
    #expect(error.file != nil && error.remedy != nil, "an error names the file and says what to do")
  }

  /// Whatever is in the planes and in the header, the rows can be read, or an error says why not.
  @Test(arguments: wellFormed) func `damaged checkpoints neither trap nor take memory`(_ fixture: Fixture) throws {
    let environment = ProcessInfo.processInfo.environment
    let seed = environment["OUNCE_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64.max)
    print("damaged planes of \(fixture.testDescription): seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    let folder = FileManager.default.temporaryDirectory.appending(path: "ounce-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in try Paths.names(in: fixture.path) where name != "model.safetensors" {
      try FileManager.default.copyItem(
        atPath: Paths.join(fixture.path, name), toPath: folder.appending(path: name).path)
    }
    let whole = try Fixture(path: Paths.join(fixture.path, "model.safetensors")).bytes()
    for _ in 0..<(environment["OUNCE_MUTATIONS"].flatMap { Int($0) } ?? 30) {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0...3, using: &generator) {
        case 0: bytes[place] = UInt8(ascii: "0") + UInt8.random(in: 0...9, using: &generator)
        case 1: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 2: bytes[place] = bytes[place] &+ 1
        default: bytes.swapAt(place, Int.random(in: 0..<bytes.count, using: &generator))
        }
      }
      try Data(bytes).write(to: folder.appending(path: "model.safetensors"))
      guard let model = try? Open.model(at: folder.path) else { continue }
      for tensor in model.tensors where tensor.info.byteCount <= 1 << 20 {
        do { _ = try tensor.content() } catch { #expect(error is OunceError, "seed \(seed)") }
      }
    }
  }
}
