import OunceContainers
import OunceCore
import Testing

/// Integers that stand for real numbers.
struct ScalingTests {
  /// Listings of what models are when their integers became floats; the models are among the well-formed ones.
  static let listings = Fixtures.folders("dequantized").flatMap { folder in
    ((try? Paths.names(in: folder)) ?? []).map { Fixture(path: Paths.join(folder, $0)) }
  }

  @Test func `some container has integers that stand for real numbers`() { #expect(!Self.listings.isEmpty) }

  @Test(arguments: listings) func `integers become the floats that the reference makes`(_ listing: Fixture) throws {
    let folder = Paths.folder(of: Paths.folder(of: listing.path))
    let name = String(Paths.name(of: listing.path).dropLast(".listing".count))
    let model = try Open.model(at: Paths.join(Paths.join(folder, "valid"), name)).dequantized()
    #expect(try Listing.text(model) == String(contentsOfFile: listing.path, encoding: .utf8))
    for tensor in model.tensors {
      let whole = try tensor.content()
      #expect(try tensor.content(rowsAtOnce: 1) == whole, "\(tensor.info.name)")
    }
  }

  @Test(arguments: Fixtures.wellFormed) func `a tensor with a scale has its parts in the metadata`(
    _ fixture: Fixture
  ) throws {
    let model = try Open.model(at: fixture.path)
    for tensor in model.tensors {
      let key = "quantization.\(tensor.info.name).scale"
      #expect((tensor.scaling != nil) == (model.metadata[key] != nil), "\(tensor.info.name)")
    }
    let floats = try model.dequantized()
    #expect(floats.tensors.allSatisfy { $0.scaling == nil })
    #expect(floats.tensors.map(\.info.shape) == model.tensors.map(\.info.shape))
  }
}
