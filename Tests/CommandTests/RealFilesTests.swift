import Foundation
import OunceKit
import Testing

/// Trained files of third parties, where they lie beside the repository: every tensor against an answer key that the
/// formats' own libraries gave.
struct RealFilesTests {
  private static let folder = Program.root.deletingLastPathComponent().appending(path: "shared/real")

  /// One file of the key.
  struct Entry: Sendable, CustomTestStringConvertible {
    let path: String
    let tensors: [JSON]?
    var testDescription: String { path }
  }

  private static let entries: [Entry] = {
    let path = folder.appending(path: "TENSORS.json").path
    guard Paths.isFile(path) else {
      print("skipped: there is no \(path) with files of third parties")
      return []
    }
    guard let key = try? JSONParser.parse(file: InputFile(path: path)).object else { return [] }
    return key.map { Entry(path: $0, tensors: $1["tensors"]?.array) }
  }()

  /// How the libraries spell the types that ounce calls by one name.
  private static let spellings = [
    "float64": "F64", "double": "F64", "float32": "F32", "float": "F32", "float16": "F16", "bfloat16": "BF16",
    "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL",
  ]

  @Test func `the key is read`() {
    if Paths.isFolder(Self.folder.path) { #expect(Self.entries.filter { $0.tensors != nil }.count > 30) }
  }

  @Test(arguments: entries.filter { $0.tensors != nil })
  func `every tensor has the name, shape, type and content of the key`(_ entry: Entry) throws {
    let path = Self.folder.appending(path: entry.path).path
    let expected = try #require(entry.tensors)
    if entry.path.hasSuffix(".lz4") {
      let error = try #require(throws: OunceError.self) { try Open.model(at: path) }
      #expect(error.kind == .unsupported && error.problem.contains("joblib"))
      return
    }
    let model = try Open.model(at: path)
    var found: [String: TensorHash] = [:]
    for hash in try model.tensorHashes() { found[hash.name] = hash }
    for tensor in expected {
      let name = try #require(tensor["name"]?.string)
      let dtype = try #require(tensor["dtype"]?.string)
      guard dtype != "string" else {
        #expect(model.remarks.contains { $0.kind == .unsupported && $0.subject == name }, "\(name)")
        continue
      }
      let hash = try #require(found[name], "\(name) is missing")
      var shape = (tensor["shape"]?.array ?? []).compactMap(\.integer)
      // The key gives sizes of these files as ggml orders them, the fastest first.
      if model.container == "ggml" { shape.reverse() }
      #expect(hash.shape == shape, "\(name)")
      #expect(hash.dtype == Self.spellings[dtype.lowercased()] ?? dtype, "\(name)")
      #expect(hash.sha256 == tensor["sha256"]?.string, "\(name)")
    }
  }

  @Test(arguments: entries.map(\.path).filter { $0.hasSuffix(".caffemodel") })
  func `what cannot be read says what it is`(_ name: String) throws {
    let path = Self.folder.appending(path: name).path
    let error = try #require(throws: OunceError.self) { try Open.model(at: path) }
    #expect(error.kind == .unsupported && error.problem.contains("Caffe"), "\(error)")
  }
}
