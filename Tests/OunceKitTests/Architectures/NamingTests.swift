@testable import OunceKit
import Testing

/// Names, sizes and file names, compared with what the reference's heuristics say.
struct NamingTests {
  private static let cases: JSON? = {
    let path = Paths.join(Repository.root, "fixtures/architectures/naming_cases.json")
    return (try? InputFile(path: path)).flatMap { try? JSONParser.parse(file: $0) }
  }()

  @Test func `names are taken apart as the reference does`() throws {
    let cases = try #require(Self.cases?["get_model_id_components"]?.array)
    for entry in cases {
      let identifier = entry["id"]?.string ?? ""
      let name = ModelName(identifier: identifier, parameterCount: entry["total_params"]?.integer ?? 0)
      let found = [name.fullName, name.organization, name.basename, name.finetune, name.version, name.sizeLabel]
      let wanted = ["model_full_name", "organization", "basename", "finetune", "version", "size_label"].map {
        entry[$0]?.string
      }
      #expect(found == wanted, "\(identifier) of \(entry["total_params"]?.integer ?? 0)")
    }
  }

  @Test func `size labels have two digits at least`() throws {
    for entry in try #require(Self.cases?["size_label"]?.array) {
      let numbers = (entry["args"]?.array ?? []).compactMap(\.integer)
      let parameters = Parameters(
        total: numbers[0], shared: numbers[1], perExpert: numbers[2], expertCount: numbers[3])
      #expect(parameters.sizeLabel == entry["label"]?.string, "\(numbers)")
    }
  }

  @Test func `files are named by convention`() throws {
    for entry in try #require(Self.cases?["naming_convention"]?.array) {
      let words = (entry["args"]?.array ?? []).map(\.string)
      var name = ModelName(title: words[0] ?? "")
      (name.basename, name.finetune, name.version, name.sizeLabel) = (words[1], words[2], words[3], words[4])
      // Adapters are named elsewhere.
      if words[6] == "LoRA" { continue }
      #expect(name.fileStem(encoding: words[5]) == entry["name"]?.string, "\(words)")
    }
  }
}
