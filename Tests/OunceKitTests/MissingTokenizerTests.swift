import Foundation
import OunceKit
import Testing

/// A checkpoint of which only the weights and their settings were downloaded.
struct MissingTokenizerTests {
  private func withCheckpoint(_ body: (Model) throws -> Void) throws {
    let fixture = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "fixtures/tiny-docs-llama")
    let folder = FileManager.default.temporaryDirectory.appending(path: "ounce-bare-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in try FileManager.default.contentsOfDirectory(atPath: fixture.path)
    where name == "config.json" || name.contains("safetensors") {
      try FileManager.default.createSymbolicLink(
        at: folder.appending(path: name), withDestinationURL: fixture.appending(path: name))
    }
    try body(try Open.model(at: folder.path))
  }

  @Test func `a run is refused before it begins`() throws {
    try withCheckpoint { model in
      let error = #expect(throws: OunceError.self) { try model.translated() }
      #expect(error?.kind == .notFound)
    }
  }

  @Test func `a plan that is only looked at is made, with a note`() throws {
    try withCheckpoint { model in
      var options = TranslationOptions()
      options.toleratesMissingTokenizer = true
      let translation = try model.translated(options)
      #expect(translation.model.tensors.count == model.tensors.count)
      #expect(translation.notes.contains { $0.contains("no tokenizer.json") })
    }
  }
}
