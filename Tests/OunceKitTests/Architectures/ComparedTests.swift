import OunceKit
import Testing

/// What `formats --architectures` says was compared.
struct ComparedTests {
  @Test func `every compared class is one of a family`() {
    let known = Set(Architectures.all.flatMap(\.huggingFaceNames))
    #expect(Architectures.compared.subtracting(known).isEmpty)
  }

  @Test func `the classes of the fixtures are compared`() throws {
    var count = 0
    for fixture in FixtureCase.all {
      let folder = Paths.join(Repository.root, "fixtures/architectures/\(fixture.name)")
      for name in try Paths.names(in: folder) where Paths.isFile(Paths.join(folder, "\(name)/config.json")) {
        let config = try JSONParser.parse(file: InputFile(path: Paths.join(folder, "\(name)/config.json")))
        let classes = config["text_config"]?["architectures"]?.array ?? config["architectures"]?.array
        guard let first = classes?.first?.string else { continue }
        #expect(Architectures.compared.contains(first), "\(fixture.name)")
        count += 1
      }
    }
    #expect(count > 50)
  }
}
