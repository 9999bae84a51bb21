import Foundation
import OunceKit
import Testing

/// Every file that llama-quantize made of the tiny checkpoints beside the repository, importance matrices included.
struct ZooTests {
  private static let zoo = Program.root.deletingLastPathComponent().appending(path: "shared/zoo")
  private static let isThere = FileManager.default.fileExists(atPath: zoo.appending(path: "manifest.json").path)

  /// One recorded run.
  struct Case: Sendable, CustomTestStringConvertible {
    let folder: String
    let recipe: String
    let importance: String?
    let digest: String
    var testDescription: String { "\(folder) as \(recipe)" }
  }

  private static let cases: [Case] = {
    guard let manifest = try? JSONParser.parse(file: InputFile(path: zoo.appending(path: "manifest.json").path)),
      let list = manifest["entries"]
    else { return [] }
    let entries = list.array ?? list.object?.values ?? []
    return entries.flatMap { entry in
      (entry["quantized"]?.array ?? []).compactMap { run in
        guard let folder = entry["directory"]?.string, let recipe = run["type"]?.string,
          let digest = run["digest"]?.string
        else { return nil }
        return Case(folder: folder, recipe: recipe, importance: run["imatrix"]?.string, digest: digest)
      }
    }
  }()

  @Test(.enabled(if: isThere, "needs the zoo in ../shared"))
  func `the zoo is read`() { #expect(Self.cases.count >= 55) }

  @Test(.enabled(if: isThere, "needs the zoo in ../shared"), arguments: cases)
  func `a tiny checkpoint becomes what llama-quantize makes of it`(_ run: Case) throws {
    let folder = try Program.Folder()
    var arguments = ["quantize", Self.zoo.appending(path: run.folder).path, "--to", run.recipe, "-o", folder.file("m")]
    if let importance = run.importance {
      // Without the hash of the matrix, which the reference does not record.
      arguments += ["--imatrix", Self.zoo.appending(path: importance).path, "--reference"]
    }
    let result = try Program().run(arguments)
    #expect(result.exit == 0, "\(result.errors)")
    let expected = try JSONParser.parse(file: InputFile(path: Self.zoo.appending(path: run.digest).path))
    // The path of the matrix is recorded as it was spelled.
    try Digest.compare(folder.file("m"), expected, except: ["quantize.imatrix.file"])
  }
}
