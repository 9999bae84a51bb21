import Foundation
import OunceContainers
import OunceCore
import Testing

/// Files that belong to a model and have nothing in them by which they could be known.
struct CompanionNameTests {
  private static let folders = Fixtures.wellFormed.filter { Paths.exists(Paths.join($0.path, "checkpoint")) }

  @Test(arguments: Fixtures.wellFormed.filter { Paths.isFolder($0.path) })
  func `shards without a header lead to the model`(_ fixture: Fixture) throws {
    for name in try Paths.names(in: fixture.path) where name.contains(".data-") || name == "checkpoint" {
      let model = try Open.model(at: Paths.join(fixture.path, name))
      #expect(try Listing.text(model) == (try fixture.note(".listing")), "\(name)")
    }
    for name in try Paths.names(in: fixture.path) where name.hasSuffix(".index") {
      let model = try Open.model(at: Paths.join(fixture.path, String(name.dropLast(".index".count))))
      #expect(try Listing.text(model) == (try fixture.note(".listing")), "\(name) without its ending")
    }
  }

  @Test func `of several checkpoints in a folder the last one is opened`() throws {
    #expect(!Self.folders.isEmpty)
    for fixture in Self.folders {
      let folder = FileManager.default.temporaryDirectory.appending(path: "ounce-\(UUID().uuidString)")
      try FileManager.default.copyItem(at: URL(filePath: fixture.path), to: folder)
      defer { try? FileManager.default.removeItem(at: folder) }
      let listing = try fixture.note(".listing")
      let index = try #require(try Paths.names(in: folder.path).first { $0.hasSuffix(".index") })
      // An older one, whose shard is not there.
      try FileManager.default.copyItem(
        at: folder.appending(path: index), to: folder.appending(path: "older.index"))
      try Data().write(to: folder.appending(path: "older.data-00000-of-00001"))
      #expect(try Listing.text(Open.model(at: folder.path)) == listing)
      // The last one was never downloaded: the only other one is taken.
      let moved = folder.appending(path: "older.index")
      try FileManager.default.removeItem(at: moved)
      try "model_checkpoint_path: \"gone\"\n".write(
        to: folder.appending(path: "checkpoint"), atomically: true, encoding: .utf8)
      #expect(try Listing.text(Open.model(at: folder.path)) == listing)
      #expect(try Listing.text(Open.model(at: folder.appending(path: "checkpoint").path)) == listing)
    }
  }
}
