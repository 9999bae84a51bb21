import Foundation
import OunceContainers
import OunceCore
import Testing

/// What must hold for every file that a container can read.
struct ReadingTests {
  @Test(arguments: Containers.all.map(\.name) + Containers.folders.map(\.name))
  func `a container has fixtures of each kind`(_ name: String) throws {
    let isWritable = Containers.named(name) is any WritableContainer
    for kind in isWritable ? ["canonical", "valid", "malformed"] : ["valid", "malformed"] {
      let folder = Paths.join(Paths.join(Fixtures.root, Fixtures.folder(of: name)), kind)
      #expect(try Paths.names(in: folder).count > 1, "\(folder)")
    }
  }

  @Test(arguments: Fixtures.wellFormed) func `a model holds what its listing says`(_ fixture: Fixture) throws {
    let model = try Open.model(at: fixture.path)
    #expect(try Listing.text(model) == (try fixture.note(".listing")))
  }

  @Test(arguments: Fixtures.wellFormed) func `rows are the same bytes however many are read`(_ fixture: Fixture) throws
  {
    for tensor in try Open.model(at: fixture.path).tensors {
      let whole = try tensor.content()
      #expect(whole.count == tensor.info.byteCount)
      for count in 1...3 { #expect(try tensor.content(rowsAtOnce: count) == whole, "\(tensor.info.name)") }
    }
  }

  @Test(arguments: Fixtures.wellFormed.filter { Paths.isFolder($0.path) })
  func `any file of a set opens the whole set`(_ fixture: Fixture) throws {
    let container = Containers.named(try Open.model(at: fixture.path).container)
    let endings = (container?.fileExtensions ?? []) + ["index.json"]
    for name in try Paths.names(in: fixture.path) where endings.contains(where: { name.hasSuffix("." + $0) }) {
      let model = try Open.model(at: Paths.join(fixture.path, name))
      #expect(try Listing.text(model) == (try fixture.note(".listing")), "\(name)")
    }
  }

  /// What the reference library makes of quantized weights: `values/` has a listing of floats for a model in `valid/`.
  @Test(arguments: Fixtures.entries("values"))
  func `quantized weights decode to the floats of the reference`(_ fixture: Fixture) throws {
    let folder = Paths.join(Paths.folder(of: Paths.folder(of: fixture.path)), "valid")
    let model = try Open.model(at: Paths.join(folder, Paths.name(of: fixture.path)))
    var lines: [String] = []
    for tensor in model.tensors where tensor.info.encoding.kind == .quantized {
      let content = try tensor.content()
      var floats = [Float](repeating: 0, count: tensor.info.elementCount)
      var span = floats.mutableSpan
      content.withRawSpan { tensor.info.encoding.decode($0, into: &span) }
      let bytes = Memory.bytes(of: floats)
      lines.append(
        "tensor \(Listing.quoted(tensor.info.name)) F32 \(tensor.info.shape) \(bytes.count) \(Listing.hash(bytes))")
    }
    #expect(!lines.isEmpty)
    #expect(lines.joined(separator: "\n") + "\n" == (try fixture.note("")))
  }

  @Test(arguments: Fixtures.wellFormedFiles)
  func `a name says nothing about the container`(_ fixture: Fixture) throws {
    let model = try Containers.read(InputFile(path: fixture.stem, bytes: try fixture.bytes()))
    #expect(try Listing.text(model) == (try fixture.note(".listing")))
  }
}
