public import OunceCore

/// A file of hashes that a check compares with later: `ounce hash -o`.
///
/// ```
/// {"schema": "ounce.hash/1", "model": "…", "files": [{"name": "model.gguf", "byteCount": 1, "sha256": "…"}],
///  "tensors": [{"name": "a.weight", "dtype": "F32", "shape": [2, 3], "sha256": "…"}]}
/// ```
public struct HashManifest: Sendable, Equatable {
  public struct File: Sendable, Equatable {
    /// Without its folder.
    public let name: String
    public let byteCount: Int
    public let sha256: String
  }

  public static let schema = "ounce.hash/1"

  public let model: String
  public let files: [File]
  public let tensors: [TensorHash]

  /// Hashes the files of a model whole, beside its tensors.
  public init(_ model: Model, _ tensors: [TensorHash]) throws(OunceError) {
    self.tensors = tensors
    self.model = tensors.modelHash
    files = try model.files.map { (file) throws(OunceError) in
      File(name: Paths.name(of: file.path), byteCount: file.byteCount, sha256: try ContentHash.sha256(of: file))
    }
  }

  public var json: JSON {
    .object([
      "schema": .string(Self.schema), "model": .string(model),
      "files": .array(
        files.map {
          .object(["name": .string($0.name), "byteCount": .integer($0.byteCount), "sha256": .string($0.sha256)])
        }),
      "tensors": .array(tensors.map(\.json)),
    ])
  }
}

extension TensorHash {
  public var json: JSON {
    .object([
      "name": .string(name), "dtype": .string(dtype), "shape": .array(shape.map(JSON.integer)),
      "sha256": .string(sha256),
    ])
  }
}

extension HashManifest {
  /// Plans the file that holds this manifest.
  public func plan(output: String, inputs: [InputFile]) -> Plan {
    var planned = PlannedFiles()
    planned.add(output, Array((JSONWriter.write(json, isIndented: true) + "\n").utf8))
    return Plan(planned, inputs: inputs)
  }
}

extension Model {
  /// The hash of each file that holds tensors.
  public func fileHashes() throws(OunceError) -> [(path: String, sha256: String)] {
    try files.map { (file) throws(OunceError) in (file.path, try ContentHash.sha256(of: file)) }
  }
}
